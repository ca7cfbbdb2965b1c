#include "trust_region.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <Eigen/Dense>

namespace ratiofarm {
namespace {

/// The model in the frame of its eigenvectors.
struct Spectrum {
    Eigen::VectorXd eigenvalues;
    Eigen::MatrixXd frame;     // columns are eigenvectors
    Eigen::VectorXd gradient;  // in the frame
};

/// Directions without gradient and curvature beyond rounding are given curvature, so that they do
/// not move: their sign is noise, and walking along them could go on to the end of the range.
Spectrum spectrum_of(const Eigen::VectorXd& gradient, const Eigen::MatrixXd& hessian) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(hessian);
    Spectrum spectrum{solver.eigenvalues(), solver.eigenvectors(),
                      solver.eigenvectors().transpose() * gradient};
    const double most_curved = spectrum.eigenvalues.cwiseAbs().maxCoeff();
    const double steepest = spectrum.gradient.cwiseAbs().maxCoeff();
    for (Eigen::Index k = 0; k < gradient.size(); ++k) {
        if (std::abs(spectrum.eigenvalues[k]) > 1e-12 * most_curved) continue;
        if (std::abs(spectrum.gradient[k]) > 1e-10 * steepest) continue;
        spectrum.eigenvalues[k] = most_curved > 0.0 ? most_curved : 1.0;
        spectrum.gradient[k] = 0.0;
    }
    return spectrum;
}

/// d(shift) = -(H + shift)^-1 g in the frame of the eigenvectors; flat directions without gradient
/// do not move.
Eigen::VectorXd shifted_step(const Eigen::VectorXd& eigenvalues,
                             const Eigen::VectorXd& gradient,
                             double shift) {
    Eigen::VectorXd step(gradient.size());
    for (Eigen::Index k = 0; k < step.size(); ++k) {
        const double curvature = eigenvalues[k] + shift;
        step[k] = gradient[k] == 0.0 || curvature <= 0.0 ? 0.0 : -gradient[k] / curvature;
    }
    return step;
}

/// The shift where |d(shift)| = radius, by bisection with Newton's step on 1/radius - 1/|d|.
/// \param lowest the shift above which H + shift is positive definite; |d| > radius just above it
double shift_for_radius(const Eigen::VectorXd& eigenvalues,
                        const Eigen::VectorXd& gradient,
                        double lowest,
                        double radius) {
    double low = lowest;
    double high = lowest + gradient.norm() / radius;
    double shift = 0.5 * (low + high);
    for (int iteration = 0; iteration < 100; ++iteration) {
        const Eigen::VectorXd step = shifted_step(eigenvalues, gradient, shift);
        const double length = step.norm();
        if (std::abs(length - radius) <= 1e-8 * radius) break;
        (length > radius ? low : high) = shift;
        const double derivative = -(step.array().square() / (eigenvalues.array() + shift)).sum();
        shift +=
            (1.0 - length / radius) * length * length / (derivative == 0.0 ? -1.0 : derivative);
        if (!(shift > low && shift < high)) shift = 0.5 * (low + high);
    }
    return shift;
}

std::optional<Eigen::VectorXd> short_newton_step(const Eigen::VectorXd& gradient,
                                                 const Eigen::MatrixXd& hessian,
                                                 double radius) {
    const Eigen::LLT<Eigen::MatrixXd> factor(hessian);
    if (factor.info() != Eigen::Success || !(factor.rcond() > 1e-10)) return std::nullopt;
    Eigen::VectorXd step = factor.solve(-gradient);
    if (!(step.norm() <= radius)) return std::nullopt;
    return step;
}

Eigen::VectorXd step_within(const Eigen::VectorXd& gradient,
                            const Eigen::MatrixXd& hessian,
                            double radius) {
    if (auto step = short_newton_step(gradient, hessian, radius)) return *std::move(step);
    const auto [eigenvalues, frame, g] = spectrum_of(gradient, hessian);
    Eigen::Index lowest = 0;
    const double least = eigenvalues.minCoeff(&lowest);

    if (least > 0.0) {
        const Eigen::VectorXd newton = shifted_step(eigenvalues, g, 0.0);
        if (newton.norm() <= radius) return frame * newton;
        return frame * shifted_step(eigenvalues, g, shift_for_radius(eigenvalues, g, 0.0, radius));
    }
    // Just above the pole: is the step long enough without help from the lowest direction?
    const double pole = -least;
    const double above = pole + 1e-10 * std::max(1e-300, eigenvalues.cwiseAbs().maxCoeff());
    Eigen::VectorXd step = shifted_step(eigenvalues, g, above);
    if (step.norm() > radius) {
        return frame *
               shifted_step(eigenvalues, g, shift_for_radius(eigenvalues, g, above, radius));
    }
    // The hard case: walk along the direction of least curvature to the rim, downhill if any.
    step[lowest] = 0.0;
    const double rest = std::sqrt(std::max(0.0, radius * radius - step.squaredNorm()));
    Eigen::Index largest = 0;
    frame.col(lowest).cwiseAbs().maxCoeff(&largest);
    const double sense = frame(largest, lowest) > 0.0 ? 1.0 : -1.0;  // eigenvectors have no sign
    const double downhill = g[lowest] == 0.0 ? sense : (g[lowest] > 0.0 ? -1.0 : 1.0);
    step[lowest] = downhill * rest;
    return frame * step;
}

Eigen::Map<const Eigen::VectorXd> view(const dense::Vector& vector) {
    return {vector.data(), static_cast<Eigen::Index>(vector.size())};
}

Eigen::Map<const Eigen::MatrixXd> view(const dense::Matrix& matrix) {
    return {matrix.data(), static_cast<Eigen::Index>(matrix.rows()),
            static_cast<Eigen::Index>(matrix.columns())};
}

dense::Vector as_list(const Eigen::VectorXd& vector) { return {vector.begin(), vector.end()}; }

}  // namespace

std::optional<dense::Vector> newton_step(const dense::Vector& gradient,
                                         const dense::Matrix& hessian,
                                         double radius) {
    const auto step = short_newton_step(view(gradient), view(hessian), radius);
    if (!step) return std::nullopt;
    return as_list(*step);
}

dense::Vector trust_region_step(const dense::Vector& gradient,
                                const dense::Matrix& hessian,
                                double radius) {
    return as_list(step_within(view(gradient), view(hessian), radius));
}

dense::Vector bounded_step(const dense::Vector& g,
                           const dense::Matrix& h,
                           const StepBox& box,
                           double radius) {
    const Eigen::VectorXd gradient = view(g);
    const Eigen::MatrixXd hessian = view(h);
    const auto low = view(box.low);
    const auto high = view(box.high);
    Eigen::VectorXd step = Eigen::VectorXd::Zero(gradient.size());
    std::vector<Eigen::Index> open(static_cast<std::size_t>(gradient.size()));
    for (std::size_t k = 0; k < open.size(); ++k) open[k] = static_cast<Eigen::Index>(k);

    double squared_rest = radius * radius;
    while (!open.empty() && squared_rest > 0.0) {
        const Eigen::VectorXd pushed = gradient + hessian * step;
        const Eigen::VectorXd part =
            step_within(pushed(open), hessian(open, open), std::sqrt(squared_rest));
        std::vector<Eigen::Index> inside;
        for (std::size_t k = 0; k < open.size(); ++k) {
            const Eigen::Index a = open[k];
            const double d = part[static_cast<Eigen::Index>(k)];
            if (d >= low[a] && d <= high[a]) {
                inside.push_back(a);
                continue;
            }
            step[a] = d < low[a] ? low[a] : high[a];
            squared_rest -= step[a] * step[a];
        }
        if (inside.size() == open.size()) {
            step(open) = part;
            break;
        }
        open = std::move(inside);
    }
    return as_list(step);
}

ScaledModel::ScaledModel(const SearchSpace& space,
                         std::span<const double> u,
                         const Evaluation& at,
                         std::span<const std::size_t> components)
    : free(components.begin(), components.end()) {
    const std::size_t n = free.size();
    range.resize(n);
    gradient.resize(n);
    box = {dense::Vector(n), dense::Vector(n)};
    for (std::size_t k = 0; k < n; ++k) {
        const std::size_t a = free[k];
        range[k] = space.range(a);
        gradient[k] = at.gradient[a] * range[k];
        box.low[k] = (space.low_from(a, u[a]) - u[a]) / range[k];
        box.high[k] = (space.high_from(a, u[a]) - u[a]) / range[k];
    }
    hessian = scaled(at.hessian);
}

dense::Matrix ScaledModel::scaled(std::span<const double> matrix) const {
    const std::size_t n = free.size();
    const auto size = static_cast<std::size_t>(std::lround(std::sqrt(matrix.size())));
    dense::Matrix result(n, n);
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t l = 0; l < n; ++l) {
            result(k, l) = matrix[free[k] * size + free[l]] * range[k] * range[l];
        }
    }
    return result;
}

}  // namespace ratiofarm
