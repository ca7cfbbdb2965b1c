#include "own_ratios.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "campaign/made_from.hpp"

#include "ensembles.hpp"
#include "plan_campaign.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// The tasks of a campaign on one kind of device; nothing where events are missing or no net can
/// learn what the campaign asks for.
std::optional<TaskGraph> graph_on(const PlannedCampaign& planned, DeviceClass device) {
    if (planned.samples.empty()) return std::nullopt;
    try {
        return make_task_graph(planned.campaign, planned.samples, device_class_name(device));
    } catch (const ConfigError&) {
        return std::nullopt;
    }
}

/// What makes the ratios again, as it is typed.
std::string remedy(const PlannedCampaign& planned,
                   const RunPlace& place,
                   const JournalState& history,
                   const Places& places) {
    const auto graph = graph_on(planned, place.device);
    const std::string arguments =
        fmt::format("{} --out {}", places.campaign.string(), place.directory.root().string());
    if (!graph) {
        return fmt::format(
            "make them again with 'ratiofarm run {}' where the events file is, or give the file "
            "with --ratios if it is to be used as it is",
            arguments);
    }
    const bool gathered = std::ranges::all_of(graph->ensembles, [&](const PlannedEnsemble& one) {
        return is_gathered(planned.campaign, place.directory, one);
    });
    if (gathered) {
        return fmt::format("the nets are right: make them again with 'ratiofarm infer {}'",
                           arguments);
    }
    const std::uint64_t changed = count_changed(*graph, history, place.directory);
    if (changed == 0) return fmt::format("make them again with 'ratiofarm run {}'", arguments);
    return fmt::format(
        "{} nets belong to the other campaign: train them again with 'ratiofarm run {} "
        "--accept-change', or give the file with --ratios if it is to be used as it is",
        changed, arguments);
}

/// True if the ratios that are there may be those of data that another measurement has opened.
bool is_blind_again(const RootBooks& books) {
    return books.blinding && !books.blinding->unblinding && books.blinding->earlier;
}

std::string unblind_anew(const Unblinding& earlier, const RunPlace& place, const Places& places) {
    const std::string command = fmt::format("ratiofarm run {} --out {}", places.campaign.string(),
                                            place.directory.root().string());
    return fmt::format(
        "the campaign is blind again, so its data are not fitted: it is another measurement "
        "(model, "
        "ranges, nets, regions or data differ) than the one that was unblinded at {}. '{}' makes "
        "the expected result of this one, '{} --unblind REASON' then fits the data",
        earlier.time, command, command);
}

}  // namespace

bool are_ratios_of(const fs::path& path, const Digest& inputs) {
    if (!fs::exists(path)) return false;
    try {
        return RatioFile(path).header().inputs == inputs;
    } catch (const Error&) {
        return false;  // damaged: made again
    }
}

void expect_own_ratios(const PlannedCampaign& planned,
                       const RunPlace& place,
                       const RootBooks& books,
                       const Places& places) {
    const Campaign& campaign = planned.campaign;
    const bool own = std::ranges::any_of(campaign.unbinned,
                                         [](const auto& region) { return region.ratios.empty(); });
    const fs::path path = place.directory.ratios();
    if (!campaign.has_events() || !own || !fs::exists(path)) return;
    const RatioHeader header = RatioFile(path).header();
    const MadeFrom made = parse_made_from(header.made_from);
    const auto changes = differences(made, ratios_made_from(campaign));
    bool judged = false;
    for (const DeviceClass device : device_classes) {
        const auto graph = graph_on(planned, device);
        judged = judged || graph.has_value();
        if (graph && header.inputs == ratios_digest(campaign, planned.samples, *graph)) return;
    }
    if (!judged && !made.empty() && changes.empty()) return;
    const std::string why =
        made.empty() ? ":\n  it does not say what it was made from (another program or an older "
                       "version wrote it)"
        : changes.empty() ? ":\n  its events, or the order of the campaign's sections, are others"
                          : first_of(changes, "\n  ").insert(0, ":");
    const std::string way = is_blind_again(books)
                                ? unblind_anew(*books.blinding->earlier, place, places)
                                : remedy(planned, place, books.history, places);
    throw DataError(fmt::format("the ratios of '{}' are not those of the campaign{}\n{}",
                                path.string(), why, way));
}

}  // namespace ratiofarm
