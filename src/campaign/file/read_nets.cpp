// [network], [training], [ensemble], [gates] and [systematics].
#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "protocol/network_kinds.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

constexpr WholeLimits count{1, 1'000'000};
constexpr std::uint64_t most_nets = 1000;  // of one ensemble file
const NumberLimits positive{.low = 0.0, .high = 1000.0, .low_allowed = false};

void read_schedule(const TableReader& table, TrainingOptions& training) {
    table.word("schedule", training.schedule);
    if (table.number("warmup_epochs", {.low = 0.0, .high = 1e6}, training.warmup_epochs) &&
        training.warmup_epochs > training.epochs) {
        table.wrong("warmup_epochs", "must be at most epochs = " + std::to_string(training.epochs) +
                                         ", or the learning rate never reaches its full value");
    }
    const bool falls_in_steps =
        training.schedule == Schedule::step || training.schedule == Schedule::plateau;
    for (const char* key : {"schedule_factor", "schedule_epochs"}) {
        if (falls_in_steps || table.find(key) == nullptr) continue;
        table.wrong(key, "only schedule = \"step\" or \"plateau\" uses it");
    }
    const NumberLimits fraction{.low = 0.0, .high = 0.999, .low_allowed = false};
    table.number("schedule_factor", fraction, training.schedule_factor);
    table.whole("schedule_epochs", count, training.schedule_epochs);
    if (training.schedule == Schedule::plateau && training.patience > 0 &&
        training.patience <= training.schedule_epochs) {
        // A table of another section may have the schedule from [training].
        const char* key = table.find("schedule") != nullptr   ? "schedule"
                          : table.find("patience") != nullptr ? "patience"
                                                              : "schedule_epochs";
        if (table.find(key) == nullptr) return;
        table.wrong(
            key, "the training would stop after patience = " + std::to_string(training.patience) +
                     " epochs without a better loss, before the learning rate "
                     "falls after schedule_epochs = " +
                     std::to_string(training.schedule_epochs) +
                     ": raise patience or lower schedule_epochs");
    }
}

void read_engine(const TableReader& table, const Network& network, TrainingOptions& training) {
    if (!table.word("engine", training.engine)) return;
    try {
        engine_of(network, training.engine);
    } catch (const ConfigError& problem) {
        table.wrong("engine", problem.what());
    }
}

/// Nets of all folds go into one file.
void check_count(const TableReader& table,
                 const char* key,
                 std::uint64_t nets,
                 const Split& split) {
    const std::uint64_t folds = std::max(split.folds, 1U);
    if (table.find(key) == nullptr || nets * folds <= most_nets) return;
    table.wrong(key, "times split.folds = " + std::to_string(folds) + " are more than the " +
                         std::to_string(most_nets) + " nets of an ensemble");
}

void read_ensemble(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "ensemble", mistakes);
    EnsembleSection& ensemble = campaign.ensemble;
    const Split& split = campaign.split;
    if (table.whole("members", {1, most_nets}, ensemble.members)) {
        check_count(table, "members", ensemble.members, split);
    }
    if (table.whole("replicas", {0, most_nets}, ensemble.replicas)) {
        check_count(table, "replicas", ensemble.replicas, split);
    }
    table.word("combine", ensemble.combine);
    table.whole("replacements", {0, 100}, ensemble.replacements);
    table.flag("keep_members", ensemble.keep_members);
    const bool grows = table.number("until_spread", positive, ensemble.until_spread);
    if (!grows && table.find("max_members") != nullptr) {
        table.wrong("max_members", "only until_spread trains more than 'members'");
        return;
    }
    ensemble.max_members = std::max(ensemble.max_members, ensemble.members);
    if (table.whole("max_members", {ensemble.members, most_nets}, ensemble.max_members)) {
        check_count(table, "max_members", ensemble.max_members, split);
    }
}

void read_gates(const ConfigNode& root, GatesSection& gates, Mistakes& mistakes) {
    const TableReader table = section(root, "gates", mistakes);
    const NumberLimits limit{.low = 0.0, .high = 1e6, .hint = "; 0 turns the gate off"};
    table.number("excess", limit, gates.excess);
    table.number("sc_rms", limit, gates.sc_rms);
    table.number("closure", limit, gates.closure);
    table.number("slope", limit, gates.slope);
    const NumberLimits share{.low = 0.0, .high = 1.0, .hint = "; 0 turns the gate off"};
    table.number("overtraining", share, gates.overtraining);
    table.number("saturated", share, gates.saturated);
    table.number("constant", limit, gates.constant);
    table.number("loss_outlier", limit, gates.loss_outlier);
}

void read_systematic_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "systematics", mistakes);
    SystematicsSection& nets = campaign.systematic_nets;
    if (table.whole("members", {1, most_nets}, nets.members)) {
        check_count(table, "members", nets.members, campaign.split);
    }
    table.flag("warm_start", nets.warm_start);
    table.number("rate_factor", positive, nets.rate_factor);
    table.flag("halves", nets.halves);
    table.word("null_shapes", nets.null_shapes);
    table.number("null_level", {.low = 0.0, .high = 100.0}, nets.null_level);
}

}  // namespace

void read_network_keys(const TableReader& table, Network& network) {
    table.word("kind", network.kind);
    constexpr WholeLimits width{1, 65536};
    constexpr std::size_t most_layers = 64;
    if (table.wholes("hidden", width, network.hidden) &&
        (network.hidden.empty() || network.hidden.size() > most_layers)) {
        table.wrong("hidden", "must name the width of 1 to 64 layers");
    }
    table.word("activation", network.activation);
}

void read_training_keys(const TableReader& table,
                        const Network& network,
                        TrainingOptions& training) {
    table.whole("epochs", count, training.epochs);
    table.whole("batch", {1, 1U << 30U}, training.batch);
    table.number("learning_rate", {.low = 0.0, .high = 10.0, .low_allowed = false},
                 training.learning_rate);
    table.word("optimizer", training.optimizer);
    table.whole("patience", {0, 1'000'000}, training.patience);
    read_schedule(table, training);
    table.number("clip_norm", {.low = 0.0, .high = 1e6}, training.clip_norm);
    if (table.number("weight_decay", {.low = 0.0, .high = 1.0}, training.weight_decay) &&
        training.weight_decay > 0.0 && training.optimizer != Optimizer::adamw) {
        table.wrong("weight_decay", "only optimizer = \"adamw\" decays weights");
    }
    table.word("keep", training.keep);
    table.word("scaling", training.scaling);
    table.word("negative_weights", training.negative_weights);
    table.word("calibration", training.calibration);
    table.word("precision", training.precision);
    read_engine(table, network, training);
    table.whole("pack", {0, most_nets}, training.pack);
    table.whole("threads", {1, 1024}, training.threads);
    constexpr double day = 86400.0;
    table.number("checkpoint_seconds", {.low = 0.0, .high = day, .low_allowed = false},
                 training.checkpoint_seconds);
}

void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    campaign.network.inputs = static_cast<std::uint32_t>(campaign.events.features.size());
    campaign.network.hidden = {256, 256, 256, 256};
    read_network_keys(section(root, "network", mistakes), campaign.network);
    read_training_keys(section(root, "training", mistakes), campaign.network, campaign.training);
    read_ensemble(root, campaign, mistakes);
    read_gates(root, campaign.gates, mistakes);
    read_systematic_nets(root, campaign, mistakes);
}

}  // namespace ratiofarm
