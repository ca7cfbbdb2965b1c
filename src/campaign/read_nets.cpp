// [network], [training] and [ensemble].
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

void read_network(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "network", mistakes);
    std::string kind = "mlp";
    if (table.text("kind", kind) && kind != "mlp") {
        table.wrong("kind", "this version trains only \"mlp\"");
    }
    Network& network = campaign.network;
    network.inputs = static_cast<std::uint32_t>(campaign.events.features.size());
    network.hidden = {256, 256, 256, 256};
    constexpr WholeLimits width{1, 65536};
    constexpr std::size_t most_layers = 64;
    if (table.wholes("hidden", width, network.hidden) &&
        (network.hidden.empty() || network.hidden.size() > most_layers)) {
        table.wrong("hidden", "must name the width of 1 to 64 layers");
    }
    table.word("activation", network.activation);
}

void read_precision(const TableReader& table, TrainingOptions& training) {
    if (table.word("precision", training.precision) && training.precision == Precision::bf16) {
        table.wrong("precision", "this version trains in \"fp32\" only");
    }
}

void read_training(const ConfigNode& root, TrainingOptions& training, Mistakes& mistakes) {
    const TableReader table = section(root, "training", mistakes);
    constexpr WholeLimits count{1, 1'000'000};
    table.whole("epochs", count, training.epochs);
    table.whole("batch", {1, 1U << 30U}, training.batch);
    table.number("learning_rate", {.low = 0.0, .high = 10.0, .low_allowed = false},
                 training.learning_rate);
    table.word("optimizer", training.optimizer);
    table.word("schedule", training.schedule);
    if (table.number("weight_decay", {.low = 0.0, .high = 1.0}, training.weight_decay) &&
        training.weight_decay > 0.0 && training.optimizer != Optimizer::adamw) {
        table.wrong("weight_decay", "only optimizer = \"adamw\" decays weights");
    }
    table.whole("patience", {0, 1'000'000}, training.patience);
    read_precision(table, training);
    table.whole("threads", {1, 1024}, training.threads);
    constexpr double day = 86400.0;
    table.number("checkpoint_seconds", {.low = 0.0, .high = day, .low_allowed = false},
                 training.checkpoint_seconds);
}

void read_ensemble(const ConfigNode& root, EnsembleSection& ensemble, Mistakes& mistakes) {
    const TableReader table = section(root, "ensemble", mistakes);
    table.whole("members", {1, 1000}, ensemble.members);
    std::uint32_t replicas = 0;
    if (table.whole("replicas", {0, 100'000}, replicas) && replicas > 0) {
        table.wrong("replicas",
                    "this version trains no bootstrap replicas yet; set 0 or leave it out");
    }
    table.word("combine", ensemble.combine);
}

}  // namespace

void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    read_network(root, campaign, mistakes);
    read_training(root, campaign.training, mistakes);
    read_ensemble(root, campaign.ensemble, mistakes);
}

}  // namespace ratiofarm
