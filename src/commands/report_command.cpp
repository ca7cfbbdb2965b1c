#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/screen.hpp"
#include "pipeline/stages.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

ExitCode run_as(ReportAs as, RunContext& context, const Arguments& arguments) {
    Workspace workspace = open_workspace(context, arguments, Needs::look, Product::report);
    const RunDirectory& directory = workspace.place.directory;
    report_stage(context, workspace.planned, workspace.place, workspace.books, as);
    if (context.world.is_root()) {
        show(fmt::format("{}\n",
                         (as == ReportAs::page ? directory.report() : directory.plots()).string()));
    }
    return ExitCode::done;
}

/// \param example a command line without the name of the program
Command command_of(ReportAs as, std::string example, std::string summary) {
    std::vector<Option> options{{"out", "DIR", "run directory (default: <campaign name>.run)"},
                                ratios_option()};
    return {.name = as == ReportAs::page ? "report" : "plots",
            .group = Group::stage,
            .summary = std::move(summary),
            .details =
                "From what there is of a run that has begun, also while a farm works: it takes no "
                "lock.",
            .examples = {std::move(example)},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = [as](RunContext& context, const Arguments& arguments) {
                return run_as(as, context, arguments);
            }};
}

}  // namespace

Command report_command() {
    return command_of(ReportAs::page, "report campaign.toml",
                      "Writes report.html, one self-contained page, from what is there");
}

Command plots_command() {
    return command_of(ReportAs::pictures, "plots campaign.toml",
                      "Writes every plot of the report to plots/, as PDF, SVG and PNG");
}

}  // namespace ratiofarm
