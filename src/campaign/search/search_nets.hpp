#pragma once

#include "campaign/file/table_reader.hpp"

#include "search_space.hpp"

namespace ratiofarm {

/// Reads [network] and [training], with the values of a setting instead of those of the file.
/// \param root  a campaign file
/// \param campaign  events.features is read, network and training are written
void read_nets_with(const ConfigNode& root,
                    const SearchSetting& setting,
                    Campaign& campaign,
                    Mistakes& mistakes);

}  // namespace ratiofarm
