#include "ratiofarm/campaign/campaign_keys.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

std::span<const CampaignKeys> campaign_keys() {
    static const std::vector<CampaignKeys> all = {
        {"",
         {"campaign", "events", "split", "parameters", "process", "reference", "network",
          "training", "ensemble", "data", "inference", "simulate", "systematic", "region"}},
        {"campaign", {"name", "seed"}},
        {"events", {"file", "features"}},
        {"split", {"train", "validation", "inference", "folds"}},
        {"parameters.NAME", {"start", "range", "fixed"}},
        {"process", {"name", "sample", "coefficient", "yield"}},
        {"reference", {"mixture"}},
        {"network", {"kind", "hidden", "activation"}},
        {"training",
         {"epochs", "batch", "learning_rate", "optimizer", "schedule", "weight_decay", "patience",
          "precision", "threads", "checkpoint_seconds"}},
        {"ensemble", {"members", "replicas", "combine"}},
        {"data", {"asimov", "sample"}},
        {"data.asimov", {"source"}},
        {"inference", {"poi", "shape_norm", "scan"}},
        {"simulate", {"model", "events", "seed", "interference", "S", "B"}},
        {"simulate.S", {"yield", "mean", "covariance"}},
        {"simulate.B", {"yield", "mean", "covariance"}},
    };
    return all;
}

std::span<const std::string> campaign_keys(std::string_view section) {
    const auto all = campaign_keys();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const CampaignKeys& keys) { return keys.section == section; });
    RATIOFARM_EXPECT(found != all.end());
    return found->keys;
}

}  // namespace ratiofarm
