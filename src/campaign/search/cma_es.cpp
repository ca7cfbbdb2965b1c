#include "cma_es.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Eigenvalues>

#include "ratiofarm/core/contracts.hpp"

#include "core/seeds.hpp"

namespace ratiofarm {
namespace {

Eigen::VectorXd cube_point(const SearchSection& search, const SearchSetting& setting) {
    Eigen::VectorXd x(static_cast<Eigen::Index>(search.parameters.size()));
    Eigen::Index i = 0;
    for (const auto& u : unit_point(search, setting)) x[i++] = *u;
    return x;
}

/// Best first, earlier ones first where they are equal.
std::vector<Eigen::VectorXd> ranked(const SearchSection& search, std::span<const ToldTrial> told) {
    std::vector<const ToldTrial*> order;
    for (const ToldTrial& trial : told) order.push_back(&trial);
    std::ranges::stable_sort(order, {}, &ToldTrial::objective);
    std::vector<Eigen::VectorXd> points;
    for (const ToldTrial* trial : order) points.push_back(cube_point(search, trial->setting));
    return points;
}

}  // namespace

CmaConstants cma_constants(std::size_t n) {
    RATIOFARM_EXPECT(n >= 2);
    const auto d = static_cast<double>(n);
    CmaConstants constants{};
    constants.lambda = 4 + static_cast<std::size_t>(std::floor(3.0 * std::log(d)));
    const double middle = std::log((static_cast<double>(constants.lambda) + 1.0) / 2.0);
    double sum = 0.0;
    for (std::size_t i = 1; i <= constants.lambda / 2; ++i) {
        constants.weights.push_back(middle - std::log(static_cast<double>(i)));
        sum += constants.weights.back();
    }
    double squares = 0.0;
    for (double& weight : constants.weights) {
        weight /= sum;
        squares += weight * weight;
    }
    const double mu = 1.0 / squares;
    constants.mu_eff = mu;
    constants.c_sigma = (mu + 2.0) / (d + mu + 5.0);
    constants.d_sigma =
        1.0 + 2.0 * std::max(0.0, std::sqrt((mu - 1.0) / (d + 1.0)) - 1.0) + constants.c_sigma;
    constants.c_c = (4.0 + mu / d) / (d + 4.0 + 2.0 * mu / d);
    constants.c_1 = 2.0 / ((d + 1.3) * (d + 1.3) + mu);
    constants.c_mu =
        std::min(1.0 - constants.c_1, 2.0 * (mu - 2.0 + 1.0 / mu) / ((d + 2.0) * (d + 2.0) + mu));
    constants.chi = std::sqrt(d) * (1.0 - 1.0 / (4.0 * d) + 1.0 / (21.0 * d * d));
    return constants;
}

CmaEs::CmaEs(Eigen::VectorXd mean)
    : constants_(cma_constants(static_cast<std::size_t>(mean.size()))),
      mean_(std::move(mean)),
      covariance_(Eigen::MatrixXd::Identity(mean_.size(), mean_.size())),
      path_sigma_(Eigen::VectorXd::Zero(mean_.size())),
      path_c_(path_sigma_) {
    decompose();
}

Eigen::VectorXd CmaEs::draw(PhiloxSequence& random) const {
    constexpr int tries = 100;
    Eigen::VectorXd x(mean_.size());
    for (int i = 0; i < tries; ++i) {
        for (double& z : x) z = random.normal();
        x = mean_ + sigma_ * (axes_ * lengths_.cwiseProduct(x));
        if (x.minCoeff() >= 0.0 && x.maxCoeff() < 1.0) return x;
    }
    return x.cwiseMax(0.0).cwiseMin(std::nextafter(1.0, 0.0));
}

void CmaEs::tell(std::span<const Eigen::VectorXd> generation) {
    RATIOFARM_EXPECT(generation.size() == constants_.lambda);
    const CmaConstants& c = constants_;
    const auto d = static_cast<double>(mean_.size());
    Eigen::VectorXd step = Eigen::VectorXd::Zero(mean_.size());
    Eigen::MatrixXd spread = Eigen::MatrixXd::Zero(mean_.size(), mean_.size());
    for (std::size_t i = 0; i < c.weights.size(); ++i) {
        const Eigen::VectorXd y = (generation[i] - mean_) / sigma_;
        step += c.weights[i] * y;
        spread += c.weights[i] * y * y.transpose();
    }
    ++generations_;
    mean_ += sigma_ * step;
    const Eigen::VectorXd white = axes_ * (axes_.transpose() * step).cwiseQuotient(lengths_);
    path_sigma_ = (1.0 - c.c_sigma) * path_sigma_ +
                  std::sqrt(c.c_sigma * (2.0 - c.c_sigma) * c.mu_eff) * white;
    const double length = path_sigma_.norm();
    const double begun = std::sqrt(1.0 - std::pow(1.0 - c.c_sigma, 2.0 * generations_));
    const bool short_path = length / begun < (1.4 + 2.0 / (d + 1.0)) * c.chi;
    const double follow = short_path ? std::sqrt(c.c_c * (2.0 - c.c_c) * c.mu_eff) : 0.0;
    path_c_ = (1.0 - c.c_c) * path_c_ + follow * step;
    const double kept = short_path ? 0.0 : c.c_1 * c.c_c * (2.0 - c.c_c);
    covariance_ = (1.0 - c.c_1 - c.c_mu + kept) * covariance_ +
                  c.c_1 * path_c_ * path_c_.transpose() + c.c_mu * spread;
    sigma_ *= std::exp(c.c_sigma / c.d_sigma * (length / c.chi - 1.0));
    decompose();
}

void CmaEs::decompose() {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance_);
    constexpr double least = 1e-20;  // points that were rounded may coincide
    axes_ = solver.eigenvectors();
    lengths_ = solver.eigenvalues().cwiseMax(least).cwiseSqrt();
}

SearchSetting cmaes_setting(const SearchSection& search,
                            std::uint64_t seed,
                            std::span<const ToldTrial> told) {
    const auto own = own_trials(search, told);
    const std::size_t lambda = generation_size(search);
    const std::size_t over = own.size() / lambda * lambda;
    const auto given = told.first(told.size() - own.size());
    const auto best = std::ranges::min_element(given, {}, &ToldTrial::objective);
    const auto n = static_cast<Eigen::Index>(search.parameters.size());
    const bool known = best != given.end() && std::isfinite(best->objective);
    CmaEs strategy(known ? cube_point(search, best->setting) : Eigen::VectorXd::Constant(n, 0.5));
    for (std::size_t first = 0; first < over; first += lambda) {
        strategy.tell(ranked(search, own.subspan(first, lambda)));
    }
    const std::string name = "search/cmaes/trial " + std::to_string(told.size());
    PhiloxSequence random(seed_for(seed, name, Stream::search));
    const Eigen::VectorXd x = strategy.draw(random);
    return setting_at(search, {x.begin(), x.end()});
}

}  // namespace ratiofarm
