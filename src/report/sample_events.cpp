#include "sample_events.hpp"

#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

double total_weight(std::span<const double> weights) {
    double total = 0.0;
    for (const double weight : weights) total += weight;
    if (!(total > 0.0)) {
        throw DataError("a sample's inference-split weights must have a positive sum");
    }
    return total;
}

double reference_mean(std::span<const SampleEvents> samples) {
    double mean = 0.0;
    for (const SampleEvents& sample : samples) {
        if (sample.fraction == 0.0) continue;
        RATIOFARM_EXPECT(sample.log_ratio.size() == sample.weight.size());
        double sum = 0.0;
        for (std::size_t i = 0; i < sample.weight.size(); ++i) {
            sum += sample.weight[i] * std::exp(static_cast<double>(sample.log_ratio[i]));
        }
        mean += sample.fraction * sum / total_weight(sample.weight);
    }
    return mean;
}

}  // namespace ratiofarm
