#include "binned_term.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

constexpr double floor_of_expectation = 1e-6;

/// nu - n ln nu of one bin with derivatives in nu.
struct PoissonTerm {
    double value = 0.0;
    double gradient = 0.0;
    double curvature = 0.0;  ///< >= 0
    bool below_floor = false;
};

PoissonTerm poisson_term(double n, double nu) {
    constexpr double low = floor_of_expectation;
    if (n == 0.0) {
        if (nu >= 0.0) return {nu, 1.0, 0.0, false};
        // Least at nu = -sqrt(2) low, and smooth to second order at zero.
        const double t = nu / low;
        return {nu - low * t * t * t / 6.0, 1.0 - 0.5 * t * t, -t / low, true};
    }
    if (nu >= low) return {nu - n * std::log(nu), 1.0 - n / nu, n / (nu * nu), false};
    const double t = nu / low - 1.0;
    return {nu - n * (std::log(low) + t - 0.5 * t * t), 1.0 - n * (1.0 - t) / low, n / (low * low),
            true};
}

CompiledSample compiled(const BinnedSample& sample,
                        const StatisticalModel& model,
                        const InternalCoordinates& coordinates) {
    return in_context("sample '" + sample.name + "'",
                      [&] { return CompiledSample(sample, model, coordinates); });
}

void check_observed(std::span<const double> observed, std::size_t n_bins) {
    if (observed.size() != n_bins) {
        throw ConfigError(std::to_string(observed.size()) + " observed counts for " +
                          std::to_string(n_bins) + " bins (must be one each)");
    }
    for (std::size_t b = 0; b < n_bins; ++b) {
        if (std::isfinite(observed[b]) && observed[b] >= 0.0) continue;
        throw ConfigError("bin " + std::to_string(b) + ": observed count " +
                          std::to_string(observed[b]) + " (must be a number >= 0)");
    }
}

/// One sample at a point, its bins weighted.
struct WeightedSample {
    const CompiledSample& sample;
    const SampleAt& at;
    std::span<const double> weight;  // [bins]
    std::span<const double> u;       // [n]
};

/// What the factors of one bin add to sum w' and to P sum w'' of add_second_derivatives().
void add_factors(const WeightedSample& of,
                 std::size_t bin,
                 std::vector<double>& gradient,
                 std::vector<double>& hessian) {
    const auto& factors = of.sample.factors(bin);
    const auto& shapes = of.sample.shape_parameters();
    const double p = of.weight[bin] * of.at.rate.value;
    const auto add_both = [&](std::size_t a, std::size_t b, double value) {
        hessian[a * gradient.size() + b] += value;
        hessian[b * gradient.size() + a] += value;
    };
    for (std::size_t i = 0; i < factors.size(); ++i) {
        const double others = product_without(factors, of.u, i, i);
        gradient[factors[i]] += of.weight[bin] * others * of.at.content[bin];
        for (std::size_t k = 0; k < shapes.size(); ++k) {
            const double content_gradient = of.at.content_gradient[bin * shapes.size() + k];
            add_both(factors[i], shapes[k], p * others * content_gradient);
        }
        for (std::size_t j = 0; j < i; ++j) {
            const double rest = product_without(factors, of.u, i, j);
            add_both(factors[i], factors[j], p * of.at.content[bin] * rest);
        }
    }
}

/// sum_b weight_b d2 nu_b of one sample, nu_b = P w_b with w_b = Gamma_b M_b:
/// P'' sum w + P' (sum w')^T + (sum w') P'^T + P sum w''.
void add_second_derivatives(const WeightedSample& of, std::vector<double>& hessian) {
    const std::size_t n = of.u.size();
    const SampleAt& at = of.at;
    const auto& rate = of.sample.rate_parameters();
    const auto& shapes = of.sample.shape_parameters();
    double sum = 0.0;
    std::vector<double> gradient(n);  // sum w'
    for (std::size_t b = 0; b < of.weight.size(); ++b) {
        const double weight = of.weight[b] * at.factor[b];
        sum += weight * at.content[b];
        for (std::size_t k = 0; k < shapes.size(); ++k) {
            const std::size_t bk = b * shapes.size() + k;
            gradient[shapes[k]] += weight * at.content_gradient[bk];
            hessian[shapes[k] * (n + 1)] += weight * at.rate.value * at.content_curvature[bk];
        }
        add_factors(of, b, gradient, hessian);
    }
    for (std::size_t i = 0; i < rate.size(); ++i) {
        for (std::size_t a = 0; a < n; ++a) {
            const double crossed = at.rate.gradient[i] * gradient[a];
            hessian[rate[i] * n + a] += crossed;
            hessian[a * n + rate[i]] += crossed;
        }
        for (std::size_t j = 0; j < rate.size(); ++j) {
            hessian[rate[i] * n + rate[j]] += sum * at.rate.hessian[i * rate.size() + j];
        }
    }
}

}  // namespace

/// d nu_b / du, sparse: the parameters that act on all bins, and those that act on a single bin.
struct BinnedTerm::Gradients {
    std::vector<double> shared;            // [bins, A]
    std::vector<std::vector<double>> own;  // [bins][own_]
};

BinnedTerm::BinnedTerm(const BinnedRegion& region,
                       std::span<const double> observed,
                       const StatisticalModel& model,
                       const InternalCoordinates& coordinates)
    : observed_(observed.begin(), observed.end()), own_(region.n_bins()) {
    in_context("region '" + region.name + "'", [&] {
        check_observed(observed, region.n_bins());
        for (const BinnedSample& sample : region.samples) {
            samples_.push_back(compiled(sample, model, coordinates));
            if (samples_.back().n_bins() != region.n_bins()) {
                throw ConfigError("sample '" + sample.name + "' has " +
                                  std::to_string(samples_.back().n_bins()) +
                                  " bins, the first sample has " + std::to_string(region.n_bins()) +
                                  " (must be the same)");
            }
        }
    });
    const auto add_to = [](std::vector<std::size_t>& list, std::span<const std::size_t> more) {
        list.insert(list.end(), more.begin(), more.end());
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    for (const CompiledSample& sample : samples_) {
        add_to(shared_, sample.rate_parameters());
        add_to(shared_, sample.shape_parameters());
        for (std::size_t b = 0; b < own_.size(); ++b) add_to(own_[b], sample.factors(b));
    }
    place_in_shared_.assign(model.parameters.size(), shared_.size());
    for (std::size_t i = 0; i < shared_.size(); ++i) place_in_shared_[shared_[i]] = i;
    for (auto& own : own_) {
        std::erase_if(own, [&](std::size_t a) { return place_in_shared_[a] < shared_.size(); });
    }
}

std::vector<SampleAt> BinnedTerm::samples_at(std::span<const double> u) const {
    std::vector<SampleAt> result;
    for (const CompiledSample& sample : samples_) result.push_back(sample.at(u));
    return result;
}

std::vector<double> BinnedTerm::expected(std::span<const SampleAt> at) const {
    std::vector<double> nu(observed_.size());
    for (const SampleAt& sample : at) {
        for (std::size_t b = 0; b < nu.size(); ++b) {
            nu[b] += sample.rate.value * sample.factor[b] * sample.content[b];
        }
    }
    return nu;
}

std::vector<double> BinnedTerm::sizes(std::span<const double> u) const {
    std::vector<double> sizes(observed_.size());
    for (const SampleAt& sample : samples_at(u)) {
        for (std::size_t b = 0; b < sizes.size(); ++b) {
            sizes[b] += std::abs(sample.rate.value * sample.factor[b] * sample.content[b]);
        }
    }
    return sizes;
}

std::vector<double> BinnedTerm::expected(std::span<const double> u) const {
    const auto at = samples_at(u);
    return expected(at);
}

BinnedTerm::Gradients BinnedTerm::gradients(std::span<const SampleAt> at,
                                            std::span<const double> u) const {
    const std::size_t n = observed_.size();
    Gradients result{std::vector<double>(n * shared_.size()), std::vector<std::vector<double>>(n)};
    for (std::size_t b = 0; b < n; ++b) {
        result.own[b].resize(own_[b].size());
        const auto gradient_of = [&](std::size_t a) -> double& {
            const std::size_t place = place_in_shared_[a];
            if (place < shared_.size()) return result.shared[b * shared_.size() + place];
            const auto own = std::lower_bound(own_[b].begin(), own_[b].end(), a);
            return result.own[b][static_cast<std::size_t>(own - own_[b].begin())];
        };
        for (std::size_t s = 0; s < at.size(); ++s) {
            const SampleAt& sample = at[s];
            const auto& rate = samples_[s].rate_parameters();
            const auto& shapes = samples_[s].shape_parameters();
            const auto& factors = samples_[s].factors(b);
            const double content = sample.content[b];
            for (std::size_t i = 0; i < rate.size(); ++i) {
                gradient_of(rate[i]) += sample.rate.gradient[i] * sample.factor[b] * content;
            }
            for (std::size_t k = 0; k < shapes.size(); ++k) {
                gradient_of(shapes[k]) += sample.rate.value * sample.factor[b] *
                                          sample.content_gradient[b * shapes.size() + k];
            }
            for (std::size_t i = 0; i < factors.size(); ++i) {
                gradient_of(factors[i]) +=
                    sample.rate.value * content * product_without(factors, u, i, i);
            }
        }
    }
    return result;
}

void BinnedTerm::add_outer(const Gradients& gradients,
                           std::span<const double> weight,
                           Evaluation& to) const {
    const std::size_t n = place_in_shared_.size();
    const std::size_t n_shared = shared_.size();
    const auto add = [&](std::size_t a, std::size_t b, double value) {
        to.hessian[a * n + b] += value;
        to.fisher[a * n + b] += value;
    };
    std::vector<double> block(n_shared * n_shared);  // lower triangle
    for (std::size_t b = 0; b < own_.size(); ++b) {
        const double* shared = gradients.shared.data() + b * n_shared;
        const auto& own = gradients.own[b];
        for (std::size_t i = 0; i < n_shared; ++i) {
            const double scaled = weight[b] * shared[i];
            for (std::size_t j = 0; j <= i; ++j) block[i * n_shared + j] += scaled * shared[j];
        }
        for (std::size_t i = 0; i < own.size(); ++i) {
            for (std::size_t j = 0; j < n_shared; ++j) {
                const double value = weight[b] * own[i] * shared[j];
                add(own_[b][i], shared_[j], value);
                add(shared_[j], own_[b][i], value);
            }
            for (std::size_t j = 0; j < own.size(); ++j) {
                add(own_[b][i], own_[b][j], weight[b] * (own[i] * own[j]));
            }
        }
    }
    for (std::size_t i = 0; i < n_shared; ++i) {
        for (std::size_t j = 0; j < n_shared; ++j) {
            add(shared_[i], shared_[j], block[std::max(i, j) * n_shared + std::min(i, j)]);
        }
    }
}

void BinnedTerm::add(std::span<const double> u, Evaluation& to) const {
    RATIOFARM_EXPECT(u.size() == place_in_shared_.size());
    const auto at = samples_at(u);
    const auto nu = expected(at);
    const Gradients gradient = gradients(at, u);
    std::vector<double> first(nu.size());
    std::vector<double> second(nu.size());
    for (std::size_t b = 0; b < nu.size(); ++b) {
        const PoissonTerm term = poisson_term(observed_[b], nu[b]);
        to.nll += term.value;
        to.bins_below_floor += term.below_floor ? 1 : 0;
        first[b] = term.gradient;
        second[b] = term.curvature;
        for (std::size_t i = 0; i < shared_.size(); ++i) {
            to.gradient[shared_[i]] += first[b] * gradient.shared[b * shared_.size() + i];
        }
        for (std::size_t i = 0; i < own_[b].size(); ++i) {
            to.gradient[own_[b][i]] += first[b] * gradient.own[b][i];
        }
    }
    add_outer(gradient, second, to);
    for (std::size_t s = 0; s < at.size(); ++s) {
        add_second_derivatives({samples_[s], at[s], first, u}, to.hessian);
    }
}

}  // namespace ratiofarm
