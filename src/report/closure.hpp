#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "agreement.hpp"
#include "binning.hpp"
#include "inference_events.hpp"

namespace ratiofarm {

/// One bin; all contents are fractions of their distribution.
struct ClosureBin {
    double target = 0.0;        ///< sample j
    double target_error = 0.0;  ///< only of `target`
    double reweighted = 0.0;    ///< reference times r_j
    double reference = 0.0;     ///< reference as it is
    double error = 0.0;         ///< of reweighted - target, shared events accounted for
};

/// How well the reference, weighted with r_j, reproduces sample j in one feature.
struct Closure {
    Binning binning;
    std::vector<ClosureBin> bins;
    /// Of reweighted - target, relative to the target, with the full covariance, nets included. Its
    /// rank is bins - 1 if both sides add up to one.
    Agreement agreement = {};
};

/// \param samples every sample of the reference, and the target
/// \param target  index of the sample of process j
/// \param binning whose bins hold enough_entries of the target, for chi2 to mean anything
/// \param nets that ln r is the mean of. In a tail all reference events are those of the target:
/// they cancel, and what is left of the difference is the error of the nets, which the events know
/// nothing of. It is spread / sqrt(nets), taken as one number within a bin and as independent
/// between bins; exact ratios have none.
Closure closure(std::span<const SampleEvents> samples,
                std::size_t target,
                const Binning& binning,
                RatioScale scale,
                std::size_t nets = 1);

}  // namespace ratiofarm
