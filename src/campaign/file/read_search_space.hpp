#pragma once

#include <cstdint>

#include "campaign/search_section.hpp"

#include "table_reader.hpp"

namespace ratiofarm {

/// What may be searched.
enum class SearchedKeys : std::uint8_t {
    of_nets,  ///< keys of [network] and [training]
    any,      ///< names that only the trainers know
};

/// [search.parameters] of a campaign or of a study. \return whether it is good
bool read_space(const TableReader& table, SearchedKeys keys, SearchSection& search);

}  // namespace ratiofarm
