#include <cmath>
#include <limits>
#include <map>

#include "ratiofarm/core/contracts.hpp"

#include "gates.hpp"

namespace ratiofarm {
namespace {

using Logits = std::vector<const std::vector<float>*>;

/// Mean over events of the variance over members, / members.
double square_error_of_mean(const Logits& members) {
    const std::size_t events = members.front()->size();
    const auto count = static_cast<double>(members.size());
    double sum = 0.0;
    for (std::size_t event = 0; event < events; ++event) {
        double mean = 0.0;
        for (const auto* logits : members) mean += double{(*logits)[event]} / count;
        for (const auto* logits : members) {
            const double difference = double{(*logits)[event]} - mean;
            sum += difference * difference / (count - 1.0);
        }
    }
    return sum / (static_cast<double>(events) * count);
}

}  // namespace

double mean_spread(std::span<const NetSlot> slots, std::span<const SlotChoice> choices) {
    RATIOFARM_EXPECT(slots.size() == choices.size());
    std::map<std::uint32_t, Logits> folds;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].replica || choices[i].state != SlotChoice::State::chosen) continue;
        const auto& logits = slots[i].tried[choices[i].index].result.quality.reference_logits;
        folds[slots[i].fold].push_back(&logits);
    }
    if (folds.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0.0;
    for (const auto& [fold, members] : folds) {
        for (const auto* logits : members) {
            RATIOFARM_EXPECT(logits->size() == members.front()->size());
        }
        if (members.size() < 2 || members.front()->empty()) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        sum += square_error_of_mean(members);
    }
    return std::sqrt(sum / static_cast<double>(folds.size()));
}

}  // namespace ratiofarm
