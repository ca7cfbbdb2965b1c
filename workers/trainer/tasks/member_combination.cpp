#include "member_combination.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {

MemberCombination::MemberCombination(Combine combine, std::uint64_t events)
    : combine_(combine), mean_(events, 0.0), deviation_(events, 0.0) {
    if (combine_ != Combine::mean_ratio) return;
    largest_.assign(events, -std::numeric_limits<double>::infinity());
    sum_.assign(events, 0.0);
}

void MemberCombination::add(std::uint64_t before,
                            std::uint64_t first,
                            std::span<const float> logits) {
    RATIOFARM_EXPECT(first + logits.size() <= mean_.size());
    const auto count = static_cast<double>(before + 1);
    double* const mean = mean_.data() + first;
    double* const deviation = deviation_.data() + first;
    for (std::size_t event = 0; event < logits.size(); ++event) {
        const auto logit = static_cast<double>(logits[event]);
        const double shift = logit - mean[event];
        mean[event] += shift / count;
        deviation[event] += shift * (logit - mean[event]);
    }
    if (combine_ == Combine::mean_ratio) add_ratios(first, logits);
}

void MemberCombination::add_ratios(std::uint64_t first, std::span<const float> logits) {
    double* const largest = largest_.data() + first;
    double* const sum = sum_.data() + first;
    for (std::size_t event = 0; event < logits.size(); ++event) {
        const auto logit = static_cast<double>(logits[event]);
        if (logit > largest[event]) {
            sum[event] = sum[event] * std::exp(largest[event] - logit) + 1.0;
            largest[event] = logit;
        } else {
            sum[event] += std::exp(logit - largest[event]);
        }
    }
}

std::vector<float> MemberCombination::log_ratio(std::uint64_t members) const {
    RATIOFARM_EXPECT(members > 0);
    std::vector<float> combined;
    combined.reserve(mean_.size());
    for (std::size_t event = 0; event < mean_.size(); ++event) {
        const double value =
            combine_ == Combine::mean_ratio
                ? largest_[event] + std::log(sum_[event] / static_cast<double>(members))
                : mean_[event];
        combined.push_back(static_cast<float>(value));
    }
    return combined;
}

std::vector<float> MemberCombination::spread(std::uint64_t members) const {
    RATIOFARM_EXPECT(members > 0);
    std::vector<float> spread;
    spread.reserve(deviation_.size());
    for (const double deviation : deviation_) {
        const double variance = members > 1 ? deviation / static_cast<double>(members - 1) : 0.0;
        spread.push_back(static_cast<float>(std::sqrt(variance)));
    }
    return spread;
}

}  // namespace ratiofarm::trainer
