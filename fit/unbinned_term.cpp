#include "unbinned_term.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "fit/events/mixture_values.hpp"

#include "normalisation_expansion.hpp"

namespace ratiofarm {
namespace {

/// ln Z = ln(sum w T / sum w) of process j, from sums with columns in the order of the layout.
LogNormalisation log_normalisation(const RegionLayout& layout,
                                   const ReferenceSums& sums,
                                   std::size_t j) {
    const std::size_t p = layout.n_shape_parameters;
    LogNormalisation result{std::log(sums.value[j] / sums.weight), std::vector<double>(p),
                            std::vector<double>(p * p)};
    std::vector<std::size_t> mine;  // shape parameters of this process, in column order
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
        if (layout.columns[c].process != j) continue;
        mine.push_back(layout.columns[c].parameter);
        result.gradient[mine.back()] = sums.gradient[c] / sums.value[j];
    }
    for (std::size_t k = 0; k < mine.size(); ++k) {
        for (std::size_t l = 0; l < mine.size(); ++l) {
            result.hessian[mine[k] * p + mine[l]] =
                sums.curvature[j][k * mine.size() + l] / sums.value[j] -
                result.gradient[mine[k]] * result.gradient[mine[l]];
        }
    }
    return result;
}

/// Derivatives of the mixture sums in theta. With z = (z_m, T_j) of MixtureSums the gradient of D
/// is J^T z with J = (1 for shape parameters, dR_j/du for processes).
class Assembly {
public:
    Assembly(const ProcessRates& rates,
             const MixtureSums& sums,
             const RegionLayout& layout,
             std::span<const std::size_t> shape_parameters)
        : rates_(rates),
          sums_(sums),
          n_(rates.gradient.size() / layout.n_processes),
          s_(layout.n_processes),
          p_(layout.n_shape_parameters),
          shape_parameters_(shape_parameters),
          shape_gradient_(s_ * n_) {
        for (std::size_t c = 0; c < layout.columns.size(); ++c) {
            const auto& column = layout.columns[c];
            shape_gradient_[column.process * n_ + shape_parameters[column.parameter]] +=
                sums.shape_gradient[c];
        }
    }

    void add(Evaluation& to) const {
        to.nll -= sums_.value;
        to.below_floor += sums_.below_floor;
        for (const std::uint64_t count : sums_.clipped) to.clipped += count;
        for (std::size_t a = 0; a < n_; ++a) {
            for (std::size_t j = 0; j < s_; ++j) {
                to.gradient[a] -= rates_.gradient[j * n_ + a] * sums_.gradient[j] +
                                  rates_.value[j] * shape_gradient_[j * n_ + a];
            }
        }
        add_second_derivatives(to);
        add_outer(to);
    }

private:
    /// -sum w L' d2D
    void add_second_derivatives(Evaluation& to) const {
        for (std::size_t a = 0; a < n_; ++a) {
            for (std::size_t b = 0; b < n_; ++b) {
                double sum = 0.0;
                for (std::size_t j = 0; j < s_; ++j) {
                    sum += rates_.hessian[(j * n_ + a) * n_ + b] * sums_.gradient[j] +
                           rates_.gradient[j * n_ + a] * shape_gradient_[j * n_ + b] +
                           rates_.gradient[j * n_ + b] * shape_gradient_[j * n_ + a];
                }
                to.hessian[a * n_ + b] -= sum;
            }
        }
        for (std::size_t k = 0; k < p_; ++k) {
            for (std::size_t l = 0; l < p_; ++l) {
                to.hessian[shape_parameters_[k] * n_ + shape_parameters_[l]] -=
                    sums_.shape_curvature[k * p_ + l];
            }
        }
    }

    /// -sum w L'' dD dD^T = J^T outer J
    void add_outer(Evaluation& to) const {
        const std::size_t width = p_ + s_;
        const auto jacobian_product = [&](auto&& row) {  // J^T applied to a row of `width`
            std::vector<double> result(n_);
            for (std::size_t k = 0; k < p_; ++k) result[shape_parameters_[k]] += row(k);
            for (std::size_t j = 0; j < s_; ++j) {
                const double value = row(p_ + j);
                for (std::size_t a = 0; a < n_; ++a) {
                    result[a] += rates_.gradient[j * n_ + a] * value;
                }
            }
            return result;
        };
        std::vector<std::vector<double>> half;  // [width][n], outer J
        for (std::size_t k = 0; k < width; ++k) {
            half.push_back(
                jacobian_product([&](std::size_t l) { return sums_.outer[k * width + l]; }));
        }
        for (std::size_t b = 0; b < n_; ++b) {
            const auto column = jacobian_product([&](std::size_t k) { return half[k][b]; });
            for (std::size_t a = 0; a < n_; ++a) {
                to.hessian[a * n_ + b] += column[a];
                to.fisher[a * n_ + b] += column[a];
            }
        }
    }

    const ProcessRates& rates_;
    const MixtureSums& sums_;
    std::size_t n_;
    std::size_t s_;
    std::size_t p_;
    std::span<const std::size_t> shape_parameters_;
    std::vector<double> shape_gradient_;  // [S, n], sum w L' T_j u
};

/// Derivatives of nu.
void add_expected(const ProcessRates& rates, std::size_t n, Evaluation& to) {
    for (std::size_t j = 0; j < rates.value.size(); ++j) {
        to.nll += rates.value[j];
        for (std::size_t a = 0; a < n; ++a) to.gradient[a] += rates.gradient[j * n + a];
        for (std::size_t ab = 0; ab < n * n; ++ab) to.hessian[ab] += rates.hessian[j * n * n + ab];
    }
}

}  // namespace

UnbinnedTerm::UnbinnedTerm(std::size_t r,
                           const StatisticalModel& model,
                           const LikelihoodData& data,
                           const mpi::Communicator& comm,
                           const LikelihoodOptions& options)
    : name_(model.unbinned[r].name),
      shape_norm_(model.unbinned[r].shape_norm),
      rates_(model.unbinned[r], model, InternalCoordinates(model)),
      named_(region_layout(model.unbinned[r], model, data.unbinned[r])),
      events_(named_.layout, data.unbinned[r], comm, options) {
    for (const auto& process : model.unbinned[r].processes) process_names_.push_back(process.name);
    if (shape_norm_ != ShapeNorm::reference_quadratic || named_.layout.columns.empty()) return;
    expansion_was_given_ = !data.expansions.empty();
    if (expansion_was_given_) {
        expansion_ = data.expansions[r];
        RATIOFARM_EXPECT(expansion_->point.size() == named_.shape_parameters.size());
        RATIOFARM_EXPECT(expansion_->log_z.size() == process_names_.size());
        return;
    }
    const std::vector<double> start = shape_values(start_values(model));
    expansion_ = std::make_shared<const NormalisationExpansion>(
        NormalisationExpansion{start, reference_sums(start), {}});
}

bool UnbinnedTerm::is_normalised() const {
    return shape_norm_ != ShapeNorm::none && !named_.layout.columns.empty();
}

std::vector<double> UnbinnedTerm::shape_values(std::span<const double> u) const {
    std::vector<double> alpha;
    for (const std::size_t a : named_.shape_parameters) alpha.push_back(u[a]);
    return alpha;
}

std::vector<LogNormalisation> UnbinnedTerm::reference_sums(std::span<const double> alpha) const {
    const ReferenceSums sums = events_.reference(alpha);
    std::vector<LogNormalisation> result;
    for (std::size_t j = 0; j < named_.layout.n_processes; ++j) {
        const double z = sums.value[j] / sums.weight;
        if (!(z > 0.0) || !std::isfinite(z)) {
            throw mpi::AgreedError(
                ExitCode::usage,
                "region '" + name_ + "': the normalisation of process '" + process_names_[j] +
                    "' over the reference events is " + std::to_string(z) +
                    " (must be > 0; are there reference events with positive weights?)");
        }
        result.push_back(log_normalisation(named_.layout, sums, j));
    }
    return result;
}

std::vector<LogNormalisation> UnbinnedTerm::log_normalisations(
    std::span<const double> alpha) const {
    if (!expansion_) return reference_sums(alpha);
    std::vector<LogNormalisation> result;
    for (std::size_t j = 0; j < named_.layout.n_processes; ++j) {
        result.push_back(expanded(*expansion_, j, alpha));
    }
    return result;
}

void UnbinnedTerm::divide_by_z(std::span<const LogNormalisation> log_z, ProcessRates& rates) const {
    const std::size_t p = named_.shape_parameters.size();
    const std::size_t n = rates.gradient.size() / rates.value.size();
    for (std::size_t j = 0; j < log_z.size(); ++j) {
        std::vector<double> gradient(n);
        std::vector<double> hessian(n * n);
        for (std::size_t k = 0; k < p; ++k) {
            gradient[named_.shape_parameters[k]] = log_z[j].gradient[k];
            for (std::size_t l = 0; l < p; ++l) {
                hessian[named_.shape_parameters[k] * n + named_.shape_parameters[l]] =
                    log_z[j].hessian[k * p + l];
            }
        }
        divide_rate(rates, j, log_z[j].value, gradient, hessian);
    }
}

void UnbinnedTerm::add(std::span<const double> u, Evaluation& to) const {
    ProcessRates rates = rates_.at(u);
    add_expected(rates, u.size(), to);
    const std::vector<double> alpha = shape_values(u);
    if (is_normalised()) divide_by_z(log_normalisations(alpha), rates);
    const MixtureSums sums = events_.mixture(rates.value, alpha);
    Assembly(rates, sums, named_.layout, named_.shape_parameters).add(to);
}

NormalisationExpansion UnbinnedTerm::expansion(std::span<const double> u,
                                               const InternalCoordinates& coordinates) const {
    NormalisationExpansion result{shape_values(u), {}};
    if (named_.layout.columns.empty()) return result;
    result.log_z = reference_sums(result.point);
    std::vector<std::vector<double>> knots;
    for (std::size_t k = 0; k < named_.shape_parameters.size(); ++k) {
        const std::size_t a = named_.shape_parameters[k];
        const bool kink = std::any_of(
            named_.layout.columns.begin(), named_.layout.columns.end(), [&](const auto& column) {
                return column.parameter == k &&
                       (column.code == Interpolation::code0 || column.code == Interpolation::code1);
            });
        knots.push_back(
            axis_knots(result.point[k], coordinates.low()[a], coordinates.high()[a], kink));
    }
    add_axes(result, knots, [&](std::span<const double> alpha) { return reference_sums(alpha); });
    return result;
}

EventSource UnbinnedTerm::expected_events(const EventSource& source,
                                          std::span<const double> u) const {
    ProcessRates rates = rates_.at(u);
    const std::vector<double> alpha = shape_values(u);
    const double sum_of_weights = events_.reference(alpha).weight;
    if (!(sum_of_weights > 0.0)) {
        throw mpi::AgreedError(ExitCode::usage, "region '" + name_ +
                                                    "': there are no reference events to make " +
                                                    "Asimov data from (their weights sum to " +
                                                    std::to_string(sum_of_weights) +
                                                    "); the group '/reference' of its ratio file "
                                                    "names them");
    }
    if (is_normalised()) divide_by_z(log_normalisations(alpha), rates);
    for (double& rate : rates.value) rate /= sum_of_weights;
    const MixtureAt mixture{named_.layout, rates.value, alpha};
    EventSource expected = source;
    expected.read = [&source, mixture](Range range) {
        EventSet events = source.read(range);
        const std::vector<double> values = mixture_values(mixture, events);
        for (std::size_t i = 0; i < values.size(); ++i) {
            events.weight[i] = events.reference.empty() ? 0.0 : events.reference[i] * values[i];
        }
        return events;
    };
    return expected;
}

std::vector<ShapeNormalisation> UnbinnedTerm::normalisations(std::span<const double> u) const {
    std::vector<ShapeNormalisation> result;
    if (named_.layout.columns.empty() || expansion_was_given_) return result;
    const std::vector<double> alpha = shape_values(u);
    if (!is_normalised() && !(events_.reference(alpha).weight > 0.0)) return result;
    const auto full = reference_sums(alpha);
    const auto used = expansion_ ? log_normalisations(alpha) : full;
    for (std::size_t j = 0; j < full.size(); ++j) {
        result.push_back({name_, process_names_[j], is_normalised() ? std::exp(used[j].value) : 1.0,
                          std::exp(full[j].value)});
    }
    return result;
}

}  // namespace ratiofarm
