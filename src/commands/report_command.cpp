#include <fmt/format.h>

#include "pipeline/stages.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

ExitCode run_report(RunContext& context, const Arguments& arguments) {
    Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::report);
    report_stage(context, workspace.planned, workspace.place, workspace.books);
    if (context.world.is_root()) fmt::print("{}\n", workspace.place.directory.report().string());
    return ExitCode::done;
}

}  // namespace

Command report_command() {
    auto options = workspace_options();
    options.push_back(ratios_option());
    return {.name = "report",
            .group = Group::stage,
            .summary = "Writes report.html, one self-contained page, from what is there",
            .examples = {"report campaign.toml"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_report};
}

}  // namespace ratiofarm
