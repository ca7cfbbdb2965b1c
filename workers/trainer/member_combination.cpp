#include "member_combination.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

MemberCombination::MemberCombination(Combine combine, std::uint64_t events)
    : combine_(combine), mean_(events, 0.0), deviation_(events, 0.0) {
    if (combine_ != Combine::mean_ratio) return;
    largest_.assign(events, -std::numeric_limits<double>::infinity());
    sum_.assign(events, 0.0);
}

void MemberCombination::add(std::uint64_t first, std::span<const float> logits) {
    RATIOFARM_EXPECT(first + logits.size() <= mean_.size());
    const auto count = static_cast<double>(members_ + 1);
    for (std::size_t index = 0; index < logits.size(); ++index) {
        const std::uint64_t event = first + index;
        const auto logit = static_cast<double>(logits[index]);
        const double shift = logit - mean_[event];
        mean_[event] += shift / count;
        deviation_[event] += shift * (logit - mean_[event]);
        if (combine_ != Combine::mean_ratio) continue;
        if (logit > largest_[event]) {
            sum_[event] = sum_[event] * std::exp(largest_[event] - logit) + 1.0;
            largest_[event] = logit;
        } else {
            sum_[event] += std::exp(logit - largest_[event]);
        }
    }
}

RatioBlock MemberCombination::finish() const {
    RATIOFARM_EXPECT(members_ > 0);
    const auto members = static_cast<double>(members_);
    RatioBlock block;
    block.log_ratio.reserve(mean_.size());
    block.spread.reserve(mean_.size());
    for (std::size_t event = 0; event < mean_.size(); ++event) {
        const double combined = combine_ == Combine::mean_ratio
                                    ? largest_[event] + std::log(sum_[event] / members)
                                    : mean_[event];
        const double variance = members_ > 1 ? deviation_[event] / (members - 1.0) : 0.0;
        block.log_ratio.push_back(static_cast<float>(combined));
        block.spread.push_back(static_cast<float>(std::sqrt(variance)));
    }
    return block;
}

}  // namespace ratiofarm
