#include "ratiofarm/physics/process_rates.hpp"

#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Additive interpolation of a yield can fall to zero far out; the rate is held above this.
constexpr double smallest_factor = 1e-6;

/// Multiplies process j by a factor whose logarithm has the given derivatives:
/// (r e^L)'' = e^L (r'' + r' L'^T + L' r'^T + r (L' L'^T + L'')).
void multiply(ProcessRates& rates,
              std::size_t j,
              double factor,
              std::span<const double> factor_gradient,
              std::span<const double> factor_curvature) {
    const std::size_t n = factor_gradient.size();
    double& value = rates.value[j];
    const std::span gradient(rates.gradient.data() + j * n, n);
    const std::span hessian(rates.hessian.data() + j * n * n, n * n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            double& h = hessian[a * n + b];
            h = factor *
                (h + gradient[a] * factor_gradient[b] + factor_gradient[a] * gradient[b] +
                 value * (factor_gradient[a] * factor_gradient[b] + factor_curvature[a * n + b]));
        }
    }
    for (std::size_t a = 0; a < n; ++a) {
        gradient[a] = factor * (gradient[a] + value * factor_gradient[a]);
    }
    value *= factor;
}

}  // namespace

double ProcessRates::total() const {
    double sum = 0.0;
    for (const double rate : value) sum += rate;
    return sum;
}

RateModel::RateModel(const UnbinnedRegion& region,
                     const StatisticalModel& model,
                     const InternalCoordinates& coordinates) {
    for (const auto& process : region.processes) {
        const std::string name = "process '" + process.name + "' of region '" + region.name + "'";
        in_context(name, [&] {
            Process compiled{
                process.yield, InternalCoefficient(process.coefficient, model, coordinates), {}};
            for (const auto& effect : process.systematics) {
                const std::size_t a = parameter_index(model, effect.parameter);
                if (!effect.yield) continue;
                const auto [up, down] = *effect.yield;
                const bool positive = up > 0.0 && down > 0.0;
                if (!positive || !std::isfinite(up) || !std::isfinite(down)) {
                    throw ConfigError("yield of systematic '" + effect.parameter + "': up = " +
                                      std::to_string(up) + ", down = " + std::to_string(down) +
                                      " (factors, must be > 0)");
                }
                compiled.effects.push_back({a, *effect.yield, effect.yield_code});
            }
            processes_.push_back(std::move(compiled));
        });
    }
}

void RateModel::add_process(std::size_t j, std::span<const double> u, ProcessRates& to) const {
    const std::size_t n = u.size();
    const Process& process = processes_[j];
    const auto f = process.coefficient.at(u);
    const auto& depends = process.coefficient.parameters();
    to.value[j] = process.yield * f.value;
    for (std::size_t k = 0; k < depends.size(); ++k) {
        to.gradient[j * n + depends[k]] = process.yield * f.gradient[k];
        for (std::size_t l = 0; l < depends.size(); ++l) {
            to.hessian[(j * n + depends[k]) * n + depends[l]] =
                process.yield * f.hessian[k * depends.size() + l];
        }
    }
    if (process.effects.empty()) return;
    double factor = 1.0;
    std::vector<double> factor_gradient(n);
    std::vector<double> factor_curvature(n * n);
    for (const Yield& effect : process.effects) {
        Interpolated g = interpolate(effect.code, effect.anchors, u[effect.parameter]);
        if (g.value < smallest_factor) g = {smallest_factor, 0.0, 0.0};
        const double d = g.gradient / g.value;
        factor *= g.value;
        factor_gradient[effect.parameter] += d;
        factor_curvature[effect.parameter * (n + 1)] += g.curvature / g.value - d * d;
    }
    multiply(to, j, factor, factor_gradient, factor_curvature);
}

ProcessRates RateModel::at(std::span<const double> u) const {
    const std::size_t n = u.size();
    const std::size_t s = n_processes();
    ProcessRates result{std::vector<double>(s), std::vector<double>(s * n),
                        std::vector<double>(s * n * n)};
    for (std::size_t j = 0; j < s; ++j) add_process(j, u, result);
    return result;
}

void divide_rate(ProcessRates& rates,
                 std::size_t j,
                 double log_z,
                 std::span<const double> gradient,
                 std::span<const double> hessian) {
    std::vector<double> factor_gradient(gradient.begin(), gradient.end());
    std::vector<double> factor_curvature(hessian.begin(), hessian.end());
    for (double& value : factor_gradient) value = -value;
    for (double& value : factor_curvature) value = -value;
    multiply(rates, j, std::exp(-log_z), factor_gradient, factor_curvature);
}

std::vector<double> rates_at(const StatisticalModel& model,
                             const UnbinnedRegion& region,
                             std::span<const double> theta) {
    const InternalCoordinates coordinates(model);
    return RateModel(region, model, coordinates).at(coordinates.to_internal(theta)).value;
}

}  // namespace ratiofarm
