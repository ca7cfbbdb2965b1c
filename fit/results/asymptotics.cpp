#include "ratiofarm/fit/asymptotics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <boost/math/special_functions/erf.hpp>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

double normal_tail(double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); }

double log_normal_tail(double x) {
    if (x < 0.0) return std::log1p(-normal_tail(-x));
    if (x < 5.0) return std::log(normal_tail(x));
    // The tail is the density over x + 1 / (x + 2 / (x + 3 / ...)).
    double fraction = x;
    for (int k = 60; k > 0; --k) fraction = x + k / fraction;
    return -0.5 * x * x - std::log(std::sqrt(2.0 * std::numbers::pi) * fraction);
}

double normal_cdf(double x) { return normal_tail(-x); }

double normal_quantile(double probability) {
    RATIOFARM_EXPECT(probability >= 0.0 && probability <= 1.0);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    if (probability == 0.0 || probability == 1.0) return probability == 0.0 ? -infinite : infinite;
    return 0.0 - std::sqrt(2.0) * boost::math::erfc_inv(2.0 * probability);  // the median is +0
}

namespace {

ClsValue cls_of_tails(double x_sb, double x_b) {
    return {normal_tail(x_sb), normal_tail(x_b),
            std::exp(log_normal_tail(x_sb) - log_normal_tail(x_b))};
}

}  // namespace

ClsValue cls_of_q(double q, double q_asimov) {
    const double root = std::sqrt(std::max(0.0, q));
    return cls_of_tails(root, root - std::sqrt(std::max(0.0, q_asimov)));
}

ClsValue cls_of_q_tilde(double q, double q_asimov) {
    if (q <= q_asimov || q_asimov <= 0.0) return cls_of_q(q, q_asimov);
    const double twice_root = 2.0 * std::sqrt(q_asimov);
    return cls_of_tails((q + q_asimov) / twice_root, (q - q_asimov) / twice_root);
}

double expected_cls(double q_asimov, double n_sigma) {
    return normal_tail(std::sqrt(std::max(0.0, q_asimov)) - n_sigma) / normal_cdf(n_sigma);
}

double root_of_asimov_at(double cls, double n_sigma) {
    return n_sigma - normal_quantile(cls * normal_cdf(n_sigma));
}

}  // namespace ratiofarm
