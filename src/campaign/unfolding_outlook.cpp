#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "training_outlook.hpp"

namespace ratiofarm {
namespace {

std::string percent_of(double part, double whole) {
    return fmt::format("{:.1f} %", whole > 0.0 ? 100.0 * part / whole : 0.0);
}

void look_at_levels(const UnfoldingSection& unfolding,
                    const SampleInfo& sample,
                    TrainingOutlook& outlook) {
    const LevelFacts& levels = sample.facts.levels;
    const std::string name = "sample '" + sample.name + "' ";
    if (unfolding.fakes == Fakes::none && levels.fakes.events > 0) {
        outlook.mistakes.push_back(
            name + "has " + std::to_string(levels.fakes.events) +
            " fakes, reconstructed events that do not pass pass_truth (" +
            percent_of(levels.fakes.sum, levels.fakes.sum + levels.matched.sum) +
            " of the reconstructed weight): say how they weigh with unfolding.fakes = \"follow\" "
            "(the same process from outside the truth region) or \"fixed\" (a background)");
    }
    if (unfolding.fakes == Fakes::follow && levels.fakes.events == 0) {
        outlook.warnings.push_back(name +
                                   "has no fakes: unfolding.fakes = \"follow\" trains a net "
                                   "for nothing");
    }
    if (levels.nothing.events > 0) {
        outlook.warnings.push_back(name + "has " + std::to_string(levels.nothing.events) +
                                   " events that pass neither level; they are left out");
    }
    if (levels.misses.events > 0 && unfolding.misses == Misses::keep && unfolding.iterations < 10) {
        outlook.warnings.push_back(
            name + "has " + percent_of(levels.misses.sum, levels.misses.sum + levels.matched.sum) +
            " misses: with unfolding.misses = \"keep\" the result tends to its limit several "
            "times slower than with \"extrapolate\"");
    }
}

void look_at_data(const SampleInfo& data, const SampleInfo& simulation, TrainingOutlook& outlook) {
    for (const FeatureFacts& seen : data.facts.features) {
        const auto known =
            std::ranges::find(simulation.facts.features, seen.name, &FeatureFacts::name);
        if (known == simulation.facts.features.end() || known->low > known->high) continue;
        if (seen.low >= known->low && seen.high <= known->high) continue;
        outlook.warnings.push_back(
            "feature '" + seen.name + "' of sample '" + data.name + "' goes from " +
            std::to_string(seen.low) + " to " + std::to_string(seen.high) +
            ", in the simulation only from " + std::to_string(known->low) + " to " +
            std::to_string(known->high) + ": weights beyond are extrapolated");
    }
}

}  // namespace

TrainingOutlook unfolding_outlook(const Campaign& campaign,
                                  const std::vector<SampleInfo>& samples) {
    RATIOFARM_EXPECT(campaign.unfolding.has_value());
    const UnfoldingSection& unfolding = *campaign.unfolding;
    TrainingOutlook outlook;
    const SampleInfo* data = nullptr;
    const SampleInfo* simulation = nullptr;
    for (const SampleInfo& sample : samples) {
        if (sample.name == unfolding.data) data = &sample;
        if (sample.name == unfolding.simulation) simulation = &sample;
        const bool simulated = sample.name == unfolding.simulation ||
                               std::ranges::find(unfolding.variations, sample.name,
                                                 &UnfoldingSection::Variation::simulation) !=
                                   unfolding.variations.end();
        if (simulated) look_at_levels(unfolding, sample, outlook);
        const bool trains = sample.name == unfolding.data || simulated;
        if (trains && sample.training_events < campaign.training.batch) {
            outlook.mistakes.push_back("sample '" + sample.name + "' has " +
                                       std::to_string(sample.training_events) +
                                       " training events, fewer than training.batch = " +
                                       std::to_string(campaign.training.batch));
        }
    }
    if (data != nullptr && simulation != nullptr) look_at_data(*data, *simulation, outlook);
    return outlook;
}

}  // namespace ratiofarm
