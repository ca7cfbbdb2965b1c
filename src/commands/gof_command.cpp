#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "measurement/gof_plan.hpp"
#include "pipeline/farm_stage.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/report_age.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

GofRequest wanted(const Arguments& arguments) {
    GofRequest request;
    request.toys = arguments.integer("toys", 1, 100'000'000);
    request.block = arguments.integer("block", 1, 1'000'000);
    request.bins = arguments.integer("bins", 2, 1000);
    const std::string norm = arguments.text("shape-norm");
    request.shape_norm = enumerator_of<ShapeNorm>(norm).value_or(ShapeNorm::none);
    if (request.shape_norm == ShapeNorm::none) {
        throw ConfigError("--shape-norm = '" + norm +
                          "': must be reference_quadratic or reference");
    }
    return request;
}

/// Rank 0: all toys, read from the results of the tasks.
std::vector<ToyOutcome> finished_toys(const std::vector<Task>& tasks,
                                      const RunDirectory& directory) {
    std::vector<ToyOutcome> outcomes;
    for (const Task& task : tasks) {
        auto block = take_result<ToyBlock>(directory.result(task.digest), task.digest);
        for (ToyOutcome& outcome : block.outcomes) outcomes.push_back(std::move(outcome));
    }
    return outcomes;
}

/// Without its events a campaign has fewer tests. That is no surprise where they are elsewhere.
/// \throws DataError if they are here and cannot be read
void expect_whole_events(const PlannedCampaign& planned) {
    const Campaign& campaign = planned.campaign;
    if (!campaign.has_events() || !planned.samples.empty()) return;
    if (!std::filesystem::exists(campaign.events_path())) return;
    throw DataError(fmt::format(
        "the features are tested with the events of '{}', which cannot be read, as the warning "
        "above says; make the file again, or move it away to go on without these tests",
        campaign.events_path().string()));
}

ExitCode run_gof(RunContext& context, const Arguments& arguments) {
    const mpi::Communicator& world = context.world;
    GofRequest request;
    mpi::together(world, [&] { request = wanted(arguments); });
    Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::gof);
    mpi::together(world, [&] {
        if (world.is_root()) expect_whole_events(workspace.planned);
    });
    const GofPlan plan(world, fit_source(workspace), request);
    const std::vector<Task> tasks = plan.tasks();
    for (const std::string& warning : plan.warnings()) context.log.warning(warning);
    tell_doubts_of_fit(context, workspace.place.directory, plan.made_from());
    const StageEnd end =
        farm_stage(context, workspace.place, workspace.books, tasks, TaskFileKind::toy_block, [&] {
            return std::make_unique<ToyRunner>(
                [&](const ToyTask& task) { return plan.run_toy(task); }, workspace.place.directory,
                workspace.place.threads());
        });
    ExitCode code = ExitCode::done;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        if (!ended_well(end)) {
            code = report_end(end);
            return;
        }
        const GofRecord record = plan.record(finished_toys(tasks, workspace.place.directory));
        const std::string json = gof_json(record);
        publish_sealed(workspace.place.directory.gof_json(), json);
        fmt::print("{}", arguments.has("json") ? json : on_screen(gof_text(record)));
        tell_old_report(workspace.place.directory, context.log);
    });
    return code;
}

}  // namespace

Command gof_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    options.push_back({"toys", "N", "toys, thrown at the best fit and fitted again", "1000"});
    options.push_back({"bins", "N",
                       "largest number of bins for an observable of an unbinned region; each "
                       "expects 5 events or more",
                       "20"});
    options.push_back({"shape-norm", "WORD",
                       "normalisation in the fits: reference_quadratic, or reference, which sums "
                       "over all reference events in every toy",
                       "reference_quadratic"});
    options.push_back({"block", "N", "toys per task", "100"});
    options.push_back(time_budget_option());
    for (Option& option : join_options()) options.push_back(std::move(option));
    options.push_back({"json", "", "print gof.json instead of a table"});
    return {.name = "gof",
            .group = Group::result,
            .summary = "Goodness of fit in bins, with p-values from toys",
            .details = "Compares the data with the best fit; writes gof.json.",
            .examples = {"gof campaign.toml"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_gof};
}

}  // namespace ratiofarm
