#include "reference_likelihood.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/constraint_term.hpp"

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

/// A function of u with its derivatives.
struct Term {
    double value;
    std::vector<double> gradient;  // [n]
    std::vector<double> hessian;   // [n, n]
};

/// Multiplies by a function of u_a alone.
void multiply(Term& term, std::size_t a, const Interpolated& g) {
    const std::size_t n = term.gradient.size();
    for (double& h : term.hessian) h *= g.value;
    for (std::size_t b = 0; b < n; ++b) {
        term.hessian[a * n + b] += g.gradient * term.gradient[b];
        term.hessian[b * n + a] += g.gradient * term.gradient[b];
    }
    term.hessian[a * n + a] += g.curvature * term.value;
    for (double& d : term.gradient) d *= g.value;
    term.gradient[a] += g.gradient * term.value;
    term.value *= g.value;
}

constexpr double oracle_smallest_g = 1e-6;
const double oracle_largest_log_anchor = std::log(20.0);

/// The textbook likelihood of one region.
class Textbook {
public:
    Textbook(const StatisticalModel& model, const EventSet& events, std::span<const double> u)
        : model_(model), region_(model.unbinned.front()), events_(events), u_(u), n_(u.size()) {
        const InternalCoordinates coordinates(model);
        rates_ = RateModel(region_, model, coordinates).at(u);
        result_ = {.gradient = std::vector<double>(n_),
                   .hessian = std::vector<double>(n_ * n_),
                   .fisher = std::vector<double>(n_ * n_)};
    }

    Evaluation evaluate() {
        for (std::size_t j = 0; j < region_.processes.size(); ++j) add(1.0, rate(j));  // nu
        const bool shapes = !events_.shapes.empty() && region_.shape_norm != ShapeNorm::none;
        if (shapes) normalise();
        for (std::size_t i = 0; i < events_.size(); ++i) add_event(i);
        std::vector<double> observed;
        for (const Parameter& p : model_.parameters) observed.push_back(p.constraint.observed);
        add_constraints(model_, observed, u_, result_);
        return result_;
    }

private:
    Term rate(std::size_t j) const {
        const auto cut = [&](const std::vector<double>& all, std::size_t size) {
            const auto first = all.begin() + static_cast<std::ptrdiff_t>(j * size);
            return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size));
        };
        return {rates_.value[j], cut(rates_.gradient, n_), cut(rates_.hessian, n_ * n_)};
    }

    /// Multiplies by prod_m g_jm of event i.
    void multiply_shapes(std::size_t i, std::size_t j, Term& term) const {
        for (std::size_t c = 0; c < events_.shapes.size(); ++c) {
            const auto& [process, parameter] = events_.shapes[c];
            if (process != region_.processes[j].name) continue;
            const auto& effects = region_.processes[j].systematics;
            const auto effect = std::find_if(effects.begin(), effects.end(), [&](const auto& e) {
                return e.parameter == parameter;
            });
            const auto anchor = [&](std::size_t side) {
                const double log_g = events_.log_g[(2 * c + side) * events_.size() + i];
                return std::exp(
                    std::clamp(log_g, -oracle_largest_log_anchor, oracle_largest_log_anchor));
            };
            const std::size_t a = parameter_index(model_, parameter);
            Interpolated g = interpolate(effect->shape_code, {anchor(0), anchor(1)}, u_[a]);
            if (g.value < oracle_smallest_g) g = {oracle_smallest_g, 0.0, 0.0};
            multiply(term, a, g);
        }
    }

    /// Divides each rate by Z_j, the mean of r_j prod g over the reference events.
    void normalise() {
        for (std::size_t j = 0; j < region_.processes.size(); ++j) {
            Term z{0.0, std::vector<double>(n_), std::vector<double>(n_ * n_)};
            double sum = 0.0;
            for (std::size_t i = 0; i < events_.size(); ++i) {
                const double w = events_.reference[i];
                Term t{std::exp(events_.log_r[i * region_.processes.size() + j]),
                       std::vector<double>(n_), std::vector<double>(n_ * n_)};
                multiply_shapes(i, j, t);
                sum += w;
                z.value += w * t.value;
                for (std::size_t a = 0; a < n_; ++a) z.gradient[a] += w * t.gradient[a];
                for (std::size_t ab = 0; ab < n_ * n_; ++ab) z.hessian[ab] += w * t.hessian[ab];
            }
            for (std::size_t a = 0; a < n_; ++a) {
                for (std::size_t b = 0; b < n_; ++b) {
                    z.hessian[a * n_ + b] = z.hessian[a * n_ + b] / z.value -
                                            z.gradient[a] * z.gradient[b] / z.value / z.value;
                }
            }
            for (double& d : z.gradient) d /= z.value;
            divide_rate(rates_, j, std::log(z.value / sum), z.gradient, z.hessian);
        }
    }

    void add(double factor, const Term& term) {
        result_.nll += factor * term.value;
        for (std::size_t a = 0; a < n_; ++a) result_.gradient[a] += factor * term.gradient[a];
        for (std::size_t ab = 0; ab < n_ * n_; ++ab) {
            result_.hessian[ab] += factor * term.hessian[ab];
        }
    }

    void add_event(std::size_t i) {
        const std::size_t s = region_.processes.size();
        const double w = events_.weight[i];
        Term mixture{0.0, std::vector<double>(n_), std::vector<double>(n_ * n_)};
        double scale = 0.0;
        for (std::size_t j = 0; j < s; ++j) {
            const double r = std::exp(events_.log_r[i * s + j]);
            scale += region_.processes[j].yield * r;
            Term term = rate(j);
            multiply_shapes(i, j, term);
            mixture.value += term.value * r;
            for (std::size_t a = 0; a < n_; ++a) mixture.gradient[a] += term.gradient[a] * r;
            for (std::size_t ab = 0; ab < n_ * n_; ++ab) {
                mixture.hessian[ab] += term.hessian[ab] * r;
            }
        }
        const double floor = std::max(1e-6 * scale, 1e-150);
        const Logarithm log = guarded_log(mixture.value, floor, w);
        if (mixture.value < floor && w != 0.0) ++result_.below_floor;
        result_.nll -= w * log.value;
        for (std::size_t a = 0; a < n_; ++a) {
            result_.gradient[a] -= w * log.first * mixture.gradient[a];
            for (std::size_t b = 0; b < n_; ++b) {
                const double outer = -w * log.second * mixture.gradient[a] * mixture.gradient[b];
                result_.fisher[a * n_ + b] += outer;
                result_.hessian[a * n_ + b] += outer - w * log.first * mixture.hessian[a * n_ + b];
            }
        }
    }

    const StatisticalModel& model_;
    const UnbinnedRegion& region_;
    const EventSet& events_;
    std::span<const double> u_;
    std::size_t n_;
    ProcessRates rates_;
    Evaluation result_;
};

}  // namespace

Evaluation reference_likelihood(const StatisticalModel& model,
                                const EventSet& events,
                                std::span<const double> u) {
    RATIOFARM_EXPECT(model.unbinned.size() == 1);
    RATIOFARM_EXPECT(events.offset == 0 && events.size() == events.total);
    return Textbook(model, events, u).evaluate();
}

}  // namespace ratiofarm
