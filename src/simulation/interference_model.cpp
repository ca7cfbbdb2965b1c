#include "interference_model.hpp"

#include <cmath>
#include <numbers>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/philox.hpp"
#include "core/seeds.hpp"

#include "cholesky.hpp"

namespace ratiofarm {
namespace {

std::vector<double> flat(const std::vector<std::vector<double>>& matrix) {
    std::vector<double> values;
    for (const auto& row : matrix) values.insert(values.end(), row.begin(), row.end());
    return values;
}

/// BC = |C_S|^1/4 |C_B|^1/4 / |M|^1/2 exp(-d^T M^-1 d / 8) with M = (C_S + C_B) / 2, d = m_S - m_B.
double bhattacharyya(const InterferenceModel& model) {
    const std::size_t d = model.signal.mean.size();
    const auto signal = flat(model.signal.covariance);
    const auto background = flat(model.background.covariance);
    std::vector<double> middle(d * d);
    for (std::size_t k = 0; k < d * d; ++k) middle[k] = 0.5 * (signal[k] + background[k]);
    std::vector<double> distance(d);
    for (std::size_t k = 0; k < d; ++k)
        distance[k] = model.signal.mean[k] - model.background.mean[k];

    const auto factor = *cholesky_factor(middle, d);
    double squared = 0.0;
    for (const double y : solve_lower(factor, distance)) squared += y * y;
    const double log_signal = log_determinant(*cholesky_factor(signal, d), d);
    const double log_background = log_determinant(*cholesky_factor(background, d), d);
    return std::exp(0.25 * (log_signal + log_background) - 0.5 * log_determinant(factor, d) -
                    0.125 * squared);
}

}  // namespace

std::string_view simulated_sample_name(SimulatedSample sample) {
    constexpr std::array<std::string_view, 3> names{"S", "B", "SBI"};
    return names[static_cast<std::size_t>(sample)];
}

ModelDensities::ModelDensities(const InterferenceModel& model) : interference_(model.interference) {
    std::string problems;
    for (const auto& mistake : model_mistakes(model)) {
        problems += (problems.empty() ? "" : "\n") + mistake;
    }
    if (!problems.empty()) throw ConfigError(problems);
    signal_ = prepare(model.signal);
    background_ = prepare(model.background);
    overlap_ = bhattacharyya(model);
}

ModelDensities::Gaussian ModelDensities::prepare(const GaussianProcess& process) {
    const std::size_t d = process.mean.size();
    Gaussian gaussian{process.yield, process.mean, *cholesky_factor(flat(process.covariance), d),
                      0.0};
    gaussian.log_norm = -0.5 * (static_cast<double>(d) * std::log(2.0 * std::numbers::pi) +
                                log_determinant(gaussian.cholesky, d));
    return gaussian;
}

double ModelDensities::Gaussian::log_density(std::span<const double> x) const {
    std::vector<double> distance(mean.size());
    for (std::size_t k = 0; k < mean.size(); ++k) distance[k] = x[k] - mean[k];
    double squared = 0.0;
    for (const double y : solve_lower(cholesky, distance)) squared += y * y;
    return log_norm - 0.5 * squared;
}

double ModelDensities::interference_yield() const {
    return 2.0 * interference_ * std::sqrt(signal_.yield * background_.yield) * overlap_;
}

double ModelDensities::yield(SimulatedSample sample) const {
    switch (sample) {
        case SimulatedSample::signal: return signal_.yield;
        case SimulatedSample::background: return background_.yield;
        case SimulatedSample::combined: break;
    }
    return signal_.yield + background_.yield + interference_yield();
}

std::array<double, 3> ModelDensities::log_densities(std::span<const double> x) const {
    RATIOFARM_EXPECT(x.size() == dimension());
    const double signal = signal_.log_density(x);
    const double background = background_.log_density(x);
    // S + B + 2 c sqrt(S B) with the larger of S and B taken out, so that tails do not underflow.
    const double log_s = std::log(signal_.yield) + signal;
    const double log_b = std::log(background_.yield) + background;
    const double root = std::exp(-0.5 * std::abs(log_s - log_b));  // sqrt(smaller / larger)
    const double bracket = 1.0 + root * root + 2.0 * interference_ * root;
    const double combined = std::max(log_s, log_b) + std::log(bracket);
    return {signal, background, combined - std::log(yield(SimulatedSample::combined))};
}

double ModelDensities::rate(std::span<const double> x, double mu) const {
    RATIOFARM_EXPECT(x.size() == dimension() && mu >= 0.0);
    const double s = signal_.yield * std::exp(signal_.log_density(x));
    const double b = background_.yield * std::exp(background_.log_density(x));
    return mu * s + std::sqrt(mu) * 2.0 * interference_ * std::sqrt(s * b) + b;
}

std::vector<double> ModelDensities::draw(SimulatedSample sample,
                                         std::uint64_t event,
                                         std::uint64_t seed) const {
    PhiloxSequence random(seed_for(seed, simulated_sample_name(sample), Stream::simulation), event);
    const auto from = [&](const Gaussian& gaussian) {
        const std::size_t d = dimension();
        std::vector<double> normal(d);
        for (double& z : normal) z = random.normal();
        std::vector<double> x = gaussian.mean;
        for (std::size_t row = 0; row < d; ++row) {
            for (std::size_t k = 0; k <= row; ++k)
                x[row] += gaussian.cholesky[row * d + k] * normal[k];
        }
        return x;
    };
    if (sample == SimulatedSample::signal) return from(signal_);
    if (sample == SimulatedSample::background) return from(background_);

    // From S + B, accepted with probability lambda(x|1) / (2 (S + B)): |I| <= S + B.
    const double signal_share = signal_.yield / (signal_.yield + background_.yield);
    for (;;) {
        const bool is_signal = random.uniform() < signal_share;
        const std::vector<double> x = from(is_signal ? signal_ : background_);
        const double log_ratio = std::log(signal_.yield / background_.yield) +
                                 signal_.log_density(x) - background_.log_density(x);
        const double root = std::exp(-0.5 * std::abs(log_ratio));  // sqrt(smaller / larger)
        const double acceptance = 0.5 + interference_ * root / (1.0 + root * root);
        if (random.uniform() < acceptance) return x;
    }
}

SimulatedEvents simulate(const ModelDensities& model,
                         SimulatedSample sample,
                         Range range,
                         std::uint64_t total,
                         std::uint64_t seed) {
    RATIOFARM_EXPECT(range.last <= total && total < (std::uint64_t{1} << 48));
    const std::size_t d = model.dimension();
    SimulatedEvents events;
    events.features.reserve(range.size() * d);
    events.log_densities.reserve(range.size() * 3);
    const double weight = model.yield(sample) / static_cast<double>(total);
    events.weight.assign(range.size(), weight);
    const std::uint64_t id_base = (static_cast<std::uint64_t>(sample) + 1) << 48;
    for (std::uint64_t event = range.first; event < range.last; ++event) {
        std::vector<double> x = model.draw(sample, event, seed);
        for (double& value : x) {
            const auto stored = static_cast<float>(value);
            events.features.push_back(stored);
            value = stored;  // the densities belong to what a reader of the file sees
        }
        const auto logs = model.log_densities(x);
        events.log_densities.insert(events.log_densities.end(), logs.begin(), logs.end());
        events.id.push_back(id_base | event);
    }
    return events;
}

}  // namespace ratiofarm
