#include "search_sigma.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/find_sample.hpp"

namespace ratiofarm {
namespace {

double start_of(const Campaign& campaign, const std::string& name) {
    for (const Parameter& parameter : campaign.parameters) {
        if (parameter.name == name) return parameter.start;
    }
    RATIOFARM_EXPECT(false);
    return 0.0;
}

/// Value and derivative of a coefficient.
void add_coefficient(const Campaign& campaign, const Coefficient& coefficient, ProcessRate& rate) {
    const std::string& poi = campaign.inference.poi;
    for (const CoefficientTerm& term : coefficient.terms) {
        double value = term.constant;
        double slope = 0.0;
        for (const CoefficientTerm::Factor& factor : term.factors) {
            const double at = start_of(campaign, factor.parameter);
            const double power = std::pow(at, factor.power);
            const double change = factor.power * std::pow(at, factor.power - 1.0);
            slope = slope * power + (factor.parameter == poi ? value * change : 0.0);
            value *= power;
        }
        rate.factor += value;
        rate.slope += slope;
    }
}

/// Sums over the events of one process.
struct Moments {
    double weight = 0.0;
    double score = 0.0;
    double square = 0.0;
    double squared_weight = 0.0;  ///< sums of w^2, w^2 s and w^2 s^2
    double squared_score = 0.0;
    double squared_square = 0.0;

    double mean() const { return score / weight; }
    /// Of the mean, by the number of events.
    double variance() const {
        const double m = mean();
        return (squared_square - 2.0 * m * squared_score + m * m * squared_weight) /
               (weight * weight);
    }
};

Moments moments_of(std::span<const ProcessRate> rates,
                   const JudgedEvents& events,
                   std::span<const double> norm) {
    constexpr double floor = 1e-6;
    Moments sums;
    for (std::size_t event = 0; event < events.weight.size(); ++event) {
        double mixture = 0.0;
        double scale = 0.0;
        double change = 0.0;
        for (std::size_t k = 0; k < rates.size(); ++k) {
            const double ratio =
                std::exp(static_cast<double>(events.log_ratio[k][event])) / norm[k];
            const double term = rates[k].factor * rates[k].yield * ratio;
            mixture += term;
            scale += std::abs(term);
            change += rates[k].slope * rates[k].yield * ratio;
        }
        const double score = change / std::max(mixture, floor * scale);
        const double weight = events.weight[event];
        sums.weight += weight;
        sums.score += weight * score;
        sums.square += weight * score * score;
        sums.squared_weight += weight * weight;
        sums.squared_score += weight * weight * score;
        sums.squared_square += weight * weight * score * score;
    }
    return sums;
}

}  // namespace

std::vector<ProcessRate> process_rates(const Campaign& campaign,
                                       const std::vector<SampleInfo>& samples) {
    std::vector<ProcessRate> rates;
    for (const ProcessSection& process : campaign.processes) {
        ProcessRate rate;
        rate.yield = process.yield.value_or(find_sample(samples, process.events()).sum_of_weights);
        add_coefficient(campaign, process.coefficient, rate);
        if (!std::isfinite(rate.slope)) {
            throw DataError("search.objective = \"sigma\": the coefficient of process '" +
                            process.name + "' has no derivative by '" + campaign.inference.poi +
                            "' at its start; set another start or another objective");
        }
        rates.push_back(rate);
    }
    return rates;
}

std::vector<float> log_mean_ratio(std::vector<std::vector<float>> log_ratio) {
    RATIOFARM_EXPECT(!log_ratio.empty());
    std::vector<float> mean = std::move(log_ratio.front());
    if (log_ratio.size() == 1) return mean;
    for (std::size_t event = 0; event < mean.size(); ++event) {
        double sum = std::exp(static_cast<double>(mean[event]));
        for (std::size_t net = 1; net < log_ratio.size(); ++net) {
            sum += std::exp(static_cast<double>(log_ratio[net][event]));
        }
        mean[event] = static_cast<float>(std::log(sum / static_cast<double>(log_ratio.size())));
    }
    return mean;
}

double expected_sigma(std::span<const ProcessRate> rates,
                      std::span<const JudgedEvents> events,
                      std::span<const double> norm) {
    RATIOFARM_EXPECT(events.size() == rates.size() && norm.size() == rates.size());
    double variance = 0.0;
    double response = 0.0;
    for (std::size_t j = 0; j < rates.size(); ++j) {
        const Moments sums = moments_of(rates, events[j], norm);
        variance += rates[j].factor * rates[j].yield * sums.square / sums.weight;
        response += rates[j].slope * rates[j].yield * sums.score / sums.weight;
    }
    const double sigma = std::sqrt(variance) / std::abs(response);
    return std::isfinite(sigma) ? sigma : std::numeric_limits<double>::infinity();
}

double coverage_defect(std::span<const ProcessRate> rates,
                       std::span<const JudgedEvents> events,
                       std::span<const double> norm) {
    RATIOFARM_EXPECT(events.size() == rates.size() && norm.size() == rates.size());
    double variance = 0.0;
    double bias = 0.0;
    double chance = 0.0;
    for (std::size_t j = 0; j < rates.size(); ++j) {
        const Moments sums = moments_of(rates, events[j], norm);
        const double rate = rates[j].factor * rates[j].yield;
        variance += rate * sums.square / sums.weight;
        bias += rate * sums.mean() - rates[j].slope * rates[j].yield;
        chance += rate * rate * sums.variance();
    }
    const double b = std::sqrt(std::max(0.0, bias * bias - chance) / variance);
    const auto below = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
    const double defect = std::erf(1.0 / std::numbers::sqrt2) - (below(1.0 - b) - below(-1.0 - b));
    return std::isfinite(defect) ? defect : std::numeric_limits<double>::infinity();
}

}  // namespace ratiofarm
