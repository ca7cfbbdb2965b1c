#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "interference_model.hpp"
#include "ratiofarm/physics/interpolation.hpp"

namespace ratiofarm {

/// What a systematic does to one Gaussian of the model at alpha = +1; at -1 the mean moves back.
struct GaussianVariation {
    std::vector<double> shift;  ///< [d] of the mean, or empty
    Anchors yield;
    bool operator==(const GaussianVariation&) const = default;
};

/// A systematic of the model. The combined sample varies as signal and background do.
struct ToyVariation {
    std::string name;
    GaussianVariation signal;
    GaussianVariation background;
    bool operator==(const ToyVariation&) const = default;
};

enum class Side : std::uint8_t { up, down };

/// The model at alpha = +1 or -1.
InterferenceToy varied(const InterferenceToy& toy, const ToyVariation& variation, Side side);

/// Whether a systematic changes the density of a sample, or its yield.
bool changes_shape(const ToyVariation& variation, ToySample sample);
bool changes_yield(const ToyVariation& variation, ToySample sample);

/// Systematics named "<name>_0", "<name>_1" ... that move both means by `size` standard deviations
/// along random directions: ln g of signal and background is linear in x, an exponential tilt
/// that is normalised exactly. A pure function of its arguments.
std::vector<ToyVariation> random_tilts(const InterferenceToy& toy,
                                       const std::string& name,
                                       std::uint64_t count,
                                       double size,
                                       std::uint64_t seed);

/// The model with its systematics, ready for evaluation.
class VariedDensities {
public:
    /// \throws ConfigError as ToyDensities
    VariedDensities(const InterferenceToy& toy, std::vector<ToyVariation> variations);

    const ToyDensities& nominal() const { return nominal_; }
    const std::vector<ToyVariation>& variations() const { return variations_; }
    const ToyDensities& at(std::size_t variation, Side side) const {
        return densities_[2 * variation + static_cast<std::size_t>(side)];
    }

    /// Yields at +1 and -1 relative to the nominal one.
    Anchors yield_factors(std::size_t variation, ToySample sample) const;

private:
    ToyDensities nominal_;
    std::vector<ToyVariation> variations_;
    std::vector<ToyDensities> densities_;  ///< [variations, 2]
};

}  // namespace ratiofarm
