#include "ratiofarm/physics/mixture_coefficients.hpp"

#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

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

double MixtureRates::total() const {
    double sum = 0.0;
    for (const double rate : value) sum += rate;
    return sum;
}

MixtureCoefficients::MixtureCoefficients(const StatisticalModel& model) : coordinates_(model) {
    for (const auto& process : model.processes) {
        std::vector<Term> terms;
        for (const auto& written : process.coefficient.terms) {
            Term term{written.constant * process.yield, {}};
            for (const auto& factor : written.factors) {
                const std::size_t a =
                    in_context("coefficient of process '" + process.name + "'",
                               [&] { return parameter_index(model, factor.parameter); });
                const double power = coordinates_.is_root(a) ? 2.0 * factor.power : factor.power;
                RATIOFARM_EXPECT(power == std::floor(power) && power > 0.0);
                term.factors.push_back({a, static_cast<int>(power)});
            }
            terms.push_back(std::move(term));
        }
        processes_.push_back(std::move(terms));
    }
}

void MixtureCoefficients::add_term(const Term& term,
                                   std::span<const double> u,
                                   std::size_t process,
                                   MixtureRates& rates) {
    const std::size_t n = u.size();
    // The term with its factors k and l differentiated once each, or k = l twice.
    const auto differentiated = [&](std::size_t k, std::size_t l) {
        double result = term.constant;
        for (std::size_t m = 0; m < term.factors.size(); ++m) {
            const auto& factor = term.factors[m];
            const int order = (m == k ? 1 : 0) + (m == l ? 1 : 0);
            result *= derivative_of_power(u[factor.parameter], factor.power, order);
        }
        return result;
    };
    const std::size_t none = term.factors.size();
    rates.value[process] += differentiated(none, none);
    for (std::size_t k = 0; k < none; ++k) {
        const std::size_t a = term.factors[k].parameter;
        rates.gradient[process * n + a] += differentiated(k, none);
        for (std::size_t l = 0; l < none; ++l) {
            const std::size_t b = term.factors[l].parameter;
            rates.hessian[(process * n + a) * n + b] += differentiated(k, l);
        }
    }
}

MixtureRates MixtureCoefficients::rates(std::span<const double> u) const {
    const std::size_t n = n_parameters();
    const std::size_t p = n_processes();
    RATIOFARM_EXPECT(u.size() == n);
    MixtureRates result{std::vector<double>(p), std::vector<double>(p * n),
                        std::vector<double>(p * n * n)};
    for (std::size_t j = 0; j < p; ++j) {
        for (const auto& term : processes_[j]) add_term(term, u, j, result);
    }
    return result;
}

std::vector<double> MixtureCoefficients::rates_at(std::span<const double> theta) const {
    return rates(coordinates_.to_internal(theta)).value;
}

bool MixtureCoefficients::depends_on(std::size_t parameter) const {
    for (const auto& terms : processes_) {
        for (const auto& term : terms) {
            for (const auto& factor : term.factors) {
                if (factor.parameter == parameter) return true;
            }
        }
    }
    return false;
}

}  // namespace ratiofarm
