#pragma once

#include <array>
#include <string>

#include "ratiofarm/tables/ratio_file.hpp"

/// Whether the reference has events where a process has its: r = p / p_ref is only known there.
namespace ratiofarm {

/// Thresholds of r whose share of the process is told.
inline constexpr std::array support_ratios{10.0, 20.0, 100.0, 1000.0};

/// What of the reference a process uses.
struct Support {
    double mean_square = 0.0;  ///< E_ref[r^2] = E_process[r]; from events of both, the larger
    double largest = 0.0;      ///< r of an event of the process
    std::array<double, support_ratios.size()> above{};  ///< share of its weight with larger r
    double reference_events = 0.0;  ///< effective number of reference events that it uses

    double effective_share() const { return 1.0 / mean_square; }  ///< of the reference
};

enum class SupportVerdict : std::uint8_t {
    good,
    thin,  ///< effective share below 5 %, or more than 5 % of the weight with r > 100
    none,  ///< effective share below 0.1 %, or more than 5 % of the weight with r > 1000
};
SupportVerdict verdict_of(const Support& support);

/// Not collective. Reads the events of the reference and those of the process' own sample.
/// \throws DataError if the file has no reference, or no events of the process
Support support_of(const RatioFile& ratios, const std::string& process, const std::string& sample);

/// All numbers in one line.
std::string support_text(const Support& support);

/// Empty where the support is good; otherwise what is wrong, and what to do.
std::string support_warning(const std::string& process, const Support& support);

/// For a process that is new. \throws DataError with support_warning() where there is no support
void expect_support(const std::string& process, const Support& support);

}  // namespace ratiofarm
