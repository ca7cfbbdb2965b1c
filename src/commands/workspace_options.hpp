#pragma once

#include <vector>

#include "pipeline/workspace.hpp"

#include "command.hpp"

namespace ratiofarm {

/// Options that every command with a workspace takes.
std::vector<Option> workspace_options();

/// --ratios, for commands that fit; open_workspace() reads it.
Option ratios_option();

/// --unblind, for commands that fit; open_workspace() reads it.
Option unblind_option();

/// The campaign file of the command line, or the copy in --out, or "campaign.toml" here; --out.
Places find_places(const Arguments& arguments);

/// Collective over the context's world. The workspace that the command line asks for.
/// \throws AgreedError as open_workspace(), and for options with wrong values
Workspace open_workspace(RunContext& context, const Arguments& arguments, Needs needs);

}  // namespace ratiofarm
