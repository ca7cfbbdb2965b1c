#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

namespace ratiofarm {

/// Events of a set as they will be stored: n events, P processes and C columns of shapes.
struct RatioSetRows {
    std::vector<std::uint64_t> id;   ///< [n]
    std::vector<double> weight;      ///< [n]
    std::vector<float> log_r;        ///< [n, P]
    std::vector<float> log_g_up;     ///< [C, n]
    std::vector<float> log_g_down;   ///< [C, n]
    std::vector<float> half_up{};    ///< [C, n] NetRatios::up_halves, if header.shape_nets > 0
    std::vector<float> half_down{};  ///< [C, n] NetRatios::down_halves, likewise
};

/// A ratio file whose events are known, or can be computed, without nets.
struct RatioSetsInput {
    struct Set {
        std::string name;
        std::uint64_t events = 0;
    };
    /// Gives events [rows.first, rows.last) of a set; called once for each of them, in order.
    using Provider = std::function<RatioSetRows(std::size_t set, Range rows)>;

    RatioHeader header;
    std::vector<Set> sets;
    Provider rows;
    bool half_precision = false;  ///< log g as f16, rounded to 11 bits
};

/// Not collective: for one rank. Writes "<path>.partial", reads it back and publishes it, as
/// write_ratios() does, but takes the ratios as they are.
/// \throws DataError if what was written reads back differently; SystemError (resumable) if the
///         disk is full; what the provider throws
void write_ratio_sets(const std::filesystem::path& path, const RatioSetsInput& input);

}  // namespace ratiofarm
