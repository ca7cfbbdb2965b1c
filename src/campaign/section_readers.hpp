#pragma once

#include "ratiofarm/campaign/campaign.hpp"

#include "table_reader.hpp"

/// One function per group of tables of a campaign file. Each fills its part of the campaign and
/// adds what is wrong with it; order as listed, since later ones look at names read before.
namespace ratiofarm {

void read_general(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_parameters(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_processes(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_reference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_data(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_inference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_simulate(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void refuse_reserved(const ConfigNode& root, Mistakes& mistakes);

/// The reader of a top-level table [name].
inline TableReader section(const ConfigNode& root, std::string_view name, Mistakes& mistakes) {
    const ConfigMember* member = root.find(name);
    return {member == nullptr ? nullptr : &member->value, name, std::string(name), mistakes};
}

}  // namespace ratiofarm
