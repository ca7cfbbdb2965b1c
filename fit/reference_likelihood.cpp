#include "ratiofarm/fit/reference_likelihood.hpp"

#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// L(D) with two derivatives: ln D, or its continuation below the floor.
struct Logarithm {
    double value;
    double first;
    double second;
};

Logarithm guarded_log(double mixture, double floor, double weight) {
    if (mixture >= floor) {
        return {std::log(mixture), 1.0 / mixture, -1.0 / (mixture * mixture)};
    }
    const double t = mixture / floor - 1.0;
    if (weight >= 0.0) {
        return {std::log(floor) + t - t * t / 2.0, (1.0 - t) / floor, -1.0 / (floor * floor)};
    }
    const double q = 1.0 + t * t;
    return {std::log(floor) + (t - t * t / 2.0) / q, (1.0 - t - t * t) / (q * q) / floor,
            (-1.0 - 6.0 * t + 3.0 * t * t + 2.0 * t * t * t) / (q * q * q) / (floor * floor)};
}

}  // namespace

Evaluation reference_likelihood(const StatisticalModel& model,
                                const EventSet& events,
                                std::span<const double> u) {
    RATIOFARM_EXPECT(events.offset == 0 && events.size() == events.total);
    const MixtureRates c = MixtureCoefficients(model).rates(u);
    const std::size_t n = u.size();
    const std::size_t p = c.value.size();
    Evaluation result{0.0, std::vector<double>(n), std::vector<double>(n * n), 0};
    for (std::size_t j = 0; j < p; ++j) {  // nu
        result.nll += c.value[j];
        for (std::size_t a = 0; a < n; ++a) result.gradient[a] += c.gradient[j * n + a];
        for (std::size_t ab = 0; ab < n * n; ++ab) result.hessian[ab] += c.hessian[j * n * n + ab];
    }
    for (std::size_t i = 0; i < events.size(); ++i) {  // - sum w ln D
        const double w = events.weight[i];
        double mixture = 0.0;
        double scale = 0.0;
        std::vector<double> d(n);       // dD/du
        std::vector<double> dd(n * n);  // d2D/du2
        for (std::size_t j = 0; j < p; ++j) {
            const double r = std::exp(events.log_r[i * p + j]);
            mixture += c.value[j] * r;
            scale += model.processes[j].yield * r;
            for (std::size_t a = 0; a < n; ++a) d[a] += c.gradient[j * n + a] * r;
            for (std::size_t ab = 0; ab < n * n; ++ab) dd[ab] += c.hessian[j * n * n + ab] * r;
        }
        const double floor = std::max(1e-6 * scale, 1e-150);
        const Logarithm log = guarded_log(mixture, floor, w);
        if (mixture < floor && w != 0.0) ++result.below_floor;
        result.nll -= w * log.value;
        for (std::size_t a = 0; a < n; ++a) {
            result.gradient[a] -= w * log.first * d[a];
            for (std::size_t b = 0; b < n; ++b) {
                result.hessian[a * n + b] -=
                    w * (log.first * dd[a * n + b] + log.second * d[a] * d[b]);
            }
        }
    }
    return result;
}

}  // namespace ratiofarm
