#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "find_sample.hpp"
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

/// Data and background are read whole, as reconstructed events.
void look_at_measured(const SampleInfo& sample, TrainingOutlook& outlook) {
    const LevelFacts& levels = sample.facts.levels;
    const std::uint64_t others = levels.misses.events + levels.nothing.events;
    if (others == 0) return;
    outlook.mistakes.push_back(fmt::format(
        "sample '{}' has {} events with pass_reco = 0: data and background are measured events, "
        "all of which are used; leave those out (what is shown by unfolding.compare or learned "
        "from by pretraining may be a sample of its own)",
        sample.name, others));
}

/// Training events of a simulation that the nets of a level see, as many as its flags allow.
double seen_events(const SampleInfo& sample, bool at_truth, const UnfoldingSection& unfolding) {
    const LevelFacts& levels = sample.facts.levels;
    const bool misses = at_truth && unfolding.misses == Misses::keep;
    const bool fakes = !at_truth && unfolding.fakes == Fakes::fixed;
    const auto seen = static_cast<double>(levels.matched.events) +
                      static_cast<double>(misses ? levels.misses.events : 0) +
                      static_cast<double>(fakes ? levels.fakes.events : 0);
    return seen * static_cast<double>(sample.training_events) /
           static_cast<double>(sample.columns.events);
}

/// Of the data and the background, which step 1 sees whole.
double measured_events(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    const UnfoldingSection& unfolding = *campaign.unfolding;
    const Split& split = campaign.split;
    double events = 0.0;
    for (const SampleInfo& sample : samples) {
        if (sample.name == unfolding.data) {
            events += static_cast<double>(sample.columns.events) * split.train /
                      (split.train + split.validation);
        } else if (unfolding.background_as == BackgroundAs::fixed &&
                   std::ranges::find(unfolding.background, sample.name) !=
                       unfolding.background.end()) {
            events += static_cast<double>(sample.training_events);
        }
    }
    return events;
}

/// A background that weighs more than the data leaves nothing to unfold.
void look_at_background(const UnfoldingSection& unfolding,
                        const SampleInfo& data,
                        const std::vector<SampleInfo>& samples,
                        TrainingOutlook& outlook) {
    double background = 0.0;
    for (const std::string& name : unfolding.background) {
        const SampleInfo* sample = sample_if_there(samples, name);
        if (sample != nullptr) background += sample->sum_of_weights;
    }
    if (background < data.sum_of_weights) return;
    outlook.mistakes.push_back(fmt::format(
        "unfolding.background weighs {:.6g} in all, the data {:.6g}: nothing is left to unfold "
        "(the weights of a background sum to the events that are expected of it)",
        background, data.sum_of_weights));
}

bool is_learned_from(const UnfoldingSection& unfolding, const std::string& sample) {
    const auto& background = unfolding.background;
    const auto& variations = unfolding.variations;
    return sample == unfolding.data || sample == unfolding.pretraining ||
           std::ranges::find(background, sample) != background.end() ||
           std::ranges::find(variations, sample, &UnfoldingSection::Variation::simulation) !=
               variations.end();
}

/// A net reads both classes by the places of their columns.
void look_at_columns(const Campaign& campaign,
                     const SampleInfo& simulation,
                     const std::vector<SampleInfo>& samples,
                     TrainingOutlook& outlook) {
    const UnfoldingSection& unfolding = *campaign.unfolding;
    const auto& features = campaign.events.features;
    const auto look = [&](const char* level, const SampleInfo& sample,
                          const std::vector<std::string>& wanted, const auto& names) {
        for (const std::string& name : wanted) {
            if (std::ranges::find(names(sample), name) - names(sample).begin() ==
                std::ranges::find(names(simulation), name) - names(simulation).begin()) {
                continue;
            }
            outlook.mistakes.push_back(fmt::format(
                "samples '{}' and '{}' store the {} in different columns (write both with the same "
                "column order)",
                sample.name, simulation.name, level));
            return;
        }
    };
    for (const SampleInfo& sample : samples) {
        if (!is_learned_from(unfolding, sample.name)) continue;
        look(
            "features", sample, features, [](const auto& of) -> auto& { return of.column_names; });
        if (sample.columns.levels.names.empty() || sample.name == unfolding.data) continue;
        look(
            "truth", sample, unfolding.truth,
            [](const auto& of) -> auto& { return of.columns.levels.names; });
    }
}

/// What no net can tell anything from.
void look_at_constants(const SampleInfo& data,
                       const SampleInfo& simulation,
                       TrainingOutlook& outlook) {
    for (const FeatureFacts& seen : data.facts.features) {
        const auto known =
            std::ranges::find(simulation.facts.features, seen.name, &FeatureFacts::name);
        if (known == simulation.facts.features.end() || known->low > known->high) continue;
        if (seen.low < seen.high || known->low < known->high || seen.low != known->low) continue;
        outlook.mistakes.push_back(
            fmt::format("feature '{}' is {:g} for every event of '{}' and '{}': a constant cannot "
                        "separate anything (remove it from events.features)",
                        seen.name, seen.low, data.name, simulation.name));
    }
}

/// Both classes of step 1 fill its batches; those of step 2 are the same events.
void look_at_batches(const Campaign& campaign,
                     const std::vector<SampleInfo>& samples,
                     const SampleInfo& simulation,
                     TrainingOutlook& outlook) {
    const UnfoldingSection& unfolding = *campaign.unfolding;
    if (simulation.facts.levels.matched.events == 0) return;  // nothing is known of it
    const std::uint64_t batch = campaign.training.batch;
    const auto look = [&](const char* step, double events, const char* key, std::uint64_t of_it) {
        if (events >= static_cast<double>(of_it)) return false;
        outlook.mistakes.push_back(fmt::format(
            "{} of the unfolding with sample '{}' has {:.0f} training events, fewer than {} = {}",
            step, simulation.name, events, key, of_it));
        return true;
    };
    const bool told = look(
        "step 1", seen_events(simulation, false, unfolding) + measured_events(campaign, samples),
        "training.batch", batch);
    if (told && unfolding.training.batch == batch) return;  // step 2 has it from there
    look("step 2", seen_events(simulation, true, unfolding), "unfolding.training.batch",
         unfolding.training.batch);
}

/// The outermost events of two samples of one density never agree: told is what is more than a
/// percent of the data, or far away. Results count all of them.
void look_at_data(const SampleInfo& data, const SampleInfo& simulation, TrainingOutlook& outlook) {
    for (const FeatureFacts& seen : data.facts.features) {
        const auto known =
            std::ranges::find(simulation.facts.features, seen.name, &FeatureFacts::name);
        if (known == simulation.facts.features.end() || known->low > known->high) continue;
        const double range = known->high - known->low;
        const bool many = seen.one_percent < known->low || seen.last_percent > known->high;
        const bool far = seen.low < known->low - range || seen.high > known->high + range;
        if (!many && !far) continue;
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
    std::vector<const SampleInfo*> simulations;  ///< that of variations, too
    for (const SampleInfo& sample : samples) {
        if (sample.name == unfolding.data) data = &sample;
        if (sample.name == unfolding.simulation) simulation = &sample;
        if (sample.name == unfolding.data ||
            std::ranges::find(unfolding.background, sample.name) != unfolding.background.end()) {
            look_at_measured(sample, outlook);
        }
        const bool simulated = sample.name == unfolding.simulation ||
                               std::ranges::find(unfolding.variations, sample.name,
                                                 &UnfoldingSection::Variation::simulation) !=
                                   unfolding.variations.end();
        if (simulated) simulations.push_back(&sample);
        if (simulated || sample.name == unfolding.pretraining) {
            look_at_levels(unfolding, sample, outlook);
        }
    }
    for (const SampleInfo* sample : simulations) {
        look_at_batches(campaign, samples, *sample, outlook);
    }
    if (data == nullptr || simulation == nullptr) return outlook;
    look_at_data(*data, *simulation, outlook);
    look_at_constants(*data, *simulation, outlook);
    look_at_columns(campaign, *simulation, samples, outlook);
    if (!unfolding.background.empty()) look_at_background(unfolding, *data, samples, outlook);
    return outlook;
}

}  // namespace ratiofarm
