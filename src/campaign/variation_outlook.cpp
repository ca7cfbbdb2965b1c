#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "find_sample.hpp"
#include "training_outlook.hpp"

namespace ratiofarm {
namespace {

/// What a systematic makes of the yield of one process.
struct VariedYield {
    std::string process;
    double up = 1.0;
    double down = 1.0;
    double noise = 0.0;  ///< of both factors, from numbers of events
};

/// What it makes of the mean of a feature of one process.
struct VariedMean {
    std::string process;
    double shift = 0.0;  ///< half of (up - down)
    double noise = 0.0;
};

using Shape = SystematicSection::Shape;

double noise_of(const SampleInfo& sample) {
    return 1.0 / std::sqrt(std::max(1.0, static_cast<double>(sample.columns.events)));
}

/// Share of the training events that their weights leave; those of the same events differ where
/// they are of other densities.
double effective_share(const SampleInfo& sample) {
    if (sample.facts.folds.empty()) return 0.0;
    const WeightSums& sums = sample.facts.folds.front()[0].weights.front();
    return sums.effective_events() / std::max(1.0, static_cast<double>(sums.events));
}

/// Ids and yields may differ.
bool hold_same_events(const SampleInfo& a, const SampleInfo& b) {
    constexpr double other_halves = 0.05;
    if (std::abs(effective_share(a) - effective_share(b)) > other_halves) return false;
    const auto alike = [](const FeatureFacts& x, const FeatureFacts& y) {
        return x.low == y.low && x.high == y.high && x.low_row == y.low_row &&
               x.high_row == y.high_row && x.one_percent == y.one_percent &&
               x.last_percent == y.last_percent && x.width == y.width && x.distinct > 20;
    };
    const auto& features = a.facts.features;
    return !features.empty() && a.columns.events == b.columns.events &&
           std::ranges::equal(features, b.facts.features, alike);
}

class Variations {
public:
    Variations(const Campaign& campaign, const std::vector<SampleInfo>& samples)
        : campaign_(campaign), samples_(samples) {}

    /// Of samples that are given twice under two names.
    void look_for_equal_processes() {
        for (auto one = campaign_.processes.begin(); one != campaign_.processes.end(); ++one) {
            const SampleInfo* first = sample_if_there(samples_, one->events());
            for (auto other = campaign_.processes.begin(); other != one; ++other) {
                const SampleInfo* second = sample_if_there(samples_, other->events());
                if (first == nullptr || second == nullptr || first == second) continue;
                if (!hold_same_events(*first, *second)) continue;
                found_.push_back(fmt::format(
                    "processes '{}' and '{}': samples '{}' and '{}' hold the same "
                    "events, so that nothing but their yields tells them apart: was one file "
                    "given twice?",
                    other->name, one->name, second->name, first->name));
            }
        }
    }

    void look_at(const SystematicSection& systematic) {
        const auto name = fmt::format("systematic '{}': ", systematic.name);
        look_at_yields(name, yields_of(systematic), systematic.yields.has_value());
        if (!systematic.shapes) return;
        for (const Shape& shape : *systematic.shapes) look_for_twins(name, shape);
        for (std::size_t f = 0; f < campaign_.events.features.size(); ++f) {
            look_for_opposites(name, campaign_.events.features[f], means_of(systematic, f));
        }
    }

    std::vector<std::string> found() { return std::move(found_); }

private:
    const SampleInfo* nominal_of(const Shape& shape) const {
        return sample_if_there(samples_, campaign_.process(shape.process).events());
    }

    std::vector<VariedYield> yields_of(const SystematicSection& systematic) const {
        std::vector<VariedYield> yields;
        if (systematic.yields) {
            for (const auto& [process, factors] : *systematic.yields) {
                yields.push_back({process, factors.up, factors.down, 0.0});
            }
            return yields;
        }
        for (const Shape& shape : systematic.shapes.value_or(std::vector<Shape>())) {
            const SampleInfo* nominal = nominal_of(shape);
            if (nominal == nullptr || !(nominal->sum_of_weights > 0.0)) continue;
            const auto up = sum_of(*nominal, shape, shape.up);
            const auto down = sum_of(*nominal, shape, shape.down);
            if (!up || !down) continue;
            const double noise =
                shape.source == SystematicSection::Source::samples ? 2.0 * noise_of(*nominal) : 0.0;
            yields.push_back({shape.process, *up / nominal->sum_of_weights,
                              *down / nominal->sum_of_weights, noise});
        }
        return yields;
    }

    std::optional<double> sum_of(const SampleInfo& nominal,
                                 const Shape& shape,
                                 const std::string& side) const {
        if (shape.source == SystematicSection::Source::weights) {
            const auto found = std::ranges::find(nominal.weights, side, &SampleWeights::name);
            return found == nominal.weights.end() ? std::nullopt : std::optional(found->sum);
        }
        const SampleInfo* sample = sample_if_there(samples_, side);
        return sample == nullptr ? std::nullopt : std::optional(sample->sum_of_weights);
    }

    /// \param declared  the numbers are from the campaign: who wrote that one process gains what
    ///                  another one loses meant it
    void look_at_yields(const std::string& name,
                        const std::vector<VariedYield>& yields,
                        bool declared) {
        constexpr double some = 0.002;
        std::vector<std::string> raised;
        std::vector<std::string> lowered;
        for (const VariedYield& yield : yields) {
            const double least = std::max(some, 3.0 * yield.noise);
            const double up = yield.up - 1.0;
            const double down = yield.down - 1.0;
            const auto is_far = [](double times) { return times > 1.5 || times < 1.0 / 1.5; };
            if (!declared && (is_far(yield.up) || is_far(yield.down))) {
                found_.push_back(fmt::format(
                    "{}the yield of '{}' is {:.4g} times nominal at up, {:.4g} times at down; are "
                    "the weights of the variation for the same luminosity as the nominal ones?",
                    name, yield.process, yield.up, yield.down));
                continue;
            }
            const double smaller = std::min(std::abs(up), std::abs(down));
            if (up * down > 0.0 && smaller > least) {
                found_.push_back(fmt::format(
                    "{}both sides {} the yield of '{}' (up: {:.4g}, down: {:.4g} times nominal); "
                    "an effect of one direction, or is one side given in place of the other?",
                    name, up > 0.0 ? "raise" : "lower", yield.process, yield.up, yield.down));
            } else if (std::abs(up - down) > 2.0 * least) {
                (up > down ? raised : lowered).push_back("'" + yield.process + "'");
            }
        }
        if (lowered.empty() || (declared && !raised.empty())) return;
        const auto list = [](const auto& names) {
            return fmt::format("{}", fmt::join(names, ", "));
        };
        found_.push_back(
            raised.empty()
                ? fmt::format("{}the yield of {} is less at up than at down: if the sides were "
                              "exchanged, its pull has the other sign",
                              name, list(lowered))
                : fmt::format(
                      "{}the yield of {} is more at up than at down, that of {} is less: if "
                      "the sides of one of them were exchanged, the fit is wrong",
                      name, list(raised), list(lowered)));
    }

    void look_for_twins(const std::string& name, const Shape& shape) {
        if (shape.source != SystematicSection::Source::samples) return;
        const SampleInfo* up = sample_if_there(samples_, shape.up);
        const SampleInfo* down = sample_if_there(samples_, shape.down);
        if (up == nullptr || down == nullptr || up->digest != down->digest) return;
        found_.push_back(
            fmt::format("{}samples '{}' and '{}' hold the same events: up and down "
                        "are no different",
                        name, shape.up, shape.down));
    }

    std::vector<VariedMean> means_of(const SystematicSection& systematic, std::size_t f) const {
        std::vector<VariedMean> means;
        for (const Shape& shape : *systematic.shapes) {
            if (shape.source != SystematicSection::Source::samples) continue;
            const SampleInfo* up = sample_if_there(samples_, shape.up);
            const SampleInfo* down = sample_if_there(samples_, shape.down);
            if (up == nullptr || down == nullptr) continue;
            if (f >= up->facts.features.size() || f >= down->facts.features.size()) continue;
            const FeatureFacts& high = up->facts.features[f];
            const FeatureFacts& low = down->facts.features[f];
            const auto error = [](const SampleInfo& sample, const FeatureFacts& facts) {
                return std::sqrt(std::max(0.0, facts.variance)) * noise_of(sample) *
                       std::sqrt(2.0);  // of the half that trains
            };
            means.push_back({shape.process, 0.5 * (high.mean - low.mean),
                             0.5 * std::hypot(error(*up, high), error(*down, low))});
        }
        return means;
    }

    /// Sides that were exchanged for one process move it against the others.
    void look_for_opposites(const std::string& name,
                            const std::string& feature,
                            const std::vector<VariedMean>& means) {
        constexpr double certain = 5.0;
        constexpr double alike = 5.0;
        for (const VariedMean& one : means) {
            if (!(one.shift > certain * one.noise)) continue;
            for (const VariedMean& other : means) {
                const double size = -other.shift;
                if (!(size > certain * other.noise)) continue;
                if (size > alike * one.shift || one.shift > alike * size) continue;
                found_.push_back(fmt::format(
                    "{}it moves the mean of '{}' up in '{}' ({:+.3g}) and down in '{}' ({:+.3g}): "
                    "if the sides of one of them were exchanged, the fit is wrong",
                    name, feature, one.process, one.shift, other.process, other.shift));
                return;
            }
        }
    }

    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> variation_warnings(const Campaign& campaign,
                                            const std::vector<SampleInfo>& samples) {
    Variations variations(campaign, samples);
    variations.look_for_equal_processes();
    for (const SystematicSection& systematic : campaign.systematics) {
        variations.look_at(systematic);
    }
    return variations.found();
}

}  // namespace ratiofarm
