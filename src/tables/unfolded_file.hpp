#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tables/table_file.hpp"

namespace ratiofarm {

inline constexpr std::string_view unfolded_format = "ratiofarm-unfolded";
inline constexpr TableKind unfolded_kind{unfolded_format, 1};

/// A column of weights of unfolded.h5. They contain the weight of the simulation.
struct UnfoldedWeights {
    std::string path;                             ///< "/weights/nominal"
    std::string rule;                             ///< how its nets were combined, in words
    std::function<std::vector<double>()> values;  ///< [events], asked for once
};

/// What unfolded.h5 holds, see docs/formats.md: a row for each published event.
struct UnfoldedTable {
    std::vector<std::string> columns;  ///< of the truth
    std::vector<float> truth;          ///< [events, columns]
    std::vector<std::uint64_t> id;     ///< [events]
    std::vector<double> weight_mc;     ///< [events], scaled to the sum of all events
    std::vector<UnfoldedWeights> weights;
    std::vector<std::pair<std::string, std::string>> texts;  ///< attributes of the root
};

/// Writes the table atomically. For one rank.
/// \throws SystemError if the disk is full, and what `values` throws
void write_unfolded_table(const std::filesystem::path& path, const UnfoldedTable& table);

/// Copies the weights and the truth for others, with the names that public OmniFold results have: a
/// plain dataset for each column, "pt", "weight_mc", "weights_nominal" and so on; the attributes of
/// the root and the rules of combination. The iterations stay behind.
/// \throws DataError if the file is damaged, or a column of the truth has the name of weights
void export_omnifold(const std::filesystem::path& unfolded, const std::filesystem::path& out);

}  // namespace ratiofarm
