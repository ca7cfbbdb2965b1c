#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"
#include "campaign/training_planner.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/searched_campaign.hpp"
#include "pipeline/task_identities.hpp"
#include "scheduler/cost_model.hpp"
#include "store/run_directory.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"
#include "plan_text.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Tasks are dealt one by one, so no phase is shorter than its share or than its longest task.
template <class Task>
double phase_seconds(const Plan& plan, const std::vector<Task>& tasks, const auto& counts) {
    double total = 0.0;
    double longest = 0.0;
    for (const Task& task : tasks) {
        if (!counts(task)) continue;
        const double seconds = plan.learned.tasks() > 0
                                   ? plan.learned.seconds(task.identity, task.flop)
                                   : plan.start_seconds + task.flop / (plan.gflops * 1e9);
        total += seconds;
        longest = std::max(longest, seconds);
    }
    return std::max(total / static_cast<double>(plan.workers), longest);
}

/// What the run directory adds: rates of finished tasks, and what is left to do.
void look_at_run(const RunDirectory& directory, bool wants_rates, Plan& plan) {
    if (wants_rates) {
        JournalState history = read_journals(directory);
        identify(history, plan.graph);
        if (plan.preselection) identify(history, *plan.preselection);
        plan.learned = learned_costs(history);
        plan.damaged_lines = history.damaged_lines;
    }
    const auto is_left = [&](const auto& task) {
        return !fs::exists(directory.result(task.digest));
    };
    const auto any = [](const auto&) { return true; };
    plan.seconds = phase_seconds(plan, plan.graph.trainings, any) +
                   phase_seconds(plan, plan.graph.inferences, any);
    plan.seconds_left = phase_seconds(plan, plan.graph.trainings, is_left);
    if (plan.preselection) {
        const TaskGraph& graph = *plan.preselection;
        plan.seconds +=
            phase_seconds(plan, graph.trainings, any) + phase_seconds(plan, graph.inferences, any);
        if (!plan.selected) {
            plan.seconds_left += phase_seconds(plan, graph.trainings, is_left) +
                                 phase_seconds(plan, graph.inferences, is_left);
        }
    }
    if (!fs::exists(directory.ratios())) {
        plan.seconds_left += phase_seconds(plan, plan.graph.inferences, is_left);
    }
    for (const TrainTask& task : plan.graph.trainings) {
        if (!is_left(task)) plan.trained += task.nets.size();
    }
}

/// The samples of the plain campaign; plans the selection on the way.
std::vector<SampleInfo> plan_samples(const fs::path& out, Plan& plan) {
    const Campaign written = plan.campaign;
    plan.selects = needs_selection(written);
    const auto add_preselection = [&](const std::vector<SampleInfo>& samples) {
        if (!plan.selects || !written.preselection) return;
        plan.preselection = make_preselection_graph({written, samples, plan.device});
    };
    if (!plan.events_exist) {
        const auto samples = samples_to_simulate(written);
        add_preselection(samples);
        return samples;
    }
    const RunDirectory directory(out);
    const SourceEvents source = read_source_events(written, out);
    add_preselection(source.samples);
    if (!plan.selects) return source.samples;
    FoundCampaign found =
        find_plain_campaign(written, directory, selection_inputs(written, source, plan.device));
    plan.selected = found.missing == Unresolved::nothing;
    if (!plan.selected) return source.samples;
    plan.campaign = std::move(found.campaign);
    if (!plan.campaign.has_events()) return {};
    return read_campaign_samples(plan.campaign, out);
}

Plan make_plan(const Arguments& arguments) {
    const fs::path file = campaign_argument(arguments.positional());
    Plan plan;
    plan.campaign = read_campaign(file);
    plan.device = arguments.text("device");
    if (plan.device != "cpu" && plan.device != "cuda") {
        throw ConfigError(fmt::format("--device = '{}': must be cpu or cuda", plan.device));
    }
    const bool trains = !needs_selection(plan.campaign) || trained_region(plan.campaign) != nullptr;
    if (trains) expect_trainable(plan.campaign);
    constexpr std::uint64_t most_workers = 1'000'000;
    plan.workers = arguments.integer("workers", 1, most_workers);
    if (arguments.has("gflops")) {
        plan.gflops = arguments.number("gflops", 1e-3, 1e9);
        plan.start_seconds = 0.0;
    }
    plan.events_exist = fs::exists(plan.campaign.events_path()) || !plan.campaign.simulate;
    const fs::path given = arguments.text("out");
    const fs::path out =
        fs::absolute(given.empty() ? fs::path(plan.campaign.name + ".run") : given);
    const auto samples = plan_samples(out, plan);
    if (trains && plan.campaign.search) {
        const GraphInputs inputs{plan.campaign, samples, plan.device};
        plan.search = search_cost(inputs);
        if (auto searched = searched_campaign(inputs, RunDirectory(out))) {
            plan.campaign = std::move(*searched);
        }
    }
    if (trains) {
        plan.graph = make_task_graph(plan.campaign, samples, plan.device);
        if (!plan.selects || plan.selected) {
            expect_trainings(training_outlook(plan.campaign, plan.graph, samples));
        }
        plan.cost = cost_of(plan.campaign, samples, plan.graph, plan.workers);
    }
    look_at_run(RunDirectory(out), !arguments.has("gflops"), plan);
    return plan;
}

ExitCode run_plan(RunContext&, const Arguments& arguments) {
    const Plan plan = make_plan(arguments);
    if (arguments.has("json")) {
        print_json(plan);
    } else {
        print_text(plan);
    }
    return ExitCode::done;
}

}  // namespace

Command plan_command() {
    return {
        .name = "plan",
        .group = Group::begin,
        .summary = "Prints the tasks of a campaign and what they will cost",
        .examples = {"plan campaign.toml", "plan campaign.toml --out campaign.run"},
        .positional = {"CAMPAIGN.toml"},
        .options = {{"workers", "N", "trainers that run at the same time, one per rank", "1"},
                    {"device", "WORD", "cpu or cuda: decides how many nets a task trains", "cpu"},
                    {"gflops", "G",
                     "GFLOP/s that one trainer sustains (default: learned from finished tasks of "
                     "the run directory, otherwise a guess for one CPU core: 20, and half a second "
                     "a task)"},
                    {"out", "DIR", "run directory (default: <campaign name>.run)"},
                    {"json", "", "print the numbers as JSON"}},
        .run = run_plan};
}

}  // namespace ratiofarm
