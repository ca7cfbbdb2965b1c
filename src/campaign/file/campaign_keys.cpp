#include "campaign_keys.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

std::span<const CampaignKeys> campaign_keys() {
    static const std::vector<CampaignKeys> all = {
        {"",
         {"campaign",    "events", "split",  "parameters", "process",      "morphing", "systematic",
          "systematics", "region", "labels", "reference",  "preselection", "network",  "training",
          "ensemble",    "gates",  "data",   "inference",  "finite_mc",    "search",   "simulate"}},
        {"campaign", {"name", "seed"}},
        {"events", {"file", "features"}},
        {"split", {"train", "validation", "inference", "folds"}},
        {"parameters.NAME",
         {"start", "range", "fixed", "constraint", "observed", "width", "group"}},
        {"process", {"name", "sample", "coefficient", "yield"}},
        {"morphing", {"amplitude", "terms", "anchors"}},
        {"systematic",
         {"name", "parameter", "shape", "yield", "shape_code", "yield_code", "start", "range",
          "fixed", "constraint", "observed", "width", "group"}},
        {"systematic.shape", {"up", "down", "up_weight", "down_weight"}},
        {"systematic.yield", {"up", "down"}},
        {"systematics",
         {"members", "warm_start", "rate_factor", "halves", "null_shapes", "null_level"}},
        {"region (unbinned)", {"name", "type", "ratios", "yield", "shape_norm", "where"}},
        {"region (binned)",
         {"name", "type", "observed", "edges", "observable", "where", "mc_stat", "sample"}},
        {"region.sample", {"name", "contents", "coefficient", "yields", "shapes", "factors"}},
        {"region.sample.yields", {"parameter", "up", "down", "code"}},
        {"region.sample.shapes", {"parameter", "up", "down", "code"}},
        {"labels", {"parameters", "regions", "samples"}},
        {"reference", {"mixture", "max_ratio"}},
        {"reference.mixture.NAME", {"cap"}},
        {"preselection",
         {"classes", "signal", "weights", "features", "members", "network", "training"}},
        {"network", {"kind", "hidden", "activation"}},
        {"training", {"epochs",          "batch",
                      "learning_rate",   "optimizer",
                      "schedule",        "schedule_factor",
                      "schedule_epochs", "warmup_epochs",
                      "clip_norm",       "weight_decay",
                      "patience",        "keep",
                      "scaling",         "negative_weights",
                      "calibration",     "precision",
                      "engine",          "pack",
                      "threads",         "checkpoint_seconds"}},
        {"ensemble",
         {"members", "replicas", "combine", "replacements", "until_spread", "max_members",
          "keep_members"}},
        {"gates",
         {"excess", "sc_rms", "closure", "slope", "overtraining", "saturated", "constant",
          "loss_outlier"}},
        {"data", {"asimov", "sample", "observed", "outside", "blind", "injections"}},
        {"data.asimov", {"source"}},
        {"data.injections", {"sample", "name"}},
        {"search",
         {"trials", "reduction", "first_rung", "parallel", "objective", "processes", "parameters"}},
        {"search.parameters.KEY", {"uniform", "log_uniform", "integer", "choice"}},
        {"inference", {"poi", "shape_norm", "negative_mixture", "extreme_anchors", "scan"}},
        {"finite_mc", {"method", "use"}},
        {"simulate", {"model", "events", "seed", "interference", "S", "B", "systematic", "tilts"}},
        {"simulate.systematic", {"name", "S", "B"}},
        {"simulate.systematic.S", {"shift", "up", "down"}},
        {"simulate.systematic.B", {"shift", "up", "down"}},
        {"simulate.tilts", {"name", "count", "size"}},
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
