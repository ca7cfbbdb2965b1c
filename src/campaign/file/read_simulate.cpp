// [simulate]: the closed-form events of `ratiofarm simulate`.
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

using ShiftMatrix = std::vector<std::vector<double>>;

bool is_row(const ConfigNode& row, std::size_t dimension) {
    const auto* items = row.get_if<ConfigNode::Array>();
    return items != nullptr && items->size() == dimension;
}

void read_covariance(const TableReader& table,
                     std::size_t dimension,
                     ShiftMatrix& covariance,
                     Mistakes& mistakes) {
    const ConfigNode* node = table.require("covariance", "for example covariance = [[1.0]]");
    if (node == nullptr) return;
    const auto* rows = node->get_if<ConfigNode::Array>();
    const std::string size = std::to_string(dimension);
    if (rows == nullptr || rows->size() != dimension ||
        !std::all_of(rows->begin(), rows->end(),
                     [&](const ConfigNode& row) { return is_row(row, dimension); })) {
        table.wrong("covariance", "must be " + size + " rows of " + size +
                                      " numbers: one for each of events.features");
        return;
    }
    for (const ConfigNode& row : *rows) {
        std::vector<double>& values = covariance.emplace_back();
        for (const ConfigNode& item : *row.get_if<ConfigNode::Array>()) {
            values.push_back(
                read_number(item, {}, table.path("covariance"), mistakes).value_or(0.0));
        }
    }
}

void read_gaussian(const ConfigNode& simulate,
                   const std::string& name,
                   std::size_t dimension,
                   GaussianProcess& process,
                   Mistakes& mistakes) {
    const ConfigMember* member = simulate.find(name);
    const std::string path = "simulate." + name;
    const TableReader table(member == nullptr ? nullptr : &member->value, path, path, mistakes);
    table.require("yield", "expected events, for example yield = 100.0");
    table.number("yield", {.low = 0.0, .low_allowed = false}, process.yield);
    table.require("mean", "one number for each of events.features, for example mean = [0.0]");
    if (table.numbers("mean", {}, process.mean) && process.mean.size() != dimension) {
        table.wrong("mean", "must be " + std::to_string(dimension) +
                                " numbers: one for each of events.features");
    }
    read_covariance(table, dimension, process.covariance, mistakes);
}

/// One number for each feature; where there is no events file, as many as the signal's mean has.
std::size_t dimension_of(const ConfigNode& simulate, const Campaign& campaign) {
    if (campaign.has_events()) return campaign.events.features.size();
    const ConfigMember* signal = simulate.find("S");
    const ConfigMember* mean = signal == nullptr ? nullptr : signal->value.find("mean");
    const auto* numbers = mean == nullptr ? nullptr : mean->value.get_if<ConfigNode::Array>();
    return numbers == nullptr ? 1 : numbers->size();
}

void read_gaussian_variation(const ConfigNode& systematic,
                             const std::string& process,
                             const std::string& path,
                             std::size_t dimension,
                             GaussianVariation& variation,
                             Mistakes& mistakes) {
    const ConfigMember* member = systematic.find(process);
    if (member == nullptr) return;
    const std::string section = "simulate.systematic." + process;
    const TableReader table(&member->value, section, path + "." + process, mistakes);
    if (table.numbers("shift", {}, variation.shift) && variation.shift.size() != dimension) {
        table.wrong("shift", "must be " + std::to_string(dimension) +
                                 " numbers, by which the mean moves at +1");
    }
    const NumberLimits factor{.low = 0.0, .low_allowed = false};
    table.number("up", factor, variation.yield.up);
    table.number("down", factor, variation.yield.down);
}

void read_variations(const ConfigNode& simulate,
                     std::size_t dimension,
                     SimulateSection& section,
                     Mistakes& mistakes) {
    for_each_section(
        simulate, "systematic", mistakes, [&](const ConfigNode& node, const std::string& name) {
            const std::string path = "simulate." + name;
            const TableReader table(&node, "simulate.systematic", path, mistakes);
            ModelVariation variation;
            table.require("name", "that of a [[systematic]]");
            table.name("name", variation.name);
            read_gaussian_variation(node, "S", path, dimension, variation.signal, mistakes);
            read_gaussian_variation(node, "B", path, dimension, variation.background, mistakes);
            section.systematics.push_back(std::move(variation));
        });
}

void read_tilts(const ConfigNode& simulate, TiltsSection& tilts, Mistakes& mistakes) {
    const ConfigMember* member = simulate.find("tilts");
    const TableReader table(member == nullptr ? nullptr : &member->value, "simulate.tilts",
                            "simulate.tilts", mistakes);
    read_keys(table, tilts);
}

/// The simulation writes S, B and SBI; a process cannot read anything else.
void check_samples(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    for (const ProcessSection& process : campaign.processes) {
        const auto& sample = process.sample;
        if (sample == "S" || sample == "B" || sample == "SBI" || sample.empty()) continue;
        mistakes.add(root.find("simulate")->value.position,
                     "simulate (writes the samples S, B and SBI, but process '" + process.name +
                         "' reads sample '" + sample + "')");
    }
}

}  // namespace

void read_simulate(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "simulate", mistakes);
    if (!table.present()) return;
    const ConfigNode& node = root.find("simulate")->value;
    const std::size_t before = mistakes.size();
    SimulateSection simulate;
    table.require("model", "the only one is model = \"interference\"");
    table.word_index("model", {"interference"});
    constexpr std::uint64_t most_events = 1'000'000'000;
    table.whole("events", {1, most_events}, simulate.events);
    constexpr std::uint64_t largest_seed = std::numeric_limits<std::int64_t>::max();
    table.whole("seed", {0, largest_seed}, simulate.seed);
    table.number("interference", {.low = -1.0, .high = 1.0}, simulate.model.interference);
    if (mistakes.about("events.features")) return;
    const std::size_t dimension = dimension_of(node, campaign);
    read_gaussian(node, "S", dimension, simulate.model.signal, mistakes);
    read_gaussian(node, "B", dimension, simulate.model.background, mistakes);
    if (mistakes.size() == before) {
        for (const std::string& mistake : model_mistakes(simulate.model)) {
            mistakes.add(node.position, "simulate (" + mistake + ")");
        }
    }
    read_variations(node, dimension, simulate, mistakes);
    read_tilts(node, simulate.tilts, mistakes);
    check_samples(root, campaign, mistakes);
    campaign.simulate = std::move(simulate);
}

}  // namespace ratiofarm
