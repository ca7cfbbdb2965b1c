#include "ratiofarm/core/signal_flags.hpp"

#include "stages.hpp"

namespace ratiofarm {
namespace {

ExitCode run(CommandContext& context, const Arguments& arguments) {
    install_signal_flags();
    Workspace workspace = open_workspace(context, arguments, Needs::events);
    return run_stages(context, workspace, {{"gather", gather_stage}});
}

}  // namespace

Command gather_command() {
    return {.name = "gather",
            .summary = "Collects the trained nets into ensembles/<process>.h5.",
            .positional = {"CAMPAIGN.toml"},
            .options = workspace_options(),
            .ranks = Ranks::all,
            .trainers = Trainers::none,
            .run = run};
}

}  // namespace ratiofarm
