#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "campaign/find_sample.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"
#include "campaign/training_planner.hpp"
#include "campaign/unfolding_tasks.hpp"
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

/// Of a campaign with [unfolding]: its chains, what they take, and how much of it is left.
void plan_unfolding(const Campaign& campaign, const Arguments& arguments) {
    const fs::path given = arguments.text("out");
    const RunDirectory directory(
        fs::absolute(given.empty() ? fs::path(campaign.name + ".run") : given));
    const auto samples = read_campaign_samples(campaign, directory.root().string());
    const UnfoldingPlan unfolding =
        make_unfolding_plan({campaign, samples, arguments.text("device")});
    Plan pace;
    pace.workers = arguments.integer("workers", 1, 1'000'000);
    if (arguments.has("gflops")) {
        pace.gflops = arguments.number("gflops", 1e-3, 1e9);
        pace.start_seconds = 0.0;
    } else {
        pace.learned = learned_costs(read_journals(directory));
    }
    double work = 0.0, left = 0.0, longest = 0.0;
    std::uint64_t kept = 0, bytes = 0, done = 0;
    std::unordered_map<Digest, double> ends;  // of the longest chain of tasks up to each
    const std::uint64_t events =
        find_sample(samples, campaign.unfolding->simulation)->columns.events;
    for (const UnfoldTask& task : unfolding.tasks) {
        const double seconds = pace.learned.tasks() > 0
                                   ? pace.learned.seconds(task.identity, task.flop)
                                   : pace.start_seconds + task.flop / (pace.gflops * 1e9);
        double begin = 0.0;
        for (const Digest& parent : task.after) begin = std::max(begin, ends[parent]);
        longest = std::max(longest, ends[task.digest] = begin + seconds);
        work += seconds;
        const bool is_there = fs::exists(directory.result(task.digest));
        if (task.kept && is_there) ++done;
        if (!is_there) left += seconds;  // read and removed ones are counted, too
        kept += task.kept ? 1 : 0;
        bytes += task.kept ? 4 * (events + row_size(task.request.network)) : 0;
    }
    if (done == kept) left = 0.0;
    const double workers = static_cast<double>(pace.workers);
    const double seconds = std::max(longest, work / workers);
    const std::uint64_t least =
        4 * events * 2 * std::min<std::uint64_t>(pace.workers, unfolding.chains.size());
    if (arguments.has("json")) {
        fmt::print(
            "{{\"chains\": {}, \"tasks\": {}, \"kept\": {}, \"kept_done\": {}, \"seconds\": "
            "{:.6g}, "
            "\"seconds_left_at_most\": {:.6g}, \"longest_chain_seconds\": {:.6g}, "
            "\"kept_bytes\": {}, \"passing_bytes\": {}}}\n",
            unfolding.chains.size(), unfolding.tasks.size(), kept, done, seconds,
            std::max(std::min(longest, left), left / workers), longest, bytes, least);
        return;
    }
    fmt::print("chains     {} of {} tasks in all; {} of {} results that stay are there\n",
               unfolding.chains.size(), unfolding.tasks.size(), done, kept);
    fmt::print("time       {:.4g} s on {} workers; no less than the longest chain, {:.4g} s\n",
               seconds, pace.workers, longest);
    fmt::print("space      {:.4g} MB stay, and up to {:.4g} MB meanwhile\n",
               static_cast<double>(bytes) / 1e6, static_cast<double>(least) / 1e6);
}

ExitCode run_plan(RunContext&, const Arguments& arguments) {
    const Campaign campaign = read_campaign(campaign_argument(arguments.positional()));
    if (campaign.unfolding) {
        plan_unfolding(campaign, arguments);
        return ExitCode::done;
    }
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
