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

/// The density of one parameter that values in [0, 1] suggest: a mean of normal densities, each cut
/// to [0, 1], one around each value and a wide one around the middle (Bergstra et al., NIPS 2011).
/// The width of a kernel is the larger distance to its neighbours, at least 1 / min(100, kernels +
/// 1).
class ParzenDensity {
public:
    /// \param weights  of the values; the wide kernel has 1
    ParzenDensity(std::span<const double> values, std::span<const double> weights);

    double log_density(double x) const;
    double draw(PhiloxSequence& random) const;  ///< in [0, 1)

private:
    struct Kernel {
        double mean;
        double sigma;
        double weight;  ///< they sum to 1
        double inside;  ///< part of the normal density that lies in [0, 1]
    };
    std::vector<Kernel> kernels_;  ///< in the order of their means
};

/// A trial that has begun, as a sampler knows it.
struct ToldTrial {
    SearchSetting setting;
    std::uint32_t rungs = 0;  ///< that have ended; 0: in flight
    double objective = 0.0;   ///< at the last of them; infinite for a failure
};

/// Settings that a sampler draws without looking at results.
inline constexpr std::uint32_t tpe_start = 10;

/// What a tree-structured Parzen estimator proposes: for each parameter by itself, of 24 draws from
/// the density of the best tenth of the trials (at most 25) the one where that density is largest
/// against the density of all others. Trials that got farther are better, then those with the
/// smaller objective; failures and trials in flight are among the others. Of the others all but the
/// last 25 count less the older they are.
/// \param told  in the order of trials; at least one has a rung
SearchSetting tpe_setting(const SearchSection& search,
                          std::uint64_t seed,
                          std::span<const ToldTrial> told);

}  // namespace ratiofarm
