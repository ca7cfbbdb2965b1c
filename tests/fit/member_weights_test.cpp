// Weights of members: a model whose log-ratio is linear, p = N(m, 1) over q = N(0, 1).

#include "fit/finite_mc/member_weights.hpp"

#include <cmath>
#include <limits>

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

/// 1 / (1 + exp(-s)) by its definition.
double share_of(double s) { return 1.0 / (1.0 + std::exp(-s)); }

/// Weight of sum 1 as numerator and in the reference, and (f_i..., 1), of every event.
struct Roles {
    double unit, n, d;
    Eigen::VectorXd basis;
};

std::vector<Roles> roles_of(const Problem& problem) {
    const MemberEvents events = problem.events();
    std::vector<Roles> roles;
    for (std::uint64_t k = 0; k < problem.x.size(); ++k) {
        const auto& set = events.sets[k < problem.n_p ? 0 : 1];
        Eigen::VectorXd basis(problem.members.size() + 1);
        for (std::size_t i = 0; i < problem.members.size(); ++i) {
            basis[static_cast<Eigen::Index>(i)] =
                static_cast<float>(problem.members[i](problem.x[k]));
        }
        basis[basis.size() - 1] = 1.0;
        roles.push_back({problem.weight[k] / set.sum_of_weights, k < problem.n_p ? 1.0 : 0.0,
                         set.reference, basis});
    }
    return roles;
}

/// The loss as its formula says.
double slow_loss(const std::vector<Roles>& events, const Eigen::VectorXd& theta, double ridge) {
    double loss = 0.0;
    for (const Roles& event : events) {
        const double s = theta.dot(event.basis);
        loss -=
            event.unit * (event.n * std::log(share_of(s)) + event.d * std::log(1.0 - share_of(s)));
    }
    const Eigen::Index members = theta.size() - 1;
    for (Eigen::Index i = 0; i < members; ++i) {
        loss += 0.5 * ridge * std::pow(theta[i] - 1.0 / static_cast<double>(members), 2);
    }
    return loss;
}

Eigen::VectorXd theta_of(const WeightedMembers& process) {
    Eigen::VectorXd theta(process.weight.size() + 1);
    for (std::size_t i = 0; i < process.weight.size(); ++i) {
        theta[static_cast<Eigen::Index>(i)] = process.weight[i];
    }
    theta[theta.size() - 1] = process.constant;
    return theta;
}

/// The sandwich of the weights, the constant and ln Z: the derivative of the sums of scores by
/// numbers, and the jackknife of the events within each set.
Eigen::MatrixXd sandwich(const Problem& problem, const Eigen::VectorXd& theta) {
    const std::vector<Roles> events = roles_of(problem);
    const Eigen::Index p = theta.size();
    double z = 0.0;
    for (const Roles& event : events) {
        z += event.unit * event.d * std::exp(theta.dot(event.basis));
    }
    const auto score = [&](const Roles& event, const Eigen::VectorXd& at) {
        const double s = at.dot(event.basis);
        Eigen::VectorXd g(p + 1);
        g << (event.d * share_of(s) - event.n * (1.0 - share_of(s))) * event.basis,
            event.d * (std::exp(theta.dot(event.basis)) / z - 1.0);
        return g;
    };
    const auto sum = [&](const Eigen::VectorXd& at) {
        Eigen::VectorXd total = Eigen::VectorXd::Zero(p + 1);
        for (const Roles& event : events) total += event.unit * score(event, at);
        return total;
    };
    Eigen::MatrixXd j = Eigen::MatrixXd::Zero(p + 1, p + 1);
    for (Eigen::Index a = 0; a < p; ++a) {
        constexpr double step = 1e-5;
        const Eigen::VectorXd along = step * Eigen::VectorXd::Unit(p, a);
        j.col(a) = (sum(theta + along) - sum(theta - along)) / (2.0 * step);
    }
    j(p, p) = -1.0;
    Eigen::MatrixXd u = Eigen::MatrixXd::Zero(p + 1, p + 1);
    for (const bool numerator : {true, false}) {
        Eigen::VectorXd mean = Eigen::VectorXd::Zero(p + 1);
        for (const Roles& event : events) {
            if ((event.n > 0.0) == numerator) mean += event.unit * score(event, theta);
        }
        for (const Roles& event : events) {
            if ((event.n > 0.0) != numerator) continue;
            const Eigen::VectorXd centred = score(event, theta) - mean;
            u += event.unit * event.unit * centred * centred.transpose();
        }
    }
    return j.inverse() * u * j.inverse().transpose();
}

/// ln r of a peak N(2, 0.5^2) over an exponential of slope 0.5, both halves of the reference.
double peak(double x) {
    const double p = std::exp(-2.0 * (x - 2.0) * (x - 2.0)) / (0.5 * std::sqrt(2.0 * M_PI));
    return std::log(2.0 * p / (p + 0.5 * std::exp(-0.5 * x)));
}

/// Members that exaggerate the peak, with waves, and go on in straight lines along the tail, where
/// ln r falls below -100.
Problem long_tail(std::uint64_t seed, std::size_t n) {
    Problem problem{.x = {}, .weight = {}, .members = {}, .n_p = n, .share_of_p = 0.5};
    for (std::size_t k = 0; k < 2 * n; ++k) {
        const auto words = philox(seed, 2, k);
        const double u = (static_cast<double>(words[0]) + 0.5) / 4294967296.0;
        const double v = (static_cast<double>(words[1]) + 0.5) / 4294967296.0;
        const double normal = std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
        problem.x.push_back(k < n ? std::abs(2.0 + 0.5 * normal) : -2.0 * std::log(u));
        problem.weight.push_back(1.0);
    }
    for (const double i : {0.0, 1.0, 2.0, 3.0}) {
        problem.members.push_back([i](double x) {
            return 1.2 * peak(std::min(x, 3.5)) + 0.4 * std::sin((1.0 + 0.5 * i) * x + i) -
                   (5.0 + 2.0 * i) * std::max(x - 3.5, 0.0);
        });
    }
    return problem;
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

        const MemberWeights fitted = fit_member_weights(comm, problem.events(), 0.0);

        const WeightedMembers& process = fitted.processes.at(0);
        CHECK(process.converged);
        CHECK(process.weight.at(0) == Approx(share > 0.0 ? 1.0 : shift).epsilon(1e-6));
        CHECK(process.constant == Approx(share > 0.0 ? 0.0 : -0.5 * shift * shift).margin(1e-6));
        CHECK(process.log_z == Approx(0.0).margin(1e-6));
    }
}

TEST_CASE("the weights have the smallest loss with their ridge", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    const Problem problem = long_tail(5, 300);
    const std::vector<Roles> events = roles_of(problem);
    for (const double ridge : {0.0, 0.01, 1.0}) {
        const MemberWeights fitted = fit_member_weights(comm, problem.events(), ridge);

        const WeightedMembers& process = fitted.processes.at(0);
        const Eigen::VectorXd theta = theta_of(process);
        INFO("ridge " << ridge);
        CHECK(process.converged);
        CHECK(process.loss == Approx(slow_loss(events, theta, 0.0)).epsilon(1e-10));
        constexpr double step = 1e-3;
        for (Eigen::Index a = 0; a < theta.size(); ++a) {
            const Eigen::VectorXd along = step * Eigen::VectorXd::Unit(theta.size(), a);
            const double slope =
                slow_loss(events, theta + along, ridge) - slow_loss(events, theta - along, ridge);
            CHECK(slope / (2.0 * step) == Approx(0.0).margin(1e-5));  // step^2 times a third one
        }
    }
}

TEST_CASE("a ridge without end leaves the members equal weights", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    const Problem problem = long_tail(5, 300);

    const MemberWeights strong = fit_member_weights(comm, problem.events(), 1e9);
    const MemberWeights endless =
        fit_member_weights(comm, problem.events(), std::numeric_limits<double>::infinity());

    CHECK(endless.processes.at(0).weight == std::vector<double>(4, 0.25));
    CHECK(endless.processes.at(0).converged);
    CHECK(endless.processes.at(0).determined == 0.0);
    CHECK(strong.processes.at(0).determined == Approx(0.0).margin(1e-6));
    CHECK(strong.processes.at(0).constant == Approx(endless.processes.at(0).constant).margin(1e-6));
    for (const double w : strong.processes.at(0).weight) CHECK(w == Approx(0.25).margin(1e-6));
}

TEST_CASE("members whose mean is the truth keep equal weights", "[fit]") {
    Problem problem = sample(11, 400);
    problem.members.clear();
    for (const double sign : {1.0, -1.0}) {
        problem.members.push_back([sign](double x) {
            return shift * x - 0.5 * shift * shift + sign * 0.02 * std::sin(9.0 * x);
        });
    }

    const MemberWeights free = fit_member_weights(test::one_rank, problem.events(), 0.0);
    const MemberWeights chosen = fit_member_weights(test::one_rank, problem.events());

    UNSCOPED_INFO("without a ridge: " << free.processes.at(0).weight[0]);
    CHECK(std::abs(free.processes.at(0).weight[0] - 0.5) > 0.5);
    CHECK(chosen.processes.at(0).weight == std::vector<double>(2, 0.5));
    CHECK(std::isinf(chosen.processes.at(0).ridge));
}

TEST_CASE("along a long tail weights stay small and their error holds the scatter", "[fit]") {
    constexpr int samples = 50;
    double sum = 0.0;
    double squares = 0.0;
    double variance = 0.0;
    for (int k = 0; k < samples; ++k) {
        const Problem problem = long_tail(static_cast<std::uint64_t>(k), 500);

        const MemberWeights fitted = fit_member_weights(test::one_rank, problem.events());

        const WeightedMembers& process = fitted.processes.at(0);
        std::vector<double> along;  // normalised ln r at the peak, d ln r / d (w, c, ln Z)
        double log_r = process.constant - process.log_z;
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(std::abs(process.weight[i]) < 4.0);
            along.push_back(problem.members[i](2.0) - process.mean[i]);
            log_r += process.weight[i] * problem.members[i](2.0);
        }
        along.insert(along.end(), {0.0, -1.0});
        sum += log_r;
        squares += log_r * log_r;
        variance += variance_along(fitted.covariance, along) / samples;
    }
    const double mean = sum / samples;
    const double scatter = (squares - samples * mean * mean) / (samples - 1);
    UNSCOPED_INFO("ln r at the peak " << mean << " of " << peak(2.0) << ", scatter "
                                      << std::sqrt(scatter) << ", sigma " << std::sqrt(variance));
    CHECK(mean == Approx(peak(2.0)).margin(0.05));
    CHECK(std::sqrt(scatter / variance) == Approx(1.0).margin(0.3));  // three standard deviations
}

TEST_CASE("the covariance is the sandwich of its formula, without the ridge", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    for (const double ridge : {0.0, 0.3}) {
        Problem problem = long_tail(6, 200);
        for (std::size_t k = 0; k < problem.weight.size(); ++k) {  // not quite the truth
            problem.weight[k] *= 1.0 + 0.3 * std::sin(static_cast<double>(k));
        }

        const MemberWeights fitted = fit_member_weights(comm, problem.events(), ridge);

        const Eigen::MatrixXd expected = sandwich(problem, theta_of(fitted.processes.at(0)));
        REQUIRE(fitted.covariance.size() == 36);
        for (std::size_t k = 0; k < 36; ++k) {
            CHECK(fitted.covariance[k] == Approx(expected.data()[k]).epsilon(1e-5).margin(1e-8));
        }
    }
}

TEST_CASE("over many samples the covariance is the scatter of the weights", "[fit]") {
    constexpr int samples = 300;
    double pull = 0.0;
    double pull_of_z = 0.0;
    for (int k = 0; k < samples; ++k) {
        const Problem problem = sample(static_cast<std::uint64_t>(k), 400);

        const MemberWeights fitted = fit_member_weights(test::one_rank, problem.events(), 0.0);

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
    const MemberWeights single = fit_member_weights(test::one_rank, problem.events(), 0.0);
    problem.members.push_back([](double x) { return 2.0 * x; });

    const MemberWeights both = fit_member_weights(test::one_rank, problem.events(), 0.0);

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
