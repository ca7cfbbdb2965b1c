#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/partition.hpp"

namespace ratiofarm {

/// One Gaussian of the model: yield * N(x; mean, covariance).
struct GaussianProcess {
    double yield = 0.0;                           ///< expected events, > 0
    std::vector<double> mean;                     ///< [d]
    std::vector<std::vector<double>> covariance;  ///< [d][d], symmetric positive definite
    bool operator==(const GaussianProcess&) const = default;
};

/// Signal, background and their signed interference, everything in closed form:
/// lambda(x|mu) = mu S + sqrt(mu) I + B with I = 2 c sqrt(S B).
struct InterferenceModel {
    GaussianProcess signal;
    GaussianProcess background;
    double interference = -0.6;  ///< c, |c| <= 1; negative is destructive
    bool operator==(const InterferenceModel&) const = default;
};

/// The three samples with positive densities that span lambda(x|mu).
enum class SimulatedSample : std::uint8_t {
    signal,      ///< "S", S(x)
    background,  ///< "B", B(x)
    combined,    ///< "SBI", lambda(x|1) = S + I + B
};

/// In the order of the columns of log densities.
inline constexpr std::array<SimulatedSample, 3> simulated_samples{
    SimulatedSample::signal, SimulatedSample::background, SimulatedSample::combined};

/// "S", "B" or "SBI".
std::string_view simulated_sample_name(SimulatedSample sample);

/// Every mistake in the numbers of the model, one text each; empty if it can be used.
std::vector<std::string> model_mistakes(const InterferenceModel& model);

/// The model, ready for evaluation.
class ModelDensities {
public:
    /// \throws ConfigError with every mistake in the model
    explicit ModelDensities(const InterferenceModel& model);

    std::size_t dimension() const { return signal_.mean.size(); }

    /// Bhattacharyya coefficient of the two normalised densities, the integral of sqrt(p_S p_B).
    double overlap() const { return overlap_; }

    /// nu_I, the integral of I(x); has the sign of c.
    double interference_yield() const;

    /// nu of one sample: the integral of S, of B or of lambda(.|1).
    double yield(SimulatedSample sample) const;

    /// ln p_S(x), ln p_B(x), ln p_SBI(x), each density normalised to one. \param x [dimension()]
    std::array<double, 3> log_densities(std::span<const double> x) const;

    /// lambda(x|mu) in events per unit of x. \param mu >= 0
    double rate(std::span<const double> x, double mu) const;

    /// Event `event` of a sample: a pure function of (seed, sample, event).
    /// \return [dimension()]
    std::vector<double> draw(SimulatedSample sample, std::uint64_t event, std::uint64_t seed) const;

private:
    struct Gaussian {
        double yield = 0.0;
        std::vector<double> mean;      // [d]
        std::vector<double> cholesky;  // [d, d], lower triangle of the covariance's factor
        double log_norm = 0.0;         // -(d ln 2 pi + ln det C) / 2
        double log_density(std::span<const double> x) const;
    };
    static Gaussian prepare(const GaussianProcess& process);

    Gaussian signal_;
    Gaussian background_;
    double interference_ = 0.0;
    double overlap_ = 0.0;
};

/// Simulated events of one sample, in columns.
struct SimulatedEvents {
    std::vector<float> features;    ///< [n, d]
    std::vector<double> weight;     ///< [n], yield of the sample / events of the sample
    std::vector<std::uint64_t> id;  ///< [n], unique over the samples: (sample + 1) << 48 | event
    std::vector<double> log_densities;  ///< [n, 3], S, B, SBI at the features as stored
};

/// Events `range` of a sample of `total` events. Any cut into ranges gives the same events.
SimulatedEvents simulate(const ModelDensities& model,
                         SimulatedSample sample,
                         Range range,
                         std::uint64_t total,
                         std::uint64_t seed);

}  // namespace ratiofarm
