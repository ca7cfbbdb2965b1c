#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "campaign/made_from.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"
#include "campaign/training_planner.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/own_directory.hpp"
#include "pipeline/plan_campaign.hpp"
#include "pipeline/search/searched_campaign.hpp"
#include "pipeline/task_identities.hpp"
#include "scheduler/cost_model.hpp"
#include "store/run_directory.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"
#include "plan_text.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

double seconds_of(const Plan& plan, const auto& task) {
    return plan.learned.tasks() > 0 ? plan.learned.seconds(task.identity, task.flop)
                                    : plan.start_seconds + task.flop / (plan.gflops * 1e9);
}

/// Tasks are dealt one by one, so no phase is shorter than its share or than its longest task.
template <class Task>
double phase_seconds(const Plan& plan, const std::vector<Task>& tasks, const auto& counts) {
    double total = 0.0;
    double longest = 0.0;
    for (const Task& task : tasks) {
        if (!counts(task)) continue;
        const double seconds = seconds_of(plan, task);
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

/// Nets that `run` refuses to mix with those of the campaign.
void look_for_changes(const RunDirectory& directory, const Campaign& written, Plan& plan) {
    JournalState history = read_journals(directory);
    // Nets of another device are others, too, but that is a word of the command line.
    if (!history.farms.empty() && history.farms.back().device != plan.device) return;
    identify(history, plan.graph);
    plan.changed = count_changed(plan.graph, history, directory);
    if (plan.changed == 0 || !fs::exists(directory.campaign())) return;
    plan.changes =
        first_of(campaign_diff(read_campaign(directory.campaign()), written), "\n              ");
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
    const SourceEvents source = read_source_events(written, written.events_path());
    add_preselection(source.samples);
    if (!plan.selects) return source.samples;
    FoundCampaign found =
        find_plain_campaign(written, directory, selection_inputs(written, source, plan.device));
    plan.selected = found.missing == Unresolved::nothing;
    if (!plan.selected) return source.samples;
    plan.campaign = std::move(found.campaign);
    if (!plan.campaign.has_events()) return {};
    return read_campaign_samples(plan.campaign);
}

/// The workers: how many, of which class, and what they sustain.
void read_pace(const Arguments& arguments, Plan& plan) {
    plan.device = arguments.text("device");
    if (plan.device != "cpu" && plan.device != "cuda") {
        throw ConfigError(fmt::format("--device = '{}': must be cpu or cuda", plan.device));
    }
    constexpr std::uint64_t most_workers = 1'000'000;
    plan.workers = arguments.integer("workers", 1, most_workers);
    if (!arguments.has("gflops")) return;
    plan.gflops = arguments.number("gflops", 1e-3, 1e9);
    plan.start_seconds = 0.0;
}

fs::path run_folder(const Arguments& arguments, const Campaign& campaign) {
    const fs::path given = arguments.text("out");
    return fs::absolute(given.empty() ? fs::path(campaign.name + ".run") : given);
}

Plan make_plan(const Arguments& arguments, Campaign campaign) {
    Plan plan;
    const Campaign written = campaign;
    plan.campaign = std::move(campaign);
    read_pace(arguments, plan);
    const bool trains = !needs_selection(plan.campaign) || trained_region(plan.campaign) != nullptr;
    if (trains) expect_trainable(plan.campaign);
    plan.events_exist = fs::exists(plan.campaign.events_path()) || !plan.campaign.simulate;
    const fs::path out = run_folder(arguments, plan.campaign);
    expect_run_directory(RunDirectory(out));
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
    look_for_changes(RunDirectory(out), written, plan);
    return plan;
}

/// The chains of a campaign with [unfolding].
UnfoldingCost cost_of_unfolding(const Arguments& arguments, const Campaign& campaign) {
    const RunDirectory directory(run_folder(arguments, campaign));
    const auto samples = read_campaign_samples(campaign);
    Plan pace;
    read_pace(arguments, pace);
    if (!arguments.has("gflops")) pace.learned = learned_costs(read_journals(directory));
    expect_trainings(unfolding_outlook(campaign, samples));
    const GraphInputs inputs{campaign, samples, pace.device};
    const UnfoldingPlan unfolding = make_unfolding_plan(inputs);
    const auto all = unfolding_to_do(unfolding, [](const UnfoldTask&) { return false; });
    UnfoldingCost cost{.chains = unfolding.chains.size(),
                       .tasks = unfolding.tasks.size(),
                       .workers = pace.workers,
                       .space = unfolding_space(inputs, unfolding, pace.workers, all)};
    double work = 0.0;
    std::unordered_map<Digest, double> ends;  // of the longest chain of tasks up to each
    for (const UnfoldTask& task : unfolding.tasks) {
        double begin = 0.0;
        for (const Digest& parent : task.after) begin = std::max(begin, ends[parent]);
        const double seconds = seconds_of(pace, task);
        ends[task.digest] = begin + seconds;
        cost.longest_chain = std::max(cost.longest_chain, begin + seconds);
        work += seconds;
        if (task.kept && fs::exists(directory.result(task.digest))) ++cost.kept_done;
    }
    cost.seconds = std::max(cost.longest_chain, work / static_cast<double>(pace.workers));
    return cost;
}

ExitCode run_plan(RunContext&, const Arguments& arguments) {
    const Campaign campaign = read_campaign(campaign_argument(arguments.positional()));
    const auto print = [&](const auto& plan) {
        arguments.has("json") ? print_json(plan) : print_text(plan);
    };
    if (campaign.unfolding) {
        print(cost_of_unfolding(arguments, campaign));
    } else {
        print(make_plan(arguments, campaign));
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
                     "the run directory, otherwise a guess for one CPU core: 40, and half a second "
                     "a task)"},
                    {"out", "DIR", "run directory (default: <campaign name>.run)"},
                    {"json", "", "print the numbers as JSON"}},
        .run = run_plan};
}

}  // namespace ratiofarm
