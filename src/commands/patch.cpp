#include "patch.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "campaign/file/toml_writer.hpp"
#include "core/sealed_text.hpp"
#include "measurement/support.hpp"
#include "pipeline/own_directory.hpp"

namespace ratiofarm {
namespace fs = std::filesystem;

Campaign with_process(Campaign campaign, const PatchHeader& process) {
    campaign.simulate.reset();  // its events are there, and nothing simulates those of the process
    std::string text = campaign_toml(campaign);
    for (std::size_t i = 0; i < process.parameters.size(); ++i) {
        const auto& [low, high] = process.ranges[i];
        text += fmt::format("\n[parameters.{}]\nrange = [{}, {}]\nstart = {}\n",
                            key_text(process.parameters[i]), toml_text(low), toml_text(high),
                            toml_text(std::clamp(0.0, low, high)));
    }
    text += fmt::format("\n[[process]]\nname = {}\ncoefficient = {}\nyield = {}\n",
                        toml_text(process.process), toml_text(process.coefficient),
                        toml_text(process.yield));
    Campaign patched = parse_campaign(text, campaign.folder, "the campaign with the new process");
    if (!process.parameters.empty()) patched.inference.poi = process.parameters.front();
    return patched;
}

PatchedBundle apply_patch(const Bundle& bundle,
                          const fs::path& patch,
                          fs::path& out,
                          const Log& log) {
    const PatchHeader header = read_patch_header(patch);
    const std::string digest = digest_of(bundle.record).hex();
    if (header.bundle != digest) {
        throw DataError(
            fmt::format("the patch '{}' belongs to another bundle (digest {}; '{}' has "
                        "{}): its events are not those of this one",
                        patch.string(), header.bundle, bundle.folder.string(), digest));
    }
    Campaign campaign = with_process(read_campaign(bundle.campaign()), header);
    const auto own = std::ranges::count_if(
        campaign.unbinned, [](const auto& region) { return region.ratios.empty(); });
    if (own == 0) throw DataError("the bundle has no ratios.h5 that a patch could add to");
    campaign = with_absolute_paths(std::move(campaign));
    campaign.name += "." + header.process;
    if (out.empty()) out = campaign.name + ".run";
    const RunDirectory directory(fs::absolute(out));
    expect_run_directory(directory);
    make_directory(directory.root());
    const PatchedBundle patched{patched_campaign(directory), patched_ratios(directory)};
    apply_patch(patch, RatioFile(bundle.ratios()), patched.ratios);
    const RatioFile ratios(patched.ratios);
    const Support support = support_of(ratios, header.process, header.process);
    log.info("support of the patch",
             {{"process", header.process}, {"facts", support_text(support)}});
    expect_support(header.process, support);  // doubts are warnings of the fit
    publish_sealed(patched.campaign, campaign_toml(campaign));
    return patched;
}

}  // namespace ratiofarm
