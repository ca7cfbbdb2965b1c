#include "sample_weights.hpp"

#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

std::vector<std::string> weight_doubts(const std::string& what, const WeightSums& facts) {
    constexpr std::uint64_t few = 100;  // where single events weigh much in any case
    constexpr double large_share = 0.1;
    constexpr double few_effective = 1000.0;
    std::vector<std::string> doubts;
    if (facts.events < few) return doubts;
    if (facts.largest > large_share * facts.absolute) {
        doubts.push_back(
            fmt::format("{}: row {} has weight +-{:.4g}, {:.0f} % of all {} events together: every "
                        "result hangs on it",
                        what, facts.largest_row, facts.largest,
                        100.0 * facts.largest / facts.absolute, facts.events));
    }
    const double effective = facts.effective_events();
    const auto events = static_cast<double>(facts.events);
    const bool few_left = effective < few_effective && effective < 0.5 * events;
    if (few_left || effective < 0.1 * events ||
        static_cast<double>(facts.negative) > 0.2 * events) {
        doubts.push_back(fmt::format(
            "{}: {} events are worth only {:.0f} of weight 1, (sum w)^2 / sum w^2 "
            "({} weights are negative): nets, normalisations and expectations are known only to "
            "{:.1f} %",
            what, facts.events, effective, facts.negative, 100.0 / std::sqrt(effective)));
    }
    return doubts;
}

void expect_unit_weights(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    if (!campaign.data.observed) return;
    for (const SampleInfo& sample : samples) {
        const auto events = static_cast<double>(sample.columns.events);
        if (sample.name != campaign.data.sample || sample.sum_of_weights == events) continue;
        throw DataError(fmt::format(
            "sample '{}' of [data]: the weights of its {} events sum to {:.6g}, but observed "
            "events "
            "count once each. Set their weights to 1; weighted events can be fitted as injections "
            "= [{{ ..., sample = \"{}\" }}]",
            sample.name, sample.columns.events, sample.sum_of_weights, sample.name));
    }
}

}  // namespace ratiofarm
