#include "ratiofarm/core/signal_flags.hpp"

#include "stages.hpp"

namespace ratiofarm {
namespace {

ExitCode run(CommandContext& context, const Arguments& arguments) {
    install_signal_flags();
    Workspace workspace = open_workspace(context, arguments, Needs::events);
    return run_stages(context, workspace, {{"train", train_stage}});
}

}  // namespace

Command train_command() {
    return {.name = "train",
            .summary = "Trains every net that is not trained yet; resumes from checkpoints.",
            .positional = {"CAMPAIGN.toml"},
            .options = workspace_options(),
            .ranks = Ranks::all,
            .trainers = Trainers::used,
            .run = run};
}

}  // namespace ratiofarm
