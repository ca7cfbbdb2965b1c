#pragma once

#include <functional>

#include "campaign/campaign.hpp"

#include "table_reader.hpp"

/// One function per group of tables of a campaign file. Each fills its part of the campaign and
/// adds what is wrong with it; order as listed, since later ones look at names read before.
namespace ratiofarm {

void read_general(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_parameters(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_processes(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_morphing(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_systematics(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_regions(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void check_use_of_parameters(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes);
void read_reference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_data(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_inference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_nets(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_preselection(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void check_selection(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes);
void read_finite_mc(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_search(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_unfolding(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);
void read_simulate(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes);

/// A parameter by its name, from wherever it was declared; null if there is none.
const Parameter* find_parameter(const Campaign& campaign, std::string_view name);
std::vector<std::string> parameter_names(const Campaign& campaign);

/// Coefficients contain parameters, so the names of parameters are identifiers.
bool is_parameter_name(std::string_view name);

/// True if the parameter appears in a coefficient, a systematic or a binned region.
bool depends_on(const Campaign& campaign, std::string_view parameter);

/// The keys that describe a parameter, where [parameters] and [[systematic]] have them. Those of
/// `parameter` are the defaults; a constrained one starts at its global observable.
void read_parameter_keys(const TableReader& table, Parameter& parameter);

/// The keys of [network] and [training], and of other tables that have them. The value of the
/// target is the default.
void read_network_keys(const TableReader& table, Network& network);
void read_training_keys(const TableReader& table,
                        const Network& network,
                        TrainingOptions& training);
/// Tables network and training of a section whose nets are like those of the campaign where it does
/// not say otherwise. \param network with inputs and outputs
void read_own_nets(const TableReader& table,
                   const Campaign& campaign,
                   Network& network,
                   TrainingOptions& training);

/// Calls read(node, path) for each [[name]] of a file, with "process.S" as path, or "process[1]"
/// for one without a usable name.
void for_each_section(const ConfigNode& root,
                      const std::string& name,
                      Mistakes& mistakes,
                      const std::function<void(const ConfigNode&, const std::string&)>& read);

/// The reader of a top-level table [name].
inline TableReader section(const ConfigNode& root, std::string_view name, Mistakes& mistakes) {
    const ConfigMember* member = root.find(name);
    return {member == nullptr ? nullptr : &member->value, name, std::string(name), mistakes};
}

}  // namespace ratiofarm
