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

/// Goes by the names of the tasks: "S/member 3", "S/members 0..7", "S/fold 1/replica 3". A campaign
/// that trains nothing has no nets.
TrainedNets count_trained_nets(const Campaign& campaign, const JournalState& journal);

}  // namespace ratiofarm
