#pragma once

#include <cstdint>
#include <filesystem>

#include "campaign/search_section.hpp"

#include "table_reader.hpp"

/// What [search] of a campaign and of a study have in common.
namespace ratiofarm {

/// Points to try first: in the file, or the name of a JSON file in the folder. \pre a good space
void read_points(const TableReader& table,
                 const std::filesystem::path& folder,
                 SearchSection& search);

/// Whether first_rung, trials, rungs and sampler go together.
/// \param epochs      of the last rung
/// \param objectives  1 or 2
void check_sampling(const TableReader& table,
                    const SearchSection& search,
                    std::uint32_t epochs,
                    std::size_t objectives);

}  // namespace ratiofarm
