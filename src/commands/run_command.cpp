#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "pipeline/blinding.hpp"
#include "pipeline/stages.hpp"
#include "report/fit_text.hpp"
#include "results/fit_json.hpp"
#include "results/unfold_json.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

void print_results(const RunDirectory& directory, bool unfolds) {
    const auto record = unfolds ? directory.unfold_json() : directory.fit_json();
    try {
        const std::string text = read_sealed(record);
        show(fmt::format("\n{}\n", unfolds ? unfold_text(parse_unfold_json(text))
                                           : fit_text(parse_fit_json(text))));
    } catch (const DataError& changed) {
        throw SystemError(std::string(changed.what()) +
                          ": run the same command again, which makes it again");
    }
    show(fmt::format("results   {}\n", record.string()));
    for (const auto& path : {unfolds ? directory.unfolded() : directory.ratios(),
                             directory.report()}) {  // counts have no ratios
        if (std::filesystem::exists(path)) show(fmt::format("          {}\n", path.string()));
    }
}

ExitCode run_run(RunContext& context, const Arguments& arguments) {
    Workspace workspace = open_workspace(context, arguments, Needs::selection, Product::nets);
    std::vector<Stage> stages{Stage::train, Stage::gather, Stage::infer, Stage::fit, Stage::report};
    const bool unfolds = workspace.planned.written.unfolding.has_value();
    if (unfolds) stages = {Stage::unfold, Stage::report};  // it has no likelihood
    const ExitCode code =
        run_stages(context, workspace, with_selection(workspace.planned.written, stages));
    mpi::together(context.world, [&] {
        if (code != ExitCode::done || !context.world.is_root()) return;
        if (!workspace.books.left_to_others) print_results(workspace.place.directory, unfolds);
    });
    return code;
}

}  // namespace

Command run_command() {
    std::vector<Option> options = workspace_options();
    options.push_back(unblind_option());
    for (Option& option : farm_options()) options.push_back(std::move(option));
    for (Option& option : join_options()) options.push_back(std::move(option));
    return {
        .name = "run",
        .group = Group::whole,
        .summary = "Does everything that is not done yet, from events to a report",
        .details =
            "The stages are select, search, train, gather, infer, fit, report; of a campaign "
            "with [unfolding] unfold, report. What is done stays; what stopped goes on from its "
            "checkpoints.",
        .examples = {"run campaign.toml", "run campaign.toml --unblind \"approved on 3 May\""},
        .positional = {"CAMPAIGN.toml"},
        .options = std::move(options),
        .ranks = Ranks::all,
        .trainers = Trainers::used,
        .run = run_run};
}

}  // namespace ratiofarm
