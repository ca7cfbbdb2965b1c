#pragma once

#include <cstddef>
#include <span>

namespace ratiofarm {

/// How well two densities agree in bins.
struct Agreement {
    double chi2 = 0.0;    ///< of the differences with their covariance, where it is not zero
    std::size_t ndf = 0;  ///< rank of the covariance
    /// Relative deviation that statistics do not explain: the standard deviation of a factor of its
    /// own in each bin with which chi2 equals ndf (Paule and Mandel). Bins that are known well
    /// count most, so noise elsewhere hides nothing. 0 if chi2 <= ndf.
    double rest = 0.0;
};

enum class Verdict {
    agrees,   ///< chi2 within three standard deviations of ndf
    small,    ///< it is not, but the rest is at most 5 %
    differs,  ///< neither
    nothing,  ///< fewer than two bins are compared, which tests nothing: too few events
};

Verdict verdict_of(const Agreement& agreement);

/// \param difference [n]
/// \param covariance [n][n] of the differences
/// \param unit [n] what the rest is relative to; it leaves out bins where this is 0
Agreement agreement_of(std::span<const double> difference,
                       std::span<const double> covariance,
                       std::span<const double> unit);

}  // namespace ratiofarm
