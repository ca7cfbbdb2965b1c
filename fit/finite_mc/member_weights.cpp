#include "member_weights.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include <Eigen/Dense>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

Eigen::Index at(std::size_t k) { return static_cast<Eigen::Index>(k); }

std::span<double> elements(Vector& vector) {
    return {vector.data(), static_cast<std::size_t>(vector.size())};
}

/// Inverse of a symmetric matrix over the directions that it determines.
Matrix inverse_of(const Matrix& matrix) {
    Vector unit = matrix.diagonal();
    for (double& value : unit) value = value > 0.0 ? 1.0 / std::sqrt(value) : 0.0;
    const Matrix scaled = unit.asDiagonal() * matrix * unit.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(scaled);
    Vector inverse = solver.eigenvalues();
    const double smallest = 1e-12 * inverse.cwiseAbs().maxCoeff();
    for (double& value : inverse) value = value > smallest ? 1.0 / value : 0.0;
    const Matrix product =
        solver.eigenvectors() * inverse.asDiagonal() * solver.eigenvectors().transpose();
    return unit.asDiagonal() * product * unit.asDiagonal();
}

/// Inverse of hessian + ridge for all but the last parameter, the constant. An infinite ridge holds
/// the weights where they are.
Matrix inverse_with_ridge(Matrix hessian, double ridge) {
    const Eigen::Index members = hessian.rows() - 1;
    if (!std::isinf(ridge)) {
        hessian.diagonal().head(members).array() += ridge;
        return inverse_of(hessian);
    }
    Matrix inverse = Matrix::Zero(members + 1, members + 1);
    inverse.bottomRightCorner(1, 1) = inverse_of(hessian.bottomRightCorner(1, 1));
    return inverse;
}

/// Derivative of ridge / 2 sum_i (w_i - 1 / members)^2, also of an infinite one at equal weights.
Vector pull_of(double ridge, const Vector& theta) {
    Vector pull = Vector::Zero(theta.size());
    const Eigen::Index members = theta.size() - 1;
    for (Eigen::Index i = 0; i < members; ++i) {
        const double away = theta[i] - 1.0 / static_cast<double>(members);
        if (away != 0.0) pull[i] = ridge * away;
    }
    return pull;
}

/// Sums over all events at one value of the parameters of one process, p = members + 1.
struct LossSums {
    double loss = 0.0;
    Vector gradient;    // [p]
    Matrix hessian;     // [p, p]
    double z = 0.0;     // mean of exp(s) over the reference
    Vector z_gradient;  // [p], of f exp(s)
};

/// The loss of an event that counts n in the numerator and d in the reference, by s.
struct EventLoss {
    double value, slope, bend;
};

/// n ln(1 + e^-s) + d ln(1 + e^s): the slope is at most n + d, however large |s|.
EventLoss loss_of(double n, double d, double s) {
    const double small = std::exp(-std::abs(s));
    const double above = (s < 0.0 ? small : 1.0) / (1.0 + small);  // 1 / (1 + e^-s)
    const double below = (s < 0.0 ? 1.0 : small) / (1.0 + small);
    return {n * std::max(-s, 0.0) + d * std::max(s, 0.0) + (n + d) * std::log1p(small),
            d * above - n * below, (n + d) * above * below};
}

/// Adds the loss of one event with its derivatives.
void add_event(double n, double d, double s, const Vector& basis, std::span<double> to) {
    const double up = d == 0.0 ? 0.0 : std::exp(s);
    const auto [value, derivative, curvature] = loss_of(n, d, s);
    to[0] += value;
    std::size_t k = 1;
    for (const double f : basis) to[k++] += derivative * f;
    for (const double f : basis) to[k++] += d * up * f;
    for (Eigen::Index a = 0; a < basis.size(); ++a) {
        for (Eigen::Index b = a; b < basis.size(); ++b) to[k++] += curvature * basis[a] * basis[b];
    }
}

LossSums sums_at(const MemberTable& rows, std::size_t process, const Vector& theta) {
    const Eigen::Index p = theta.size();
    const auto width = static_cast<std::size_t>(1 + 2 * p + p * (p + 1) / 2);
    Vector basis(p);
    const auto found = rows.sum(width, [&](Range shard, std::span<double> to) {
        rows.for_each(shard, [&](std::size_t set, double weight, std::uint64_t row) {
            const double n = weight * rows.numerator(process, set);
            const double d = weight * rows.reference(set);
            if (n == 0.0 && d == 0.0) return;
            rows.set_basis(process, row, elements(basis));
            add_event(n, d, theta.dot(basis), basis, to);
        });
    });
    LossSums sums{found[0], Vector(p), Matrix(p, p), 0.0, Vector(p)};
    std::size_t k = 1;
    for (double& value : sums.gradient) value = found[k++];
    for (double& value : sums.z_gradient) value = found[k++];
    sums.z = sums.z_gradient[p - 1];
    for (Eigen::Index a = 0; a < p; ++a) {
        for (Eigen::Index b = a; b < p; ++b) {
            sums.hessian(a, b) = sums.hessian(b, a) = found[k++];
        }
    }
    return sums;
}

/// What is known of a process once its loss with a ridge is minimal.
struct Minimised {
    std::size_t process = 0;
    double ridge = 0.0;
    Vector theta;
    LossSums sums;   // without the ridge
    Matrix inverse;  // of the second derivatives, with the ridge
    bool converged = false;
};

/// \param start where the steps begin; equal weights for an infinite ridge
Minimised minimised(const MemberTable& rows, std::size_t process, double ridge, Vector start) {
    constexpr int most_steps = 100;
    constexpr double small = 1e-18;  // of g V g: the loss is of order 1, its noise 1 / events
    const Vector centre =
        Vector::Constant(start.size(), 1.0 / static_cast<double>(start.size() - 1));
    const auto penalty = [&](const Vector& theta) {
        return 0.5 * pull_of(ridge, theta).dot(theta - centre);
    };
    Minimised found{process, ridge, std::move(start), {}, {}};
    found.sums = sums_at(rows, process, found.theta);
    double share = 1.0;
    for (int k = 0; k < most_steps; ++k) {
        found.inverse = inverse_with_ridge(found.sums.hessian, ridge);
        const Vector gradient = found.sums.gradient + pull_of(ridge, found.theta);
        const Vector step = found.inverse * gradient;
        const double decrement = step.dot(gradient);
        found.converged = decrement <= small;
        if (found.converged || share < 1e-6) break;
        const Vector next = found.theta - share * step;
        LossSums sums = sums_at(rows, process, next);
        const double before = found.sums.loss + penalty(found.theta);
        if (sums.loss + penalty(next) <= before + 1e-14 * std::abs(before)) {
            found.theta = next;
            found.sums = std::move(sums);
            share = std::min(1.0, 2.0 * share);
        } else {
            share *= 0.5;
        }
    }
    found.inverse = inverse_with_ridge(found.sums.hessian, ridge);
    return found;
}

/// U, the covariance of the sums of scores, of all processes together.
class ScoreCovariance {
public:
    ScoreCovariance(const MemberTable& rows, std::span<const Minimised> processes, std::size_t sets)
        : rows_(rows), processes_(processes), sets_(sets) {
        for (const Minimised& process : processes) {
            width_ += static_cast<std::size_t>(process.theta.size()) + 1;
        }
    }

    std::size_t width() const { return width_; }

    /// Sums over a set of w^2 g g^T (all sets), w^2 g, w g and w^2, g the score per unit of weight.
    Matrix matrix() const {
        const std::size_t q = width_;
        const std::size_t packed = q * (q + 1) / 2;
        const auto found = rows_.sum(packed + sets_ * (2 * q + 1), [&](Range shard, auto to) {
            std::vector<double> g(q);
            rows_.for_each(shard, [&](std::size_t set, double w, std::uint64_t row) {
                score(set, row, g);
                double* const moments = to.data() + packed + set * (2 * q + 1);
                std::size_t k = 0;
                for (std::size_t a = 0; a < q; ++a) {
                    for (std::size_t b = a; b < q; ++b) to[k++] += w * w * g[a] * g[b];
                    moments[a] += w * w * g[a];
                    moments[q + a] += w * g[a];
                }
                moments[2 * q] += w * w;
            });
        });
        Matrix u(at(q), at(q));
        std::size_t k = 0;
        for (std::size_t a = 0; a < q; ++a) {
            for (std::size_t b = a; b < q; ++b) u(at(a), at(b)) = u(at(b), at(a)) = found[k++];
        }
        for (std::size_t set = 0; set < sets_; ++set) {
            const double* const moments = found.data() + packed + set * (2 * q + 1);
            const Vector squared = Eigen::Map<const Vector>(moments, at(q));
            const Vector mean = Eigen::Map<const Vector>(moments + q, at(q));
            u += moments[2 * q] * mean * mean.transpose() - squared * mean.transpose() -
                 mean * squared.transpose();
        }
        return u;
    }

private:
    void score(std::size_t set, std::uint64_t row, std::vector<double>& g) const {
        std::size_t k = 0;
        for (const Minimised& process : processes_) {
            const double n = rows_.numerator(process.process, set);
            const double d = rows_.reference(set);
            Vector basis(process.theta.size());
            rows_.set_basis(process.process, row, elements(basis));
            const double s = process.theta.dot(basis);
            const double derivative = loss_of(n, d, s).slope;
            for (const double f : basis) g[k++] = derivative * f;
            g[k++] = d == 0.0 ? 0.0 : d * (std::exp(s) / process.sums.z - 1.0);
        }
    }

    const MemberTable& rows_;
    std::span<const Minimised> processes_;
    std::size_t sets_;
    std::size_t width_ = 0;
};

/// The ridge whose weights are expected to have the smallest loss on other events: from equal
/// weights down to next to none, each from the minimum before. Their noise counts twice: the best
/// of many looks better than it is.
Minimised best_ridge(const MemberTable& rows,
                     std::size_t process,
                     std::size_t sets,
                     const Vector& equal) {
    constexpr std::array ridges{std::numeric_limits<double>::infinity(),
                                1.0,
                                1e-1,
                                1e-2,
                                1e-3,
                                1e-4,
                                1e-5,
                                1e-6,
                                1e-7,
                                1e-8};
    double least = std::numeric_limits<double>::infinity();
    Minimised best;
    Vector start = equal;
    for (const double ridge : ridges) {
        Minimised found = minimised(rows, process, ridge, start);
        const Eigen::Index p = start.size();
        const Matrix noise = ScoreCovariance(rows, {&found, 1}, sets).matrix().topLeftCorner(p, p);
        const double expected = found.sums.loss + 2.0 * (found.inverse * noise).trace();
        start = found.theta;
        if (best.theta.size() > 0 && !(expected < least)) continue;
        least = expected;
        best = std::move(found);
    }
    return best;
}

WeightedMembers described(const Minimised& found) {
    const Eigen::Index members = found.theta.size() - 1;
    WeightedMembers process;
    process.constant = found.theta[members];
    process.log_z = std::log(found.sums.z);
    for (Eigen::Index i = 0; i < members; ++i) {
        process.weight.push_back(found.theta[i]);
        process.mean.push_back(found.sums.z_gradient[i] / found.sums.z);
    }
    process.loss = found.sums.loss;
    process.ridge = found.ridge;
    if (!std::isinf(found.ridge)) {
        process.determined = (found.inverse * found.sums.hessian).trace() - 1.0;
    }
    process.converged = found.converged;
    return process;
}

}  // namespace

MemberWeights fit_member_weights(const mpi::Communicator& comm,
                                 const MemberEvents& events,
                                 std::optional<double> ridge) {
    RATIOFARM_EXPECT(events.numerator.size() == events.members.size());
    const MemberTable rows(comm, events);
    std::vector<Minimised> found;
    MemberWeights result;
    for (std::size_t j = 0; j < rows.n_processes(); ++j) {
        const auto members = static_cast<double>(events.members[j]);
        Vector equal = Vector::Constant(at(events.members[j] + 1), 1.0 / members);
        equal[equal.size() - 1] = 0.0;
        found.push_back(ridge ? minimised(rows, j, *ridge, equal)
                              : best_ridge(rows, j, events.sets.size(), equal));
        result.processes.push_back(described(found.back()));
    }
    const ScoreCovariance scores(rows, found, events.sets.size());
    // ln Z at fixed weights and constant has a derivative of -1 by itself, and none by them.
    Matrix inverse = Matrix::Zero(at(scores.width()), at(scores.width()));
    Eigen::Index first = 0;
    for (const Minimised& process : found) {
        const Eigen::Index p = process.theta.size();
        inverse.block(first, first, p, p) = inverse_of(process.sums.hessian);
        inverse(first + p, first + p) = -1.0;
        first += p + 1;
    }
    const Matrix covariance = inverse * scores.matrix() * inverse.transpose();
    result.covariance.assign(covariance.data(), covariance.data() + covariance.size());
    return result;
}

double variance_along(std::span<const double> covariance, std::span<const double> a) {
    RATIOFARM_EXPECT(covariance.size() == a.size() * a.size());
    double variance = 0.0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        for (std::size_t l = 0; l < a.size(); ++l) {
            variance += a[k] * covariance[k * a.size() + l] * a[l];
        }
    }
    return std::max(0.0, variance);
}

MemberTable::MemberTable(const mpi::Communicator& comm, const MemberEvents& events)
    : comm_(comm), events_(events) {
    RATIOFARM_EXPECT(events.numerator.size() == events.members.size());
    std::uint64_t total = 0;
    for (const auto& set : events.sets) {
        RATIOFARM_EXPECT(set.sum_of_weights > 0.0);
        sizes_.push_back(set.events);
        total += set.events;
    }
    std::size_t line = 0;
    for (const std::size_t members : events.members) {
        first_line_.push_back(line);
        line += members;
    }
    mine_ = events_of_rank(comm, total);
    shards_ = shards_of_rank(comm, total);
    mpi::together(comm, [&] {
        rows_ = events.read(mine_);
        RATIOFARM_EXPECT(rows_.weight.size() == mine_.size());
        RATIOFARM_EXPECT(rows_.log_r.size() == mine_.size() * line);
        check();
    });
}

void MemberTable::set_basis(std::size_t process, std::uint64_t row, std::span<double> basis) const {
    const std::size_t members = events_.members[process];
    RATIOFARM_EXPECT(basis.size() == members + 1);
    for (std::size_t i = 0; i < members; ++i) {
        const std::size_t line = first_line_[process] + i;
        basis[i] = rows_.log_r[line * rows_.weight.size() + row];
    }
    basis[members] = 1.0;
}

void MemberTable::check() const {
    for (std::size_t k = 0; k < rows_.log_r.size(); ++k) {
        if (std::isfinite(rows_.log_r[k])) continue;
        throw DataError("weights of members: ln r of member line " +
                        std::to_string(k / mine_.size()) + " is not finite at event " +
                        std::to_string(mine_.first + k % mine_.size()) + " of the list");
    }
}

}  // namespace ratiofarm
