#include "ratiofarm/physics/internal_coefficient.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

double whole_power(double base, int exponent) {
    double result = 1.0;
    for (int k = 0; k < exponent; ++k) result *= base;
    return result;
}

/// The order-th derivative of x^power.
double derivative_of_power(double x, int power, int order) {
    double factor = 1.0;
    for (int k = 0; k < order; ++k) factor *= power - k;
    return factor == 0.0 ? 0.0 : factor * whole_power(x, power - order);
}

}  // namespace

InternalCoefficient::InternalCoefficient(const Coefficient& coefficient,
                                         const StatisticalModel& model,
                                         const InternalCoordinates& coordinates) {
    for (const auto& term : coefficient.terms) {
        for (const auto& factor : term.factors) {
            parameters_.push_back(parameter_index(model, factor.parameter));
        }
    }
    std::sort(parameters_.begin(), parameters_.end());
    parameters_.erase(std::unique(parameters_.begin(), parameters_.end()), parameters_.end());
    for (const auto& written : coefficient.terms) {
        Term term{written.constant, {}};
        for (const auto& factor : written.factors) {
            const std::size_t a = parameter_index(model, factor.parameter);
            const double power = coordinates.is_root(a) ? 2.0 * factor.power : factor.power;
            RATIOFARM_EXPECT(power == std::floor(power) && power > 0.0);
            const auto place = std::lower_bound(parameters_.begin(), parameters_.end(), a);
            term.factors.push_back(
                {static_cast<std::size_t>(place - parameters_.begin()), static_cast<int>(power)});
        }
        terms_.push_back(std::move(term));
    }
}

void InternalCoefficient::add_term(const Term& term, std::span<const double> u, Value& to) const {
    // The term with its factors k and l differentiated once each, or k = l twice.
    const auto differentiated = [&](std::size_t k, std::size_t l) {
        double result = term.constant;
        for (std::size_t m = 0; m < term.factors.size(); ++m) {
            const auto& factor = term.factors[m];
            const int order = (m == k ? 1 : 0) + (m == l ? 1 : 0);
            result *= derivative_of_power(u[parameters_[factor.index]], factor.power, order);
        }
        return result;
    };
    const std::size_t none = term.factors.size();
    to.value += differentiated(none, none);
    for (std::size_t k = 0; k < none; ++k) {
        const std::size_t a = term.factors[k].index;
        to.gradient[a] += differentiated(k, none);
        for (std::size_t l = 0; l < none; ++l) {
            to.hessian[a * parameters_.size() + term.factors[l].index] += differentiated(k, l);
        }
    }
}

InternalCoefficient::Value InternalCoefficient::at(std::span<const double> u) const {
    const std::size_t k = parameters_.size();
    Value result{0.0, std::vector<double>(k), std::vector<double>(k * k)};
    for (const Term& term : terms_) add_term(term, u, result);
    return result;
}

}  // namespace ratiofarm
