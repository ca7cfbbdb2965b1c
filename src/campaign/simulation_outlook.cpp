#include "simulation_outlook.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coefficient_values.hpp"

namespace ratiofarm {
namespace {

/// Of all nets of a process together; 0 where it is not known.
double effective_training_events(const Campaign& campaign, const SampleInfo& sample) {
    constexpr std::size_t training = 0;
    if (sample.facts.folds.empty()) return 0.0;
    const WeightSums& sums = sample.facts.folds.front()[training].weights.front();
    const auto folds = static_cast<double>(campaign.split.folds);
    return sums.effective_events() * (folds > 1.0 ? folds / (folds - 1.0) : 1.0);
}

struct ProcessSize {
    std::string name;
    double expected = 0.0;  ///< events, without sign
    double training = 0.0;

    double square() const { return expected * expected / training; }
};

}  // namespace

std::optional<std::string> small_simulation(const Campaign& campaign,
                                            const std::vector<SampleInfo>& samples) {
    if (campaign.finite_mc.method != FiniteMcMethod::none) return std::nullopt;
    const ParameterValues values = start_values(campaign);
    std::vector<ProcessSize> sizes;
    double expected = 0.0;
    double squares = 0.0;
    for (const ProcessSection& process : campaign.processes) {
        const auto sample = std::ranges::find(samples, process.events(), &SampleInfo::name);
        if (sample == samples.end()) return std::nullopt;
        const double events =
            value_of(process.coefficient, values) * process.yield.value_or(sample->sum_of_weights);
        sizes.push_back(
            {process.name, std::abs(events), effective_training_events(campaign, *sample)});
        if (!(sizes.back().training > 0.0)) return std::nullopt;
        expected += events;
        squares += sizes.back().square();
    }
    if (!(expected > 0.0) || !(squares > noisy_part * noisy_part * expected)) return std::nullopt;
    const auto worst = std::ranges::max_element(sizes, {}, &ProcessSize::square);
    return fmt::format(
        "the simulation is small for {:.4g} expected events: of process '{}' {:.4g} are expected, "
        "and {:.4g} of equal weight train its nets. Their finite number moves the result by up to "
        "about {:.2g} of its statistical error, in addition to it; the fit says by how much. To "
        "do: simulate ten times the expected events, use all of them by 'folds = 2' in "
        "[split], or [finite_mc], which measures it and takes it in",
        expected, worst->name, worst->expected, worst->training, std::sqrt(squares / expected));
}

}  // namespace ratiofarm
