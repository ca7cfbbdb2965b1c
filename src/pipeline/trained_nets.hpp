#pragma once

#include <cstdint>

#include "campaign/campaign.hpp"
#include "store/journal.hpp"

namespace ratiofarm {

/// How many nets of a campaign the journal knows; reads neither events nor results.
struct TrainedNets {
    std::uint64_t planned = 0;  ///< nets of the campaign
    std::uint64_t trained = 0;  ///< of them
    double seconds = 0.0;       ///< that all trainings took, replacements among them
};

/// Goes by the identities of the tasks; lines of older versions, which have none, do not count
/// until identify() was told of their tasks. A campaign that trains nothing has no nets.
TrainedNets count_trained_nets(const Campaign& campaign, const JournalState& journal);

}  // namespace ratiofarm
