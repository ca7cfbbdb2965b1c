// Weights of members: a model whose log-ratio is linear, p = N(m, 1) over q = N(0, 1).

#include "fit/finite_mc/member_weights.hpp"

#include <cmath>

#include <Eigen/Dense>

#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

constexpr double shift = 0.7;  // ln r = shift x - shift^2 / 2

/// Sets "p" and "q"; members of the only process are given as functions of x.
struct Problem {
    std::vector<double> x;
    std::vector<double> weight;
    std::vector<std::function<double(double)>> members;
    std::uint64_t n_p = 0;
    double share_of_p = 0.0;  ///< in the reference

    MemberEvents events() const {
        MemberEvents events;
        double sum_p = 0.0;
        double sum_q = 0.0;
        for (std::uint64_t k = 0; k < x.size(); ++k) (k < n_p ? sum_p : sum_q) += weight[k];
        events.sets = {{n_p, sum_p, share_of_p}, {x.size() - n_p, sum_q, 1.0 - share_of_p}};
        events.numerator = {0};
        events.members = {members.size()};
        events.read = [this](Range range) {
            MemberRows rows;
            for (std::uint64_t k = range.first; k < range.last; ++k) {
                rows.weight.push_back(weight[k]);
            }
            for (const auto& member : members) {
                for (std::uint64_t k = range.first; k < range.last; ++k) {
                    rows.log_r.push_back(static_cast<float>(member(x[k])));
                }
            }
            return rows;
        };
        return events;
    }
};

double linear(double x) { return x; }

/// Both densities on a grid, as weights.
Problem grid(std::size_t n = 500) {
    Problem problem{.x = {}, .weight = {}, .members = {linear}, .n_p = n};
    for (const double mean : {shift, 0.0}) {
        for (std::size_t k = 0; k < n; ++k) {
            const double x = -8.0 + 16.0 * (static_cast<double>(k) + 0.5) / static_cast<double>(n);
            problem.x.push_back(x);
            problem.weight.push_back(std::exp(-0.5 * (x - mean) * (x - mean)));
        }
    }
    return problem;
}

/// Events drawn from both densities.
Problem sample(std::uint64_t seed, std::size_t n) {
    Problem problem{.x = {}, .weight = {}, .members = {linear}, .n_p = n};
    for (std::size_t k = 0; k < 2 * n; ++k) {
        const auto words = philox(seed, 1, k);
        const double u = (static_cast<double>(words[0]) + 0.5) / 4294967296.0;
        const double v = (static_cast<double>(words[1]) + 0.5) / 4294967296.0;
        const double normal = std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
        problem.x.push_back(normal + (k < n ? shift : 0.0));
        problem.weight.push_back(1.0);
    }
    return problem;
}

/// The sandwich as its formula says, one matrix after the other. \param theta w, c of one member
Eigen::MatrixXd sandwich(const Problem& problem, const Eigen::Vector2d& theta) {
    const MemberEvents events = problem.events();
    Eigen::Matrix2d hessian = Eigen::Matrix2d::Zero();
    double z = 0.0;
    const auto role = [&](std::uint64_t k) { return k < problem.n_p ? 0U : 1U; };
    const auto unit = [&](std::uint64_t k) {
        return problem.weight[k] / events.sets[role(k)].sum_of_weights;
    };
    const auto basis = [&](std::uint64_t k) {
        return Eigen::Vector2d(static_cast<float>(problem.members[0](problem.x[k])), 1.0);
    };
    for (std::uint64_t k = 0; k < problem.x.size(); ++k) {
        const double s = theta.dot(basis(k));
        const double n = role(k) == 0 ? 1.0 : 0.0;
        const double d = events.sets[role(k)].reference;
        z += unit(k) * d * std::exp(s);
        hessian += unit(k) * (n * std::exp(-s) + d * std::exp(s)) * basis(k) * basis(k).transpose();
    }
    const auto score = [&](std::uint64_t k) {
        const double s = theta.dot(basis(k));
        const double n = role(k) == 0 ? 1.0 : 0.0;
        const double d = events.sets[role(k)].reference;
        Eigen::Vector3d g;
        g << (d * (1.0 + std::exp(s)) - n * (1.0 + std::exp(-s))) * basis(k),
            d * (std::exp(s) / z - 1.0);
        return g;
    };
    std::array<Eigen::Vector3d, 2> mean{Eigen::Vector3d::Zero(), Eigen::Vector3d::Zero()};
    for (std::uint64_t k = 0; k < problem.x.size(); ++k) mean[role(k)] += unit(k) * score(k);
    Eigen::Matrix3d u = Eigen::Matrix3d::Zero();
    for (std::uint64_t k = 0; k < problem.x.size(); ++k) {
        const Eigen::Vector3d centred = score(k) - mean[role(k)];
        u += unit(k) * unit(k) * centred * centred.transpose();
    }
    Eigen::Matrix3d inverse = Eigen::Matrix3d::Zero();
    inverse.topLeftCorner<2, 2>() = hessian.inverse();
    inverse(2, 2) = -1.0;
    return inverse * u * inverse.transpose();
}

}  // namespace

TEST_CASE("a log-ratio that is a sum of members is found exactly", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    for (const double share : {0.0, 0.4}) {
        Problem problem = grid();
        problem.share_of_p = share;
        if (share > 0.0) {  // ln r = ln (p / (share p + (1 - share) q)): one member and no constant
            problem.members = {[share](double x) {
                return -std::log(share + (1.0 - share) * std::exp(shift * shift / 2.0 - shift * x));
            }};
        }

        const MemberWeights fitted = fit_member_weights(comm, problem.events());

        const WeightedMembers& process = fitted.processes.at(0);
        CHECK(process.converged);
        CHECK(process.weight.at(0) == Approx(share > 0.0 ? 1.0 : shift).epsilon(1e-6));
        CHECK(process.constant == Approx(share > 0.0 ? 0.0 : -0.5 * shift * shift).margin(1e-6));
        CHECK(process.log_z == Approx(0.0).margin(1e-6));
    }
}

TEST_CASE("the covariance is the sandwich of its formula", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    for (const double share : {0.0, 0.3}) {
        Problem problem = grid(300);
        problem.share_of_p = share;
        for (std::size_t k = 0; k < problem.weight.size(); ++k) {  // not quite the truth
            problem.weight[k] *= 1.0 + 0.3 * std::sin(static_cast<double>(k));
        }

        const MemberWeights fitted = fit_member_weights(comm, problem.events());

        const WeightedMembers& process = fitted.processes.at(0);
        const Eigen::MatrixXd expected =
            sandwich(problem, {process.weight.at(0), process.constant});
        REQUIRE(fitted.covariance.size() == 9);
        for (std::size_t k = 0; k < 9; ++k) {
            CHECK(fitted.covariance[k] == Approx(expected.data()[k]).epsilon(1e-8).margin(1e-12));
        }
    }
}

TEST_CASE("over many samples the covariance is the scatter of the weights", "[fit]") {
    constexpr int samples = 300;
    double pull = 0.0;
    double pull_of_z = 0.0;
    for (int k = 0; k < samples; ++k) {
        const Problem problem = sample(static_cast<std::uint64_t>(k), 400);

        const MemberWeights fitted = fit_member_weights(test::one_rank, problem.events());

        const WeightedMembers& process = fitted.processes.at(0);
        pull += std::pow(process.weight[0] - shift, 2) / fitted.covariance[0];
        // ln Z of s itself: by its own fluctuation, and with w and c.
        const std::vector<double> along{process.mean[0], 1.0, 1.0};
        pull_of_z += std::pow(process.log_z, 2) / variance_along(fitted.covariance, along);
    }
    CHECK(pull / samples == Approx(1.0).margin(0.25));  // three standard deviations
    CHECK(pull_of_z / samples == Approx(1.0).margin(0.25));
}

TEST_CASE("members that say the same share their weight", "[fit]") {
    Problem problem = sample(7, 500);
    const MemberWeights single = fit_member_weights(test::one_rank, problem.events());
    problem.members.push_back([](double x) { return 2.0 * x; });

    const MemberWeights both = fit_member_weights(test::one_rank, problem.events());

    const auto& weights = both.processes.at(0).weight;
    CHECK(weights[0] + 2.0 * weights[1] == Approx(single.processes.at(0).weight[0]).epsilon(1e-6));
    const std::vector<double> along{1.0, 2.0, 0.0, 0.0};
    CHECK(variance_along(both.covariance, along) == Approx(single.covariance[0]).epsilon(1e-5));
}

TEST_CASE("the weights of members do not depend on the number of ranks", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    Problem problem = sample(3, 333);
    problem.share_of_p = 0.5;
    problem.members.push_back([](double x) { return x + 0.1 * x * x; });

    const MemberWeights together = fit_member_weights(comm, problem.events());
    const MemberWeights alone = fit_member_weights(test::one_rank, problem.events());

    CHECK(together.covariance == alone.covariance);
    CHECK(together.processes.at(0).weight == alone.processes.at(0).weight);
    CHECK(together.processes.at(0).log_z == alone.processes.at(0).log_z);
}

TEST_CASE("a member that is not finite is named", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    Problem problem = grid(100);
    problem.members.push_back([](double x) { return x > 7.9 ? std::nan("") : x; });

    using Catch::Matchers::Contains;
    CHECK_THROWS_WITH(fit_member_weights(comm, problem.events()),
                      Contains("member line 1 is not finite at event"));
}
