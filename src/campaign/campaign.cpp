#include "campaign.hpp"

#include "ratiofarm/core/errors.hpp"

#include "campaign/file/section_readers.hpp"
#include "core/publish.hpp"
#include "core/suggest.hpp"

namespace ratiofarm {

std::filesystem::path Campaign::events_path() const { return folder / events.file; }

const ProcessSection& Campaign::process(std::string_view process_name) const {
    std::vector<std::string> names;
    for (const ProcessSection& section : processes) {
        if (section.name == process_name) return section;
        names.push_back(section.name);
    }
    throw DataError("the campaign has no process '" + std::string(process_name) + "'" +
                    did_you_mean(process_name, names));
}

CampaignDraft draft_campaign(std::string_view toml,
                             const std::filesystem::path& folder,
                             std::string_view source) {
    const ConfigNode root = parse_toml(toml, source);
    Mistakes mistakes;
    Campaign campaign;
    campaign.folder = folder;
    read_general(root, campaign, mistakes);
    read_parameters(root, campaign, mistakes);
    const std::size_t before = mistakes.size();
    read_processes(root, campaign, mistakes);
    read_morphing(root, campaign, mistakes);
    read_systematics(root, campaign, mistakes);
    read_regions(root, campaign, mistakes);
    if (mistakes.size() == before) check_use_of_parameters(root, campaign, mistakes);
    read_reference(root, campaign, mistakes);
    read_data(root, campaign, mistakes);
    read_inference(root, campaign, mistakes);
    read_nets(root, campaign, mistakes);
    read_preselection(root, campaign, mistakes);
    check_selection(root, campaign, mistakes);
    read_finite_mc(root, campaign, mistakes);
    read_search(root, campaign, mistakes);
    read_unfolding(root, campaign, mistakes);
    read_simulate(root, campaign, mistakes);
    return {std::move(campaign), mistakes.lines(source)};
}

std::string mistakes_text(const std::vector<std::string>& mistakes, std::string_view source) {
    std::string text;
    if (mistakes.size() > 1) {
        text = std::to_string(mistakes.size()) + " mistakes in " + std::string(source) + ":";
    }
    for (const std::string& line : mistakes) text += (text.empty() ? "" : "\n") + line;
    return text;
}

Campaign parse_campaign(std::string_view toml,
                        const std::filesystem::path& folder,
                        std::string_view source) {
    CampaignDraft draft = draft_campaign(toml, folder, source);
    if (!draft.mistakes.empty()) throw ConfigError(mistakes_text(draft.mistakes, source));
    return std::move(draft.campaign);
}

std::string read_campaign_text(const std::filesystem::path& path) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown)) {
        throw ConfigError("'" + path.string() +
                          "' is a folder: give the campaign file, and a run directory with --out");
    }
    return read_text(path);
}

Campaign read_campaign(const std::filesystem::path& path) {
    return parse_campaign(read_campaign_text(path), path.parent_path(), path.string());
}

Campaign with_absolute_paths(Campaign campaign) {
    const auto make_absolute = [&](std::string& file) {
        if (file.empty()) return;
        file = std::filesystem::absolute(campaign.folder / file).lexically_normal();
    };
    make_absolute(campaign.events.file);
    for (UnbinnedRegionSection& region : campaign.unbinned) make_absolute(region.ratios);
    return campaign;
}

}  // namespace ratiofarm
