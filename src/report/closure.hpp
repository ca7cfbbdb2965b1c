#pragma once

#include <cstddef>
#include <span>
#include <vector>

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
    double chi2 = 0.0;    ///< of reweighted - target with its full covariance, nets included
    std::size_t ndf = 0;  ///< rank of that covariance: bins - 1 if both sides add up to one
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

/// True if statistics and nets explain the differences, or what they leave is below 5 %.
bool closes(const Closure& closure);

/// Root mean square over the bins of reweighted/target - 1 after its statistical part is
/// subtracted in quadrature; 0 if the statistics explain it all.
double closure_rms(const Closure& closure);

}  // namespace ratiofarm
