// What systematics do to processes, before it is cut into regions.
#include "counted_effects.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "campaign/file/section_readers.hpp"

namespace ratiofarm {
namespace {

double positive_sum(double sum, const SampleSums& of) {
    if (sum > 0.0 && std::isfinite(sum)) return sum;
    throw DataError("the weights of sample '" + of.sample + "'" +
                    (of.weights.empty() ? "" : " in column '" + of.weights + "'") + " sum to " +
                    std::to_string(sum) + " (must be > 0; declare yields, or check the weights)");
}

ProcessEffect& effect_of(std::vector<ProcessEffect>& effects, const std::string& parameter) {
    const auto found = std::ranges::find(effects, parameter, &ProcessEffect::parameter);
    if (found != effects.end()) return *found;
    effects.emplace_back().parameter = parameter;
    return effects.back();
}

}  // namespace

VariedSums varied_sums(const std::vector<SampleSums>& sums,
                       const ProcessSection& process,
                       const ProcessEffect& effect) {
    const SystematicSection::Shape& shape = *effect.shape;
    if (shape.source == SystematicSection::Source::weights) {
        return {find_sums(sums, process.events(), shape.up),
                find_sums(sums, process.events(), shape.down)};
    }
    return {find_sums(sums, shape.up), find_sums(sums, shape.down)};
}

double total_yield(const ProcessSection& process, const std::vector<SampleSums>& sums) {
    if (process.yield) return *process.yield;
    const SampleSums& sample = find_sums(sums, process.events());
    return positive_sum(sample.sum, sample);
}

std::vector<ProcessEffect> counted_effects(const Campaign& campaign,
                                           const std::vector<SampleSums>& sums,
                                           const ProcessSection& process) {
    std::vector<ProcessEffect> effects;
    for (std::size_t s = 0; s < campaign.systematics.size(); ++s) {
        const SystematicSection& systematic = campaign.systematics[s];
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.process != process.name) continue;
            if (shape.source == SystematicSection::Source::ratio_file) continue;
            ProcessEffect& effect = effect_of(effects, systematic.parameter);
            effect.shape = &shape;
            effect.owner = s;
            if (systematic.yields) continue;
            const auto [up, down] = varied_sums(sums, process, effect);
            const SampleSums& nominal = find_sums(sums, process.events());
            const double sum = positive_sum(nominal.sum, nominal);
            effect.total = {.up = positive_sum(up.sum, up) / sum,
                            .down = positive_sum(down.sum, down) / sum};
        }
    }
    for (std::size_t s = 0; s < campaign.systematics.size(); ++s) {
        const SystematicSection& systematic = campaign.systematics[s];
        if (!systematic.yields) continue;
        for (const auto& yield : *systematic.yields) {
            if (yield.process != process.name) continue;
            ProcessEffect& effect = effect_of(effects, systematic.parameter);
            effect.total = yield.factors;
            effect.owner = s;
        }
    }
    return effects;
}

double coefficient_at_start(const Coefficient& coefficient,
                            const Campaign& campaign,
                            std::string_view zero) {
    double sum = 0.0;
    for (const CoefficientTerm& term : coefficient.terms) {
        double product = term.constant;
        for (const auto& factor : term.factors) {
            const Parameter* parameter = find_parameter(campaign, factor.parameter);
            const double start = parameter == nullptr ? 1.0 : parameter->start;
            product *= std::pow(factor.parameter == zero ? 0.0 : start, factor.power);
        }
        sum += product;
    }
    return sum;
}

}  // namespace ratiofarm
