#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/fit_request.hpp"
#include "pipeline/run_context.hpp"
#include "pipeline/workspace.hpp"

#include "command.hpp"

namespace ratiofarm {

/// Options that every command with a workspace takes.
std::vector<Option> workspace_options();

/// --ratios: a ratio file in place of that of the run directory.
Option ratios_option();

/// --ratios and --patch, for commands that fit; open_workspace() reads them.
void add_ratios_options(std::vector<Option>& options);

/// --unblind, for commands that fit; open_workspace() reads it.
Option unblind_option();

/// The campaign file of the command line, or the copy in --out, or "campaign.toml" here, also if
/// --out is no run directory yet; --out.
Places find_places(const Arguments& arguments);

/// Collective over the context's world. The workspace that the command line asks for.
/// \param makes  what --fresh removes first
/// \throws AgreedError as open_workspace(), and for options with wrong values
Workspace open_workspace(RunContext& context,
                         const Arguments& arguments,
                         Needs needs,
                         Product makes);

/// --time-budget, for commands with tasks of their own; farm_settings() reads it.
Option time_budget_option();

/// Options of commands that train or evaluate nets.
std::vector<Option> farm_options();

/// --join and --lease, for commands that train; farm_settings() reads them.
std::vector<Option> join_options();

/// The settings given by those options and the batch system.
/// \throws ConfigError naming an option and its value
FarmSettings farm_settings(const RunContext& context, const Arguments& arguments);

/// Options --starts and --minos, and how the likelihood is evaluated.
std::vector<Option> fit_request_options();

/// \throws ConfigError for a number out of range
FitRequest fit_request(const Arguments& arguments);

/// Whether a fit has its sums over events from a trainer.
bool sums_on_device(const Arguments& arguments);

/// "mu, alpha" or "mu,alpha": the names in it. \throws ConfigError for an empty one
std::vector<std::string> names_in_list(const Arguments& arguments, std::string_view option);

}  // namespace ratiofarm
