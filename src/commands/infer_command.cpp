#include "ratiofarm/core/signal_flags.hpp"

#include "stages.hpp"

namespace ratiofarm {
namespace {

ExitCode run(CommandContext& context, const Arguments& arguments) {
    install_signal_flags();
    Workspace workspace = open_workspace(context, arguments, Needs::events);
    return run_stages(context, workspace, {{"infer", infer_stage}});
}

}  // namespace

Command infer_command() {
    return {.name = "infer",
            .summary = "Evaluates the ensembles on the inference split and writes ratios.h5.",
            .positional = {"CAMPAIGN.toml"},
            .options = workspace_options(),
            .ranks = Ranks::all,
            .trainers = Trainers::used,
            .run = run};
}

}  // namespace ratiofarm
