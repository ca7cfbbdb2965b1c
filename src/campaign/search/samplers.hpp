#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/philox.hpp"

#include "search_space.hpp"

/// Settings of further trials: pure functions of the seed and of what is known of the trials
/// before.
namespace ratiofarm {

/// Point `number` of the Sobol sequence (from 0, which is the origin) in 32 bits per dimension,
/// with the direction numbers of Joe and Kuo (SIAM J. Sci. Comput. 30, 2635). \pre dimensions <=
/// 3667
std::vector<std::uint32_t> sobol_point(std::size_t dimensions, std::uint32_t number);

/// Point `number` beyond the origin, each dimension shifted by the exclusive or with a random word
/// of its key.
SearchSetting sobol_setting(const SearchSection& search, std::uint64_t seed, std::uint32_t number);

/// Where the values of a setting lie in [0, 1), by parameter; nothing for one that is not used.
using UnitPoint = std::vector<std::optional<double>>;
UnitPoint unit_point(const SearchSection& search, const SearchSetting& setting);

/// The density in the unit cube that points suggest: a mean of kernels, one around each point and a
/// wide one around the middle (Bergstra et al., NIPS 2011). A kernel is a product over the
/// parameters: of a number a normal density cut to [0, 1], whose width is the larger distance to
/// its neighbours, at least 1 / min(100, kernels + 1); of a choice mostly its own; of a parameter
/// that its point does not use, even.
class ParzenDensity {
public:
    /// \param weights  of the points; the wide kernel has 1
    ParzenDensity(const SearchSection& search,
                  std::span<const UnitPoint> points,
                  std::span<const double> weights);

    double log_density(const UnitPoint& x) const;            ///< of the parameters that x uses
    std::vector<double> draw(PhiloxSequence& random) const;  ///< [parameters] in [0, 1)

private:
    struct Factor {
        double mean = 0.0;
        double sigma = 1.0;
        double inside = 1.0;  ///< part of the normal density that lies in [0, 1]
    };
    struct Kernel {
        double weight = 0.0;                         ///< they sum to 1
        std::vector<std::optional<Factor>> factors;  ///< [parameters]; nothing: even
    };
    void set_widths(std::size_t parameter);

    std::vector<std::size_t> choices_;  ///< by parameter; 0: a number
    std::vector<Kernel> kernels_;       ///< the wide one first
};

/// A trial that has begun, as a sampler knows it.
struct ToldTrial {
    SearchSetting setting;
    std::uint32_t rungs = 0;  ///< that have ended; 0: in flight
    double objective = 0.0;   ///< at the last of them; infinite for a failure
    double second = 0.0;      ///< likewise
};

/// Trials beyond those with given points.
std::span<const ToldTrial> own_trials(const SearchSection& search, std::span<const ToldTrial> told);

/// Trials of a generation; 0 if the sampler has none.
std::size_t generation_size(const SearchSection& search);

/// Whether the next trial may begin only when another has ended: it belongs to a generation of
/// which the one before is not over. \param rungs_ended  of each trial before
bool waits_for_generation(const SearchSection& search, std::span<const std::uint32_t> rungs_ended);

/// Settings that a sampler draws without looking at results.
inline constexpr std::uint32_t tpe_start = 10;

/// What a tree-structured Parzen estimator proposes: of 24 draws from the density of the best tenth
/// of the trials (at most 25) the one where that density is largest against the density of all
/// others. Trials that got farther are better, then those with the smaller objective; failures and
/// trials in flight are the last. Of the others all but the last 25 count less the better they are.
/// \param told  in the order of trials; at least one has a rung
SearchSetting tpe_setting(const SearchSection& search,
                          std::uint64_t seed,
                          std::span<const ToldTrial> told);

/// The setting of the next trial: a given point, then what the sampler proposes.
/// \pre the sampler is no external one, and does not wait for a generation
SearchSetting next_setting(const SearchSection& search,
                           std::uint64_t seed,
                           std::span<const ToldTrial> told);

}  // namespace ratiofarm
