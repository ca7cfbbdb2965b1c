// [network], [training], [ensemble], [gates] and [systematics].
#include <algorithm>
#include <set>

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

std::vector<std::uint32_t> default_hidden() { return {256, 256, 256, 256}; }

std::string kind_is(NetworkKind kind) { return "network.kind = \"" + word_of(kind) + "\" "; }

/// Of a kind without particle lists: their keys are mistakes, and nobody has chosen a value.
void refuse_particle_keys(const TableReader& table, Network& network) {
    for (const char* key :
         {"particles", "max_particles", "width", "blocks", "heads", "neighbours", "beams"}) {
        if (table.find(key) == nullptr) continue;
        table.wrong(key, kind_is(network.kind) +
                             "does not read particle lists; deep_sets, lorentz, graph, "
                             "transformer and pelican do");
    }
    const std::vector<std::uint32_t> hidden = network.hidden;
    network = {.kind = network.kind,
               .inputs = network.inputs,
               .hidden = hidden,
               .activation = network.activation,
               .outputs = network.outputs,
               .layer_norm = network.layer_norm,
               .gram = network.gram,
               .log_features = network.log_features};
}

void check_particle_columns(const TableReader& table, const Network& network) {
    const NetworkKind kind = network.kind;
    const bool needs_columns = kind != NetworkKind::lorentz && kind != NetworkKind::pelican;
    if (needs_columns && network.particles.empty()) {
        table.wrong("particles", kind_is(kind) +
                                     "needs columns of particles, for example particles = "
                                     "[\"log_pt\", \"eta\", \"phi\"]");
    }
    std::set<std::string> seen;
    for (const std::string& name : network.particles) {
        if (!seen.insert(name).second) table.wrong("particles", "'" + name + "' is listed twice");
    }
}

/// Keys that a kind of network does not look at are mistakes, and so are values that it cannot use.
void check_particle_keys(const TableReader& table, Network& network) {
    const NetworkKind kind = network.kind;
    if (!reads_particles(kind)) return refuse_particle_keys(table, network);
    network.layer_norm = false;
    network.gram = 0;
    // A resolved campaign has all of these keys, where nobody has chosen a value.
    const Network chosen_by_nobody{.hidden = {}};
    const auto expect = [&](bool looked_at, const char* key, auto Network::*member,
                            const std::string& why) {
        if (looked_at) return;
        const bool chosen = network.*member != chosen_by_nobody.*member;
        if (chosen && table.find(key) != nullptr) table.wrong(key, kind_is(kind) + why);
        network.*member = chosen_by_nobody.*member;
    };
    expect(kind == NetworkKind::transformer, "heads", &Network::heads, "has no attention");
    expect(kind == NetworkKind::graph, "neighbours", &Network::neighbours,
           "looks at all particles");
    expect(reads_momenta(kind), "beams", &Network::beams, "does not look at momenta");
    expect(kind != NetworkKind::pelican, "particles", &Network::particles,
           "looks at nothing but pair products of momenta");
    check_particle_columns(table, network);
    if (kind == NetworkKind::transformer && network.width % network.heads != 0) {
        table.wrong("heads", "must divide width = " + std::to_string(network.width));
    }
}

void check_engine(const TableReader& table,
                  const Network& network,
                  const TrainingOptions& training) {
    try {
        engine_of(network, training.engine, training.dropout);
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

/// Without features nets need something else to look at.
void check_features(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "events", mistakes);
    const ConfigNode* features = table.find("features");
    if (features == nullptr || !campaign.events.features.empty() ||
        mistakes.about("events.features")) {
        return;
    }
    if (root.find("simulate") != nullptr || root.find("unfolding") != nullptr) {
        table.wrong("features", "must name at least one column");
    } else if (!reads_lists(campaign.network)) {
        table.wrong("features",
                    "must name at least one column; only nets that read particle lists do without: "
                    "network.kind = \"deep_sets\", \"lorentz\" and so on, or network.gram");
    }
}

}  // namespace

void read_network_keys(const TableReader& table, Network& network) {
    constexpr std::size_t most_layers = 64;
    const NetworkKind before = network.kind;
    const KeysRead good = read_keys(table, network);
    if (good.has("hidden") && (network.hidden.empty() || network.hidden.size() > most_layers)) {
        table.wrong("hidden", "must name the width of 1 to 64 layers");
    }
    if (network.gram == 1) {
        table.wrong("gram", "must be 0 or at least 2: one particle has no pair");
    }
    const bool lists = reads_particles(network.kind);
    if (lists != reads_particles(before) && !good.has("hidden")) {
        network.hidden = lists ? std::vector{network.width} : default_hidden();
    }
    check_particle_keys(table, network);
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
    if (good.has("engine")) check_engine(table, network, training);
    if (good.has("dropout") && training.dropout > 0.0 && reads_particles(network.kind)) {
        table.wrong("dropout", "only networks that read no particle lists have it");
    }
}

void read_own_nets(const TableReader& table,
                   const Campaign& campaign,
                   Network& network,
                   TrainingOptions& training) {
    const auto sub = [&](std::string_view key) {
        return TableReader(table.find(key), key, table.path(key), table.mistakes());
    };
    read_network_keys(sub("network"), network);
    training = campaign.training;
    const TableReader keys = sub("training");
    read_training_keys(keys, network, training);
    if (training.optimizer != Optimizer::adamw) training.weight_decay = 0.0;
    if (training.warmup_epochs > training.epochs && keys.find("epochs") != nullptr &&
        keys.find("warmup_epochs") == nullptr) {
        keys.wrong("epochs", "is below training.warmup_epochs; set warmup_epochs here, too");
    }
}

void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    campaign.network.inputs = static_cast<std::uint32_t>(campaign.events.features.size());
    campaign.network.hidden = default_hidden();
    read_network_keys(section(root, "network", mistakes), campaign.network);
    check_features(root, campaign, mistakes);
    read_training_keys(section(root, "training", mistakes), campaign.network, campaign.training);
    read_ensemble(root, campaign, mistakes);
    read_keys(section(root, "gates", mistakes), campaign.gates);
    read_systematic_nets(root, campaign, mistakes);
}

}  // namespace ratiofarm
