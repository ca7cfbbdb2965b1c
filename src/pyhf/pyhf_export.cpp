#include "pyhf_export.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "pyhf_modifiers.hpp"

namespace ratiofarm {

using nlohmann::ordered_json;

namespace {

class Exporter {
public:
    explicit Exporter(const Campaign& campaign) : campaign_(campaign), modifiers_(campaign) {}

    ordered_json workspace() {
        ordered_json channels = ordered_json::array();
        ordered_json observations = ordered_json::array();
        for (const BinnedRegionSection& section : campaign_.binned) {
            const std::string name = label_of(campaign_.labels.regions, section.region.name);
            channels.push_back({{"name", name}, {"samples", samples(section.region)}});
            if (section.observed) {
                observations.push_back({{"name", name}, {"data", *section.observed}});
            } else {
                modifiers_.refuse("region '" + section.region.name +
                                  "': observed is missing (a workspace needs counts)");
            }
        }
        ordered_json config;
        config["poi"] = label_of(campaign_.labels.parameters, campaign_.inference.poi);
        config["parameters"] = modifiers_.configuration();
        modifiers_.throw_if_refused();
        ordered_json result;
        result["channels"] = std::move(channels);
        result["observations"] = std::move(observations);
        result["measurements"] = {{{"name", campaign_.name}, {"config", std::move(config)}}};
        result["version"] = "1.0.0";
        return result;
    }

private:
    ordered_json samples(const BinnedRegion& region) {
        ordered_json result = ordered_json::array();
        for (const BinnedSample& sample : region.samples) {
            result.push_back({{"name", label_of(campaign_.labels.samples, sample.name)},
                              {"data", sample.contents},
                              {"modifiers", modifiers_.of(region, sample)}});
        }
        return result;
    }

    const Campaign& campaign_;
    PyhfModifiers modifiers_;
};

}  // namespace

void expect_binned(const Campaign& campaign) {
    if (!campaign.binned.empty()) return;
    throw ConfigError(
        std::string("the campaign has no binned region, so there is nothing to export to this "
                    "format; ") +
        (campaign.unfolding
             ? "it unfolds, and '--format omnifold' exports the unfolded events"
             : "'--format safetensors' exports nets, 'ratiofarm bundle' the whole likelihood"));
}

ordered_json pyhf_from_campaign(const Campaign& campaign) {
    expect_binned(campaign);
    return Exporter(campaign).workspace();
}

}  // namespace ratiofarm
