// [network], [training], [ensemble], [gates] and [systematics].
#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "protocol/network_kinds.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

void check_schedule(const TableReader& table, const TrainingOptions& training) {
    if (training.schedule != Schedule::plateau || training.patience == 0 ||
        training.patience > training.schedule_epochs) {
        return;
    }
    // A table of another section may have the schedule from [training].
    for (const char* key : {"schedule", "patience", "schedule_epochs"}) {
        if (table.find(key) == nullptr) continue;
        return table.wrong(
            key, "the training would stop after patience = " + std::to_string(training.patience) +
                     " epochs without a better loss, before the learning rate "
                     "falls after schedule_epochs = " +
                     std::to_string(training.schedule_epochs) +
                     ": raise patience or lower schedule_epochs");
    }
}

void check_engine(const TableReader& table, const Network& network, Engine engine) {
    try {
        engine_of(network, engine);
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
    if (table.find(key) == nullptr || nets * folds <= most_ensemble_nets) return;
    table.wrong(key, "times split.folds = " + std::to_string(folds) + " are more than the " +
                         std::to_string(most_ensemble_nets) + " nets of an ensemble");
}

void read_ensemble(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "ensemble", mistakes);
    EnsembleSection& ensemble = campaign.ensemble;
    const Split& split = campaign.split;
    const KeysRead good = read_keys(table, ensemble);
    if (good.has("members")) check_count(table, "members", ensemble.members, split);
    if (good.has("replicas")) check_count(table, "replicas", ensemble.replicas, split);
    if (!good.has("until_spread") && table.find("max_members") != nullptr) {
        table.wrong("max_members", "only until_spread trains more than 'members'");
        return;
    }
    ensemble.max_members = std::max(ensemble.max_members, ensemble.members);
    if (table.whole("max_members", {ensemble.members, most_ensemble_nets}, ensemble.max_members)) {
        check_count(table, "max_members", ensemble.max_members, split);
    }
}

void read_systematic_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "systematics", mistakes);
    if (read_keys(table, campaign.systematic_nets).has("members")) {
        check_count(table, "members", campaign.systematic_nets.members, campaign.split);
    }
}

}  // namespace

void read_network_keys(const TableReader& table, Network& network) {
    constexpr std::size_t most_layers = 64;
    if (read_keys(table, network).has("hidden") &&
        (network.hidden.empty() || network.hidden.size() > most_layers)) {
        table.wrong("hidden", "must name the width of 1 to 64 layers");
    }
}

void read_training_keys(const TableReader& table,
                        const Network& network,
                        TrainingOptions& training) {
    const KeysRead good = read_keys(table, training);
    if (good.has("warmup_epochs") && training.warmup_epochs > training.epochs) {
        table.wrong("warmup_epochs", "must be at most epochs = " + std::to_string(training.epochs) +
                                         ", or the learning rate never reaches its full value");
    }
    check_schedule(table, training);
    if (good.has("weight_decay") && training.weight_decay > 0.0 &&
        training.optimizer != Optimizer::adamw) {
        table.wrong("weight_decay", "only optimizer = \"adamw\" decays weights");
    }
    if (good.has("engine")) check_engine(table, network, training.engine);
}

void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    campaign.network.inputs = static_cast<std::uint32_t>(campaign.events.features.size());
    campaign.network.hidden = {256, 256, 256, 256};
    read_network_keys(section(root, "network", mistakes), campaign.network);
    read_training_keys(section(root, "training", mistakes), campaign.network, campaign.training);
    read_ensemble(root, campaign, mistakes);
    read_keys(section(root, "gates", mistakes), campaign.gates);
    read_systematic_nets(root, campaign, mistakes);
}

}  // namespace ratiofarm
