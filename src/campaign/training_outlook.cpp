#include "training_outlook.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "find_sample.hpp"
#include "frequent_values.hpp"
#include "sample_weights.hpp"
#include "simulation_outlook.hpp"
#include "training_planner.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t training = 0;
constexpr std::size_t validation = 1;

/// A sample and weights of a class, as the trainer scales them.
struct Component {
    const SampleInfo& sample;
    std::size_t column;  ///< of its weights
    double fraction;     ///< of its class
};

std::vector<Component> components_of(const EnsembleSpec& spec,
                                     const std::vector<SampleInfo>& samples) {
    std::vector<Component> components;
    const auto add = [&](const std::vector<SamplePart>& parts) {
        double total = 0.0;
        for (const SamplePart& part : parts) total += part.fraction;
        for (const SamplePart& part : parts) {
            const SampleInfo& sample = find_sample(samples, part.sample);
            const auto found = std::ranges::find(sample.weights, part.weight, &SampleWeights::name);
            const auto column = static_cast<std::size_t>(found - sample.weights.begin()) + 1;
            components.push_back({sample, part.weight.empty() ? 0 : column, part.fraction / total});
        }
    };
    add(spec.numerator);
    add(spec.denominator);
    for (const ClassParts& one : spec.classes) add(one.parts);
    return components;
}

class Outlook {
public:
    Outlook(const Campaign& campaign, const std::vector<SampleInfo>& samples)
        : campaign_(campaign), samples_(samples) {}

    void look_at(const PlannedEnsemble& ensemble) {
        const EnsembleSpec& spec = ensemble.spec;
        const NetSettings settings = net_settings(campaign_, spec.role);
        const auto components = components_of(spec, samples_);
        if (std::ranges::any_of(components, [](const Component& component) {
                return component.sample.facts.folds.empty();
            })) {
            return;
        }
        const auto& facts = components.front().sample.facts;
        for (std::uint32_t fold = 0; fold < facts.folds.size(); ++fold) {
            look_at_fold(spec, settings.training, components, fold);
        }
        for (const std::string& feature : settings.features) {
            look_for_constant(feature, components);
            warn_about_separation(feature, components);
        }
        if (spec.role == EnsembleRole::up || spec.role == EnsembleRole::down) {
            for (const std::string& feature : settings.features) {
                warn_about_range(spec, feature);
            }
        }
        for (const Component& component : components) {
            if (!seen_.insert(component.sample.name).second) continue;
            warn_about_weights(component.sample);
            for (const std::string& feature : settings.features) {
                warn_about_feature(component.sample, feature);
            }
        }
    }

    TrainingOutlook found() {
        for (std::string& warning : frequent_.warnings()) warn(std::move(warning));
        return std::move(found_);
    }

private:
    void add_mistake(const std::string& text) {
        if (std::ranges::find(found_.mistakes, text) == found_.mistakes.end()) {
            found_.mistakes.push_back(text);
        }
    }

    /// One part of the events of a fold.
    struct PartName {
        std::size_t which;    ///< training or validation
        bool halved;          ///< each net learns from half of it
        std::string of_fold;  ///< " for the nets of fold 1", or nothing

        std::string text() const { return which == training ? "training" : "validation"; }
    };

    /// \return events that a net learns from; 0 if there is none
    std::uint64_t look_at_part(const Component& component,
                               const SampleFacts::Part& part,
                               const PartName& name) {
        const SampleInfo& sample = component.sample;
        const WeightSums& sums = part.weights[component.column];
        const std::uint64_t events = name.halved ? std::ranges::min(part.half_events) : sums.events;
        if (events == 0) {
            add_mistake(fmt::format(
                "sample '{}': no {} event among its {}{}{}; give it more events, or raise split.{}",
                sample.name, name.text(), sample.columns.events, name.of_fold,
                name.halved ? " in a half of the training events" : "",
                name.which == training ? "train" : "validation"));
        } else if (!(sums.sum > 0.0)) {
            const std::string column =
                component.column == 0 ? "" : " '" + sample.weights[component.column - 1].name + "'";
            add_mistake(
                fmt::format("sample '{}': the weights{} of its {} {} events{} sum to {:g} "
                            "(must be > 0); give it more events, of positive weight",
                            sample.name, column, sums.events, name.text(), name.of_fold, sums.sum));
        }
        return events;
    }

    void look_at_fold(const EnsembleSpec& spec,
                      const TrainingOptions& options,
                      const std::vector<Component>& components,
                      std::uint32_t fold) {
        const std::string of_fold =
            campaign_.split.folds > 0 ? fmt::format(" for the nets of fold {}", fold) : "";
        const bool halves = spec.halves;
        std::map<std::string, std::uint64_t> events;
        for (const Component& component : components) {
            const SampleInfo& sample = component.sample;
            for (const std::size_t which : {training, validation}) {
                const PartName name{which, halves && which == training, of_fold};
                const SampleFacts::Part& part = sample.facts.folds[fold][which];
                const std::uint64_t found = look_at_part(component, part, name);
                if (which == training) events[sample.name] = found;
                refuse_negative(sample, part.weights[component.column], options, name);
            }
        }
        std::uint64_t all = 0;
        for (const auto& [sample, found] : events) {
            if (found == 0) return;
            all += found;
        }
        const std::uint32_t batch = halves ? (options.batch + 1) / 2 : options.batch;
        if (batch <= all) return;
        add_mistake(fmt::format(
            "ensemble '{}': {}training.batch = {} is larger than its {} training events{}; lower "
            "it, or give it more events",
            spec.name, spec.role == EnsembleRole::classes ? "preselection." : "", options.batch,
            halves ? 2 * all : all, of_fold));
    }

    void refuse_negative(const SampleInfo& sample,
                         const WeightSums& sums,
                         const TrainingOptions& options,
                         const PartName& name) {
        if (sums.negative == 0 || options.negative_weights != NegativeWeights::refuse) return;
        add_mistake(
            fmt::format("sample '{}': {} of its {} {} events{} have a negative weight, which "
                        "training.negative_weights = \"refuse\" forbids",
                        sample.name, sums.negative, sums.events, name.text(), name.of_fold));
    }

    static const FeatureFacts* facts_of(const SampleInfo& sample, const std::string& feature) {
        const auto found = std::ranges::find(sample.facts.features, feature, &FeatureFacts::name);
        return found == sample.facts.features.end() ? nullptr : &*found;
    }

    /// As the trainer judges it: the spread of all classes together.
    void look_for_constant(const std::string& feature, const std::vector<Component>& components) {
        double total = 0.0;
        double mean = 0.0;
        for (const Component& component : components) {
            const FeatureFacts* facts = facts_of(component.sample, feature);
            if (facts == nullptr) return;
            total += component.fraction;
            mean += component.fraction * facts->mean;
        }
        mean /= total;
        double variance = 0.0;
        for (const Component& component : components) {
            const FeatureFacts& facts = *facts_of(component.sample, feature);
            const double distance = facts.mean - mean;
            variance += component.fraction / total * (facts.variance + distance * distance);
        }
        if (!is_one_value(mean, variance)) return warn_about_one_value(feature, components);
        add_mistake(
            fmt::format("feature '{}' is {:g} for every training event: a constant cannot separate "
                        "anything; remove it from events.features",
                        feature, mean));
    }

    static bool is_one_value(double mean, double variance) {
        constexpr double rounding = 1e-14;
        return !(variance > 0.0 && variance > rounding * mean * mean);
    }

    /// A column that was never filled tells the samples apart by itself.
    void warn_about_one_value(const std::string& feature,
                              const std::vector<Component>& components) {
        for (const Component& component : components) {
            const std::string& sample = component.sample.name;
            const FeatureFacts& facts = *facts_of(component.sample, feature);
            if (!is_one_value(facts.mean, facts.variance)) continue;
            if (!one_value_.emplace(sample, feature).second) continue;
            warn(
                fmt::format("sample '{}', feature '{}': it is {:g} in every training event, but "
                            "not in other samples, so that this value by itself tells them apart; "
                            "was the column filled?",
                            sample, feature, facts.mean));
        }
    }

    void warn(std::string text) { found_.warnings.push_back(std::move(text)); }

    void warn_about_weights(const SampleInfo& sample) {
        constexpr double few = 500.0;
        for (const std::size_t which : {training, validation}) {
            const WeightSums& sums = sample.facts.folds.front()[which].weights.front();
            if (sums.events == 0 || !(sums.sum > 0.0)) continue;  // a mistake already
            const double effective = sums.effective_events();
            const auto events = static_cast<double>(sums.events);
            const double negative = static_cast<double>(sums.negative) / events;
            const double largest = sums.largest / sums.absolute;
            const double enough = which == training ? few : few / 10.0;
            const char* part = which == training ? "training" : "validation";
            if (effective >= enough) {
                for (auto& doubt :
                     weight_doubts(fmt::format("sample '{}', {}", sample.name, part), sums)) {
                    warn(std::move(doubt));
                }
                continue;
            }
            std::string text =
                fmt::format("sample '{}': its {} {} events are worth {:.3g} of equal weight",
                            sample.name, sums.events, part, effective);
            if (negative > 0.0) text += fmt::format("; {:.3g} % are negative", 100.0 * negative);
            if (largest > 0.02 && largest * events > 10.0) {
                text += fmt::format("; row {} has {:.3g} % of the sum of absolute weights",
                                    sums.largest_row, 100.0 * largest);
            }
            warn(text + ", few to train and judge nets with: generate more");
        }
    }

    void warn_about_feature(const SampleInfo& sample, const std::string& feature) {
        const FeatureFacts* facts = facts_of(sample, feature);
        if (facts == nullptr || !(facts->variance > 0.0)) return;
        const std::string what = fmt::format("sample '{}', feature '{}'", sample.name, feature);
        warn_about_ends(what, *facts);
        if (frequent_.look(sample.name, feature, *facts)) return;
        const double deviation = std::sqrt(facts->variance);
        constexpr double one_makes_most = 0.5;
        constexpr double much_wider = 10.0;
        constexpr std::uint64_t discrete = 20;
        const bool one = facts->far_share > one_makes_most && facts->distinct > discrete;
        const bool tails = facts->distinct > discrete && deviation > much_wider * facts->width;
        if (!one && !tails) return;
        warn(
            fmt::format("{}: its standard deviation is {:.3g}, but 68 % of the events lie within "
                        "+-{:.3g}; the event in row {} ({:g}) makes {:.3g} % of the variance, and "
                        "scaling squeezes all others; cut such events, or take a logarithm",
                        what, deviation, facts->width, facts->far_row, facts->far_value,
                        100.0 * facts->far_share));
    }

    /// An event far beyond all that train, which no net can give a ratio.
    void warn_about_ends(const std::string& what, const FeatureFacts& facts) {
        constexpr double times_as_far = 3.0;
        constexpr double deviations = 10.0;
        const double deviation = std::sqrt(facts.variance);
        const auto look = [&](double value, std::uint64_t row, double trained) {
            const double distance = std::abs(value - facts.mean);
            if (!(distance > times_as_far * std::abs(trained - facts.mean))) return;
            if (!(distance > deviations * deviation)) return;
            warn(
                fmt::format("{}: the event in row {} ({:g}) lies {:.2g} standard deviations from "
                            "the mean, and the events that train the nets end at {:g}: its ratio "
                            "is a guess that can spoil the fit; cut such events, or take a "
                            "logarithm",
                            what, row, value, distance / deviation, trained));
        };
        look(facts.low, facts.low_row, facts.trained_low);
        look(facts.high, facts.high_row, facts.trained_high);
    }

    /// Processes that a feature by itself tells apart without exception, as other units do.
    void warn_about_separation(const std::string& feature,
                               const std::vector<Component>& components) {
        constexpr std::uint64_t discrete = 20;
        for (const Component& one : components) {
            const FeatureFacts* below = facts_of(one.sample, feature);
            if (below == nullptr || below->distinct <= discrete) continue;
            for (const Component& other : components) {
                const FeatureFacts* above = facts_of(other.sample, feature);
                if (above == nullptr || above->distinct <= discrete) continue;
                if (!(below->last_percent < above->one_percent)) continue;
                if (!apart_.insert({one.sample.name + "\n" + other.sample.name, feature}).second) {
                    continue;
                }
                warn(
                    fmt::format("feature '{}' by itself tells samples '{}' (98 % from {:g} to "
                                "{:g}) and '{}' (from {:g} to {:g}) apart: are they in the same "
                                "units (GeV and MeV), and defined alike?",
                                feature, one.sample.name, below->one_percent, below->last_percent,
                                other.sample.name, above->one_percent, above->last_percent));
            }
        }
    }

    /// A varied sample that reaches where the nominal one has no event: the ratio has no value
    /// there.
    void warn_about_range(const EnsembleSpec& spec, const std::string& feature) {
        const SampleInfo& varied = find_sample(samples_, spec.numerator.front().sample);
        const SampleInfo& nominal = find_sample(samples_, spec.denominator.front().sample);
        const FeatureFacts* there = facts_of(varied, feature);
        const FeatureFacts* here = facts_of(nominal, feature);
        if (&varied == &nominal || there == nullptr || here == nullptr) return;
        const bool below = there->one_percent < here->trained_low;
        if (!below && !(there->last_percent > here->trained_high)) return;
        warn(fmt::format(
            "sample '{}', feature '{}': more than 1 % of its events lie {} {:g}, where the nominal "
            "sample '{}' has none, so that no ratio can give them; make the same cut in both, "
            "behind "
            "the edge of the one that reaches less far",
            varied.name, feature, below ? "below" : "above",
            below ? here->trained_low : here->trained_high, nominal.name));
    }

    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    std::set<std::string> seen_;
    std::set<std::pair<std::string, std::string>> one_value_;  ///< sample and feature
    std::set<std::pair<std::string, std::string>> apart_;      ///< both samples, and feature
    FrequentValues frequent_;
    TrainingOutlook found_;
};

}  // namespace

void expect_trainings(const TrainingOutlook& outlook) {
    if (outlook.mistakes.empty()) return;
    throw DataError(fmt::format("{}", fmt::join(outlook.mistakes, "\n")));
}

TrainingOutlook training_outlook(const Campaign& campaign,
                                 const TaskGraph& graph,
                                 const std::vector<SampleInfo>& samples) {
    if (campaign.unfolding) return unfolding_outlook(campaign, samples);
    Outlook outlook(campaign, samples);
    for (const PlannedEnsemble& ensemble : graph.ensembles) outlook.look_at(ensemble);
    TrainingOutlook found = outlook.found();
    TrainingOutlook of_lists = particle_outlook(campaign, samples);
    std::ranges::move(of_lists.mistakes, std::back_inserter(found.mistakes));
    std::ranges::move(of_lists.warnings, std::back_inserter(found.warnings));
    std::ranges::move(variation_warnings(campaign, samples), std::back_inserter(found.warnings));
    if (auto small = small_simulation(campaign, samples)) {
        found.warnings.push_back(*std::move(small));
    }
    return found;
}

std::vector<std::string> certain_mistakes(const Campaign& draft,
                                          const std::vector<SampleInfo>& samples) {
    const auto is_there = [&](const std::string& sample) {
        return std::ranges::find(samples, sample, &SampleInfo::name) != samples.end();
    };
    std::vector<SamplePart> reference;
    for (const auto& [process, share] : draft.reference.mixture) {
        const auto found = std::ranges::find(draft.processes, process, &ProcessSection::name);
        if (found == draft.processes.end() || !is_there(found->events()) || !(share > 0.0))
            return {};
        reference.push_back({found->events(), "", share});
    }
    Outlook outlook(draft, samples);
    for (const ProcessSection& process : draft.processes) {
        if (!is_there(process.events()) || reference.empty()) continue;
        PlannedEnsemble ensemble;
        ensemble.spec.name = process.name;
        ensemble.spec.numerator = {{process.events(), "", 1.0}};
        ensemble.spec.denominator = reference;
        outlook.look_at(ensemble);
    }
    return outlook.found().mistakes;
}

}  // namespace ratiofarm
