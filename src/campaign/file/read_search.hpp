#pragma once

#include <cstdint>
#include <filesystem>

#include "campaign/search_section.hpp"

#include "table_reader.hpp"

/// What [search] of a campaign and of a study have in common.
namespace ratiofarm {

/// What may be searched.
enum class SearchedKeys : std::uint8_t {
    of_nets,  ///< keys of [network] and [training]
    any,      ///< names that only the trainers know
};

/// [search.parameters]. \return whether it is good
bool read_space(const TableReader& table, SearchedKeys keys, SearchSection& search);

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
