#include "newton.hpp"

#include <algorithm>
#include <cmath>

#include "trust_region.hpp"

namespace ratiofarm {
namespace {

/// Lengths are measured in units of each component's range, so that the radius means something.
struct ScaledModel {
    Eigen::VectorXd gradient;
    Eigen::MatrixXd hessian;
    StepBox box;
};

ScaledModel scaled_model(const SearchSpace& space,
                         std::span<const double> u,
                         const Evaluation& at,
                         std::span<const std::size_t> free) {
    const auto n = static_cast<Eigen::Index>(free.size());
    ScaledModel model{
        Eigen::VectorXd(n), Eigen::MatrixXd(n, n), {Eigen::VectorXd(n), Eigen::VectorXd(n)}};
    const auto range = [&](std::size_t a) { return space.high[a] - space.low[a]; };
    for (Eigen::Index k = 0; k < n; ++k) {
        const std::size_t a = free[static_cast<std::size_t>(k)];
        model.gradient[k] = at.gradient[a] * range(a);
        model.box.low[k] = (space.low[a] - u[a]) / range(a);
        model.box.high[k] = (space.high[a] - u[a]) / range(a);
        for (Eigen::Index l = 0; l < n; ++l) {
            const std::size_t b = free[static_cast<std::size_t>(l)];
            model.hessian(k, l) = at.hessian[a * u.size() + b] * range(a) * range(b);
        }
    }
    return model;
}

/// The rounding error of a value of the objective, generously.
double noise_of(const Evaluation& at) { return 1e-13 * (1.0 + std::abs(at.nll)); }

/// One search: the current point with its model, and the radius.
class Search {
public:
    Search(const Objective& objective, const SearchSpace& space, std::vector<double> start)
        : objective_(objective), space_(space) {
        for (std::size_t a = 0; a < start.size(); ++a) {
            start[a] = std::clamp(start[a], space.low[a], space.high[a]);
        }
        result_.u = std::move(start);
        result_.at = objective_(result_.u);
        result_.curvature = curvature_at(space_, result_.u, result_.at);
    }

    const NewtonResult& result() const { return result_; }
    bool stuck() const { return radius_ < 1e-13; }

    bool converged(double edm) const {
        const auto& curvature = result_.curvature;
        return curvature.edm <= edm || (curvature.flat && curvature.edm <= noise_of(result_.at));
    }

    void iterate() {
        const auto& free = result_.curvature.free;
        const ScaledModel model = scaled_model(space_, result_.u, result_.at, free);
        const Eigen::VectorXd step =
            bounded_step(model.gradient, model.hessian, model.box, radius_);
        const double predicted = -(model.gradient.dot(step) + 0.5 * step.dot(model.hessian * step));
        if (!(predicted > 0.0)) {  // a box that cuts the step can spoil it; a shorter one is good
            radius_ *= 0.25;
            return;
        }
        std::vector<double> u = moved(step, free);
        Evaluation at = objective_(u);
        const bool below_noise = predicted <= noise_of(result_.at);
        const double quality = below_noise ? 1.0 : (result_.at.nll - at.nll) / predicted;
        adapt_radius(quality, step.norm());
        if (!(quality > 1e-4)) return;  // NaN is refused, too
        result_.u = std::move(u);
        result_.at = std::move(at);
        result_.curvature = curvature_at(space_, result_.u, result_.at);
    }

    NewtonResult finish(bool converged, bool known) {
        result_.converged = converged;
        result_.known = known;
        return std::move(result_);
    }

private:
    std::vector<double> moved(const Eigen::VectorXd& step,
                              std::span<const std::size_t> free) const {
        std::vector<double> u = result_.u;
        for (std::size_t k = 0; k < free.size(); ++k) {
            const std::size_t a = free[k];
            const double range = space_.high[a] - space_.low[a];
            double value = u[a] + step[static_cast<Eigen::Index>(k)] * range;
            // A side of the box is reached exactly, or it would not be recognised.
            if (value < space_.low[a] + 1e-15 * range) value = space_.low[a];
            if (value > space_.high[a] - 1e-15 * range) value = space_.high[a];
            u[a] = value;
        }
        return u;
    }

    void adapt_radius(double quality, double length) {
        if (!(quality >= 0.25)) {
            radius_ = 0.25 * length;
        } else if (quality > 0.75 && length > 0.8 * radius_) {
            radius_ = std::min(2.0, 2.0 * radius_);
        }
    }

    const Objective& objective_;
    const SearchSpace& space_;
    NewtonResult result_;
    double radius_ = 0.25;
};

}  // namespace

Curvature curvature_at(const SearchSpace& space, std::span<const double> u, const Evaluation& at) {
    Curvature curvature;
    for (std::size_t a = 0; a < u.size(); ++a) {
        const bool pushed_out = (u[a] <= space.low[a] && at.gradient[a] > 0.0) ||
                                (u[a] >= space.high[a] && at.gradient[a] < 0.0);
        if (!space.held[a] && !pushed_out) curvature.free.push_back(a);
    }
    if (curvature.free.empty()) return curvature;

    const ScaledModel model = scaled_model(space, u, at, curvature.free);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(model.hessian);
    const Eigen::VectorXd g = solver.eigenvectors().transpose() * model.gradient;
    const double largest = solver.eigenvalues().cwiseAbs().maxCoeff();
    for (Eigen::Index k = 0; k < g.size(); ++k) {
        const double lambda = solver.eigenvalues()[k];
        const bool within_range = lambda > 0.0 && std::abs(g[k]) <= lambda;
        curvature.edm += within_range ? 0.5 * g[k] * g[k] / lambda
                                      : std::abs(g[k]) + 0.5 * std::max(0.0, -lambda);
        curvature.flat = curvature.flat || std::abs(lambda) <= 1e-12 * largest;
    }
    return curvature;
}

NewtonResult minimise(const Objective& objective,
                      const SearchSpace& space,
                      std::vector<double> start,
                      const NewtonOptions& options) {
    Search search(objective, space, std::move(start));
    for (unsigned iteration = 0; iteration < options.max_iterations; ++iteration) {
        if (search.converged(options.edm)) return search.finish(true, false);
        if (options.already_known && options.already_known(search.result().u)) {
            return search.finish(false, true);
        }
        if (search.stuck()) break;
        search.iterate();
    }
    return search.finish(search.converged(options.edm), false);
}

}  // namespace ratiofarm
