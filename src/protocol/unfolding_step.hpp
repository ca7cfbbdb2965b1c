#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"

/// The arithmetic of an unfolding (OmniFold) around its nets: what the classes of a step weigh and
/// what becomes of what a net says. Arrays are [n], simulated events in the order of the file.
/// An iteration is
///
///     weigh_reco      classes of step 1: the data against the reconstructed simulation
///     normalise       of ln omega, for all simulated events that pass at the reconstruction
///     pull            the weight of each event, seen from the reconstruction
///     weigh_truth     classes of step 2: the pulled simulation against the generator
///     normalise       of ln nu, for all simulated events that pass at the truth
///
/// Always against the generator, never against the nu before: errors of nets do not add up.
namespace ratiofarm {

/// What a miss, a simulated event with truth but without reconstruction, gets in step 1.
enum class Misses : std::uint8_t {
    extrapolate,  ///< step 2 learns from matched events only and says what a miss weighs: exact EM
    keep,         ///< its weight of the iteration before; slower, to the same end
};
template <>
inline constexpr auto enum_words<Misses> = words("extrapolate", "keep");

/// How simulated events weigh that are reconstructed without being in the truth region.
enum class Fakes : std::uint8_t {
    none,    ///< there are none; an error if there are
    follow,  ///< with the signal at the same reconstructed values: the data are weighted by the
             ///< share of matched events, a(x), and fakes are left out
    fixed,   ///< always with their own weight: a background that does not know of the signal
};
template <>
inline constexpr auto enum_words<Fakes> = words("none", "follow", "fixed");

/// The simulated events.
struct LeveledEvents {
    std::span<const double> weight;  ///< of the generator, times the counts of a replica
    std::span<const std::uint8_t> pass_reco;
    std::span<const std::uint8_t> pass_truth;

    bool is_matched(std::size_t i) const { return pass_reco[i] == 1 && pass_truth[i] == 1; }
};

/// What the two classes of a net weigh in all. A net that gives both the same weight learns the
/// ratio of normalised densities; times prior() it is that of rates.
struct ClassSums {
    double numerator = 0.0;
    double denominator = 0.0;

    /// \throws NumericalError with both if one is not > 0: no net can learn from such classes
    double prior() const;
};

/// Denominator of step 1, 0 for events that are not in it. Its numerator are the data.
std::vector<double> weigh_reco(const LeveledEvents& events,
                               std::span<const double> nu,
                               Fakes fakes);

struct ClassWeights {
    std::vector<double> numerator;
    std::vector<double> denominator;
};

/// Matched events against all of the reconstruction: the classes of the net that learns a(x), the
/// share of matched events by which `follow` weighs the data, once before iteration 1.
ClassWeights weigh_acceptance(const LeveledEvents& events);

/// nu omega of matched events; misses as `misses` says: 0, out of step 2, or nu. 0 for others.
/// \param omega of events that pass at the reconstruction
std::vector<double> pull(const LeveledEvents& events,
                         std::span<const double> nu,
                         std::span<const double> omega,
                         Misses misses);

/// Classes of step 2. \param pulled by pull(). Both hold the events that have a pulled weight.
ClassWeights weigh_truth(const LeveledEvents& events,
                         std::span<const double> pulled,
                         Misses misses);

double sum_of(std::span<const double> weights);

/// What was done to the logits of a net to make ratios of them.
struct Normalisation {
    std::uint64_t events = 0;       ///< that pass the level
    std::uint64_t clipped = 0;      ///< of these beyond the limit
    double clipped_share = 0.0;     ///< of the weight of the denominator
    double closure = 1.0;           ///< mean of exp(logit) over the denominator; was divided out
    double effective = 0.0;         ///< (sum w r)^2 / sum (w r)^2 of the denominator
    double effective_before = 0.0;  ///< (sum w)^2 / sum w^2 of it
};

inline constexpr double largest_logit = 10.0;

struct Ratios {
    std::vector<double> values;
    Normalisation made;
};

/// Ratios of rates of logits: clipped to +-limit and counted, divided by their mean over
/// the denominator so that the learned density is normalised, times `prior`.
/// \param logits       ln of the ratio of normalised densities
/// \param passes       events of the level; the ratio of others is 1 and their logit is not read
/// \param denominator  weights that the net was trained against
/// \throws NumericalError naming the first event whose logit is NaN, or a mean that is not > 0
Ratios normalise(std::span<const float> logits,
                 std::span<const std::uint8_t> passes,
                 std::span<const double> denominator,
                 double prior,
                 double limit = largest_logit);

}  // namespace ratiofarm
