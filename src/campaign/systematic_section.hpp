#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/physics/shape_norm.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "preselection_section.hpp"

namespace ratiofarm {

/// A [[systematic]]: what one nuisance parameter does to the processes of unbinned regions.
struct SystematicSection {
    /// What shows the shape g(x) of a process.
    enum class Source : std::uint8_t {
        ratio_file,  ///< the ratio file has it already
        samples,     ///< varied events: samples `up` and `down`
        weights,     ///< the same events with other weights: columns `up` and `down` of the sample
    };
    struct Shape {
        std::string process;
        std::string up;
        std::string down;
        Source source = Source::ratio_file;
        bool operator==(const Shape&) const = default;
    };
    struct Yield {
        std::string process;
        Anchors factors;
        bool operator==(const Yield&) const = default;
    };

    std::string name;
    std::string parameter;                     ///< default: "alpha_<name>"
    std::optional<std::vector<Shape>> shapes;  ///< none: of all processes the ratio file has g of
    std::optional<std::vector<Yield>> yields;  ///< none: those of the ratio file, if it has any
    Interpolation shape_code = Interpolation::code4;
    Interpolation yield_code = Interpolation::code4;
    bool operator==(const SystematicSection&) const = default;
};

/// What happens to shapes that are not significant.
enum class InsignificantShapes : std::uint8_t {
    as_error,   ///< they are left out of the likelihood, with their yields kept; the error of the
                ///< parameter of interest holds what they could do to it
    norm_only,  ///< they are left out, and nothing holds what they could do
    keep,       ///< they are used and reported
};
template <>
inline constexpr auto enum_words<InsignificantShapes> = words("as_error", "norm_only", "keep");

/// [systematics]: the nets of all shapes.
struct SystematicsSection {
    std::uint32_t members = 1;  ///< per process, systematic, side and half
    bool warm_start = false;    ///< they begin as the nominal nets of their process
    double rate_factor = 1.0;   ///< of training.learning_rate
    bool halves = true;         ///< half of the nets learn from one half of the training events,
                                ///< the others from the other one: what they disagree on is noise
    InsignificantShapes null_shapes = InsignificantShapes::as_error;
    double null_level = 3.0;  ///< held-out gain, in standard errors, that makes a shape significant
    bool operator==(const SystematicsSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SystematicsSection>& value) {
    visit("members", value.members, Key{.whole = {1, most_ensemble_nets / 2}});
    visit("warm_start", value.warm_start);
    visit("rate_factor", value.rate_factor,
          Key{.number = {.low = 0.0, .high = 1000.0, .low_allowed = false}});
    visit("halves", value.halves);
    visit("null_shapes", value.null_shapes);
    visit("null_level", value.null_level, Key{.number = {.low = 0.0, .high = 100.0}});
}

/// A [[region]] with type = "unbinned". A campaign with processes and without any has one.
struct UnbinnedRegionSection {
    std::string name = "SR";
    std::string ratios;  ///< ratio file, relative to the campaign; empty: that of the run directory
    std::vector<std::pair<std::string, double>> yields;  ///< default: those of the ratio file
    std::optional<ShapeNorm> shape_norm;                 ///< default: that of [inference]
    std::vector<Cut> where;                              ///< events that are in; empty: all
    bool operator==(const UnbinnedRegionSection&) const = default;
};

}  // namespace ratiofarm
