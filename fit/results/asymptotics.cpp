#include "ratiofarm/fit/asymptotics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/math/special_functions/erf.hpp>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

double normal_tail(double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); }

double normal_cdf(double x) { return normal_tail(-x); }

double normal_quantile(double probability) {
    RATIOFARM_EXPECT(probability >= 0.0 && probability <= 1.0);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    if (probability == 0.0 || probability == 1.0) return probability == 0.0 ? -infinite : infinite;
    return 0.0 - std::sqrt(2.0) * boost::math::erfc_inv(2.0 * probability);  // the median is +0
}

ClsValue cls_of_q(double q, double q_asimov) {
    const double root = std::sqrt(std::max(0.0, q));
    ClsValue value;
    value.p_sb = normal_tail(root);
    value.p_b = normal_tail(root - std::sqrt(std::max(0.0, q_asimov)));
    value.cls = value.p_sb / value.p_b;
    return value;
}

ClsValue cls_of_q_tilde(double q, double q_asimov) {
    if (q <= q_asimov || q_asimov <= 0.0) return cls_of_q(q, q_asimov);
    const double twice_root = 2.0 * std::sqrt(q_asimov);
    ClsValue value;
    value.p_sb = normal_tail((q + q_asimov) / twice_root);
    value.p_b = normal_tail((q - q_asimov) / twice_root);
    value.cls = value.p_sb / value.p_b;
    return value;
}

double expected_cls(double q_asimov, double n_sigma) {
    return normal_tail(std::sqrt(std::max(0.0, q_asimov)) - n_sigma) / normal_cdf(n_sigma);
}

double root_of_asimov_at(double cls, double n_sigma) {
    return n_sigma - normal_quantile(cls * normal_cdf(n_sigma));
}

}  // namespace ratiofarm
