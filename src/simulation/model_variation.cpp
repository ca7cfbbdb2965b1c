#include "model_variation.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

#include "core/philox.hpp"
#include "core/seeds.hpp"

#include "cholesky.hpp"

namespace ratiofarm {
namespace {

void vary(GaussianProcess& process, const GaussianVariation& variation, Side side) {
    RATIOFARM_EXPECT(variation.shift.empty() || variation.shift.size() == process.mean.size());
    const double sign = side == Side::up ? 1.0 : -1.0;
    for (std::size_t k = 0; k < variation.shift.size(); ++k) {
        process.mean[k] += sign * variation.shift[k];
    }
    process.yield *= side == Side::up ? variation.yield.up : variation.yield.down;
}

bool moves(const GaussianVariation& variation) {
    return std::any_of(variation.shift.begin(), variation.shift.end(),
                       [](double shift) { return shift != 0.0; });
}

bool scales(const GaussianVariation& variation) { return variation.yield != Anchors{}; }

/// A move by `size` standard deviations along a direction given in uncorrelated coordinates.
std::vector<double> shift_along(const std::vector<double>& direction,
                                const GaussianProcess& process,
                                double size) {
    const std::size_t d = direction.size();
    std::vector<double> covariance;
    for (const auto& row : process.covariance) {
        covariance.insert(covariance.end(), row.begin(), row.end());
    }
    const auto factor = *cholesky_factor(covariance, d);
    std::vector<double> shift(d, 0.0);
    for (std::size_t row = 0; row < d; ++row) {
        for (std::size_t k = 0; k <= row; ++k) {
            shift[row] += size * factor[row * d + k] * direction[k];
        }
    }
    return shift;
}

}  // namespace

InterferenceModel varied(const InterferenceModel& model,
                         const ModelVariation& variation,
                         Side side) {
    InterferenceModel result = model;
    vary(result.signal, variation.signal, side);
    vary(result.background, variation.background, side);
    return result;
}

bool changes_shape(const ModelVariation& variation, SimulatedSample sample) {
    if (sample == SimulatedSample::signal) return moves(variation.signal);
    if (sample == SimulatedSample::background) return moves(variation.background);
    // A yield changes how much of each there is in the mixture.
    return moves(variation.signal) || moves(variation.background) ||
           variation.signal.yield != variation.background.yield;
}

bool changes_yield(const ModelVariation& variation, SimulatedSample sample) {
    if (sample == SimulatedSample::signal) return scales(variation.signal);
    if (sample == SimulatedSample::background) return scales(variation.background);
    return changes_shape(variation, sample) || scales(variation.signal) ||
           scales(variation.background);
}

std::vector<ModelVariation> random_tilts(const InterferenceModel& model,
                                         const std::string& name,
                                         std::uint64_t count,
                                         double size,
                                         std::uint64_t seed) {
    const std::size_t d = model.signal.mean.size();
    std::vector<ModelVariation> tilts;
    for (std::uint64_t index = 0; index < count; ++index) {
        PhiloxSequence random(seed_for(seed, name, Stream::simulation), index);
        std::vector<double> direction(d);
        double squared = 0.0;
        for (double& component : direction) {
            component = random.normal();
            squared += component * component;
        }
        for (double& component : direction) component /= std::sqrt(squared);
        tilts.push_back({name + "_" + std::to_string(index),
                         {shift_along(direction, model.signal, size), {}},
                         {shift_along(direction, model.background, size), {}}});
    }
    return tilts;
}

VariedDensities::VariedDensities(const InterferenceModel& model,
                                 std::vector<ModelVariation> variations)
    : nominal_(model), variations_(std::move(variations)) {
    for (const ModelVariation& variation : variations_) {
        for (const Side side : {Side::up, Side::down}) {
            densities_.emplace_back(varied(model, variation, side));
        }
    }
}

Anchors VariedDensities::yield_factors(std::size_t variation, SimulatedSample sample) const {
    const double nominal = nominal_.yield(sample);
    return {at(variation, Side::up).yield(sample) / nominal,
            at(variation, Side::down).yield(sample) / nominal};
}

}  // namespace ratiofarm
