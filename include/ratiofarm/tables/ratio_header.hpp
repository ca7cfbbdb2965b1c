#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/physics/shape_norm.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/shape_significance.hpp"
#include "ratiofarm/protocol/split.hpp"

namespace ratiofarm {

inline constexpr std::string_view ratios_format = "ratiofarm-ratios";
inline constexpr std::uint64_t ratios_version = 3;  ///< of files with tested shapes; 2 with
                                                    ///< systematics, 1 without

/// One column of log r.
struct RatioProcess {
    std::string name;
    double yield = 0.0;  ///< nu_j, expected events at coefficient 1, > 0
    Digest ensemble;     ///< all zero if the ratio does not come from one
    bool operator==(const RatioProcess&) const = default;
};

/// pi_k p_k in p_ref = sum_k pi_k p_k: the events of a sample with total weight pi_k.
struct ReferenceComponent {
    std::string process;
    std::string sample;
    double fraction = 0.0;  ///< pi_k > 0, sum 1
    bool operator==(const ReferenceComponent&) const = default;
};

/// One column of log g_up and log g_down: g_j(x) at alpha = +1 and -1.
struct RatioShape {
    std::string process;
    std::string parameter;
    bool operator==(const RatioShape&) const = default;
};

/// Factors on the yield of a process, for campaigns that do not say other ones.
struct RatioYield {
    std::string process;
    std::string parameter;
    Anchors factors;
    bool operator==(const RatioYield&) const = default;
};

/// What holds for all event sets of a ratio file.
struct RatioHeader {
    std::vector<RatioProcess> processes;           ///< order of the columns of log_r
    std::vector<ReferenceComponent> reference;     ///< empty in files that have none
    std::vector<RatioShape> shapes;                ///< order of the columns of log_g
    std::vector<ShapeSignificance> significances;  ///< one per shape; empty if they were not tested
    /// Nets of each side of a shape that evaluate an event, in turn of either half of the training
    /// events; what the halves differ by is in the file. 0: it is not.
    std::uint32_t shape_nets = 0;
    std::vector<RatioYield> yields;
    /// Lines of replica_log_r and member_log_r that belong to each process, in their order; empty
    /// if the file has none.
    std::vector<std::uint32_t> replicas;
    std::vector<std::uint32_t> members;
    Split split;  ///< of the events that entered
    Combine aggregation = Combine::mean_log_ratio;
    ShapeNorm shape_norm = ShapeNorm::reference;
    Digest inputs;          ///< of everything the ratios were made from
    std::string made_from;  ///< keys of the campaign that decided them, one a line; empty: unknown
    bool operator==(const RatioHeader&) const = default;

    /// Column of a process.
    /// \throws DataError with the nearest name if there is none
    std::uint64_t column_of(std::string_view process) const;
};

/// Mean and width of a check that should be zero, over the reference events with their weights.
struct MeanAndSpread {
    double mean = 0.0;
    double spread = 0.0;  ///< standard deviation of one event
    bool operator==(const MeanAndSpread&) const = default;
};

/// What came out while the ratios were normalised; stored in the file, for report and log.
struct RatioSummary {
    std::vector<double> log_z;         ///< [process] subtracted from ln r; 0 with ShapeNorm::none
    std::vector<double> excess;        ///< [process] E_ref[r_j] - 1 before normalisation
    std::vector<double> excess_error;  ///< [process] its Monte Carlo error, as independent events
    MeanAndSpread identity_before;     ///< sum_k pi_k r_k - 1 over the components of the reference
    MeanAndSpread identity_after;      ///< the same with normalised ratios
    std::uint64_t reference_events = 0;
    std::uint64_t events = 0;  ///< over all sets
    bool operator==(const RatioSummary&) const = default;
};

}  // namespace ratiofarm
