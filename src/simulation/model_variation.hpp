#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/physics/interpolation.hpp"

#include "interference_model.hpp"

namespace ratiofarm {

/// What a systematic does to one Gaussian of the model at alpha = +1; at -1 the mean moves back.
struct GaussianVariation {
    std::vector<double> shift;  ///< [d] of the mean, or empty
    Anchors yield;
    bool operator==(const GaussianVariation&) const = default;
};

/// A systematic of the model. The combined sample varies as signal and background do.
struct ModelVariation {
    std::string name;
    GaussianVariation signal;
    GaussianVariation background;
    bool operator==(const ModelVariation&) const = default;
};

enum class Side : std::uint8_t { up, down };

/// The model at alpha = +1 or -1.
InterferenceModel varied(const InterferenceModel& model,
                         const ModelVariation& variation,
                         Side side);

/// Whether a systematic changes the density of a sample, or its yield.
bool changes_shape(const ModelVariation& variation, SimulatedSample sample);
bool changes_yield(const ModelVariation& variation, SimulatedSample sample);

/// Systematics named "<name>_0", "<name>_1" ... that move both means by `size` standard deviations
/// along random directions: ln g of signal and background is linear in x, an exponential tilt
/// that is normalised exactly. A pure function of its arguments.
std::vector<ModelVariation> random_tilts(const InterferenceModel& model,
                                         const std::string& name,
                                         std::uint64_t count,
                                         double size,
                                         std::uint64_t seed);

/// The model with its systematics, ready for evaluation.
class VariedDensities {
public:
    /// \throws ConfigError as ModelDensities
    VariedDensities(const InterferenceModel& model, std::vector<ModelVariation> variations);

    const ModelDensities& nominal() const { return nominal_; }
    const std::vector<ModelVariation>& variations() const { return variations_; }
    const ModelDensities& at(std::size_t variation, Side side) const {
        return densities_[2 * variation + static_cast<std::size_t>(side)];
    }

    /// Yields at +1 and -1 relative to the nominal one.
    Anchors yield_factors(std::size_t variation, SimulatedSample sample) const;

private:
    ModelDensities nominal_;
    std::vector<ModelVariation> variations_;
    std::vector<ModelDensities> densities_;  ///< [variations, 2]
};

}  // namespace ratiofarm
