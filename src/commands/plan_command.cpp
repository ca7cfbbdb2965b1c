#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/campaign/cost.hpp"
#include "ratiofarm/campaign/preselection_graph.hpp"
#include "ratiofarm/campaign/task_graph.hpp"
#include "ratiofarm/commands/command.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/network_kinds.hpp"
#include "ratiofarm/scheduler/cost_model.hpp"
#include "ratiofarm/store/run_directory.hpp"

#include "campaign_resolution.hpp"
#include "campaign_samples.hpp"
#include "search_resolution.hpp"
#include "search_status.hpp"
#include "units_text.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Cost of a campaign on some workers.
struct Plan {
    Campaign campaign;  ///< plain; as written while its events are not selected
    TaskGraph graph;
    std::optional<TaskGraph> preselection;
    bool selects = false;   ///< the campaign selects events
    bool selected = false;  ///< and has done it: otherwise all events are assumed to be selected
    Cost cost;
    std::string device;  ///< class of the trainers
    std::uint64_t workers = 1;
    double gflops = 20.0;              ///< sustained by one worker, where nothing was learned
    CostModel learned;                 ///< from what the run directory has finished
    double seconds = 0.0;              ///< of training and inference
    std::uint64_t trained = 0;         ///< nets whose results are there
    double seconds_left = 0.0;         ///< of `seconds`
    std::optional<SearchCost> search;  ///< if the campaign has one
    bool events_exist = false;         ///< otherwise sizes are those `simulate` will write
};

/// Tasks are dealt one by one, so no phase is shorter than its share or than its longest task.
template <class Task>
double phase_seconds(const Plan& plan, const std::vector<Task>& tasks, const auto& counts) {
    double total = 0.0;
    double longest = 0.0;
    for (const Task& task : tasks) {
        if (!counts(task)) continue;
        const double seconds = plan.learned.tasks() > 0 ? plan.learned.seconds(task.name, task.flop)
                                                        : task.flop / (plan.gflops * 1e9);
        total += seconds;
        longest = std::max(longest, seconds);
    }
    return std::max(total / static_cast<double>(plan.workers), longest);
}

/// What the run directory adds: rates of finished tasks, and what is left to do.
void look_at_run(const RunDirectory& directory, bool wants_rates, Plan& plan) {
    if (wants_rates) plan.learned = learned_costs(read_journals(directory));
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
    Resolution resolution =
        resolve(written, directory, selection_inputs(written, source, plan.device));
    plan.selected = resolution.missing == Missing::nothing;
    if (!plan.selected) return source.samples;
    plan.campaign = std::move(resolution.campaign);
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
    if (arguments.has("gflops")) plan.gflops = arguments.number("gflops", 1e-3, 1e9);
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
        plan.cost = cost_of(plan.campaign, samples, plan.graph, plan.workers);
    }
    look_at_run(RunDirectory(out), !arguments.has("gflops"), plan);
    return plan;
}

std::string times(std::uint64_t count, std::string_view what) {
    return fmt::format(" x {} {}{}", count, what, count == 1 ? "" : "s");
}

/// What the nets are for: "3 processes x 5 folds x 4 members, 12 shapes x ...".
std::string nets_text(const Campaign& campaign) {
    const std::string folds = campaign.split.folds > 0 ? times(campaign.split.folds, "fold") : "";
    const std::string processes = fmt::format("{} processes{}", campaign.processes.size(), folds);
    std::string text = processes + times(campaign.ensemble.members, "member");
    if (campaign.ensemble.replicas > 0) {
        text += ", " + processes + times(campaign.ensemble.replicas, "replica");
    }
    const std::size_t shapes = trained_shapes(campaign).size();
    if (shapes > 0) {
        text += fmt::format(", {} shape{} up and down{}", shapes, shapes == 1 ? "" : "s", folds) +
                times(campaign.systematic_nets.members, "member");
        if (campaign.systematic_nets.halves) text += " and 2 halves";
    }
    if (campaign.ensemble.until_spread > 0.0) {
        text += fmt::format("; up to {} members until their spread is {:g}",
                            campaign.ensemble.max_members, campaign.ensemble.until_spread);
    }
    return text;
}

std::uint64_t largest_pack(const TaskGraph& graph) {
    std::uint64_t most = 0;
    for (const TrainTask& task : graph.trainings) {
        most = std::max<std::uint64_t>(most, task.nets.size());
    }
    return most;
}

std::string_view engine_name(const Campaign& campaign) {
    return engine_of(campaign.network, campaign.training.engine) == Engine::written ? "written"
                                                                                    : "autograd";
}

/// How the nets are trained: ", packs of 8, engine written, fp32 on cpu".
std::string engine_text(const Plan& plan) {
    const std::uint64_t pack = largest_pack(plan.graph);
    return fmt::format(
        " of {}, engine {}, {} on {}", pack == 1 ? "one net" : fmt::format("up to {} nets", pack),
        engine_name(plan.campaign), word_of(plan.campaign.training.precision), plan.device);
}

std::string rates_text(const Plan& plan) {
    if (plan.learned.tasks() == 0) {
        return fmt::format("of {:g} GFLOP/s (--workers, --gflops)", plan.gflops);
    }
    return fmt::format("at rates learned from {} finished tasks (--workers, --gflops)",
                       grouped(plan.learned.tasks()));
}

/// What comes before the nets of the ratios.
void print_selection(const Plan& plan) {
    if (!plan.selects) return;
    if (plan.preselection) {
        double flop = 0.0;
        for (const TrainTask& task : plan.preselection->trainings) flop += task.flop;
        for (const InferTask& task : plan.preselection->inferences) flop += task.flop;
        fmt::print("preselect   {} trainings, {} evaluations, {}\n",
                   grouped(plan.preselection->trainings.size()),
                   grouped(plan.preselection->inferences.size()), with_prefix(flop, "FLOP"));
    }
    fmt::print("selection   {}\n", plan.selected
                                       ? "done; the rest is for the selected events"
                                       : "not done yet: the rest as if all events were selected");
}

void print_text(const Plan& plan) {
    const Cost& cost = plan.cost;
    const auto bytes = [](std::uint64_t n) { return with_prefix(static_cast<double>(n), "B"); };
    fmt::print(
        "campaign    {}{}\n", plan.campaign.name,
        plan.events_exist ? "" : "   (no events file yet: sizes as `simulate` will write it)");
    print_selection(plan);
    fmt::print("nets        {} of {} parameters: {}\n", grouped(cost.nets),
               grouped(cost.parameters_per_net), nets_text(plan.campaign));
    fmt::print("trainings   {} tasks{}\n", grouped(cost.trainings), engine_text(plan));
    fmt::print("inferences  {} tasks\n", grouped(cost.inferences));
    fmt::print("work        {} to train (at all epochs), {} to infer\n",
               with_prefix(cost.training_flop, "FLOP"), with_prefix(cost.inference_flop, "FLOP"));
    if (plan.search) {
        fmt::print(
            "{}", search_cost_text(*plan.search, {plan.gflops, static_cast<double>(plan.workers)}));
    }
    fmt::print("time        {} on {} worker{} {}\n", duration_text(plan.seconds), plan.workers,
               plan.workers == 1 ? "" : "s", rates_text(plan));
    for (const CostModel::Kind& kind : plan.learned.kinds()) {
        if (is_toys(kind.name)) continue;
        fmt::print("learned     {}: {:.3g} s per GFLOP from {} tasks\n", kind.name,
                   1e9 * kind.seconds / kind.flop, kind.tasks);
    }
    if (plan.trained > 0) {
        fmt::print("left        {} nets, {}\n", grouped(cost.nets - plan.trained),
                   duration_text(plan.seconds_left));
    }
    fmt::print("disk        {} when finished, {} at the peak, {} files and folders\n",
               bytes(cost.disk_bytes), bytes(cost.peak_disk_bytes), grouped(cost.inodes));
    fmt::print("memory      {} per trainer, {} for the fit over all ranks\n",
               bytes(cost.trainer_memory_bytes), bytes(cost.fit_memory_bytes));
}

void print_json(const Plan& plan) {
    const Cost& cost = plan.cost;
    nlohmann::ordered_json json{{"schema", 1},
                                {"campaign", plan.campaign.name},
                                {"events_exist", plan.events_exist},
                                {"nets", cost.nets},
                                {"trainings", cost.trainings},
                                {"pack", largest_pack(plan.graph)},
                                {"engine", engine_name(plan.campaign)},
                                {"precision", word_of(plan.campaign.training.precision)},
                                {"device", plan.device},
                                {"inferences", cost.inferences},
                                {"parameters_per_net", cost.parameters_per_net},
                                {"training_flop", cost.training_flop},
                                {"inference_flop", cost.inference_flop},
                                {"workers", plan.workers},
                                {"gflops", plan.gflops},
                                {"learned_from_tasks", plan.learned.tasks()},
                                {"seconds", plan.seconds},
                                {"trained", plan.trained},
                                {"seconds_left", plan.seconds_left},
                                {"disk_bytes", cost.disk_bytes},
                                {"peak_disk_bytes", cost.peak_disk_bytes},
                                {"inodes", cost.inodes},
                                {"trainer_memory_bytes", cost.trainer_memory_bytes},
                                {"fit_memory_bytes", cost.fit_memory_bytes}};
    if (plan.selects) {
        const auto count = [&](auto member) {
            return plan.preselection ? ((*plan.preselection).*member).size() : 0;
        };
        json["selection"] = {{"done", plan.selected},
                             {"trainings", count(&TaskGraph::trainings)},
                             {"inferences", count(&TaskGraph::inferences)}};
    }
    if (plan.search) json["search"] = search_cost_json(*plan.search);
    fmt::print("{}\n", json.dump(2));
}

ExitCode run(CommandContext&, const Arguments& arguments) {
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
        .summary = "Prints the tasks of a campaign and what they will cost.",
        .positional = {"CAMPAIGN.toml"},
        .options = {{"workers", "N", "trainers that run at the same time, one per rank", "1"},
                    {"device", "WORD", "cpu or cuda: decides how many nets a task trains", "cpu"},
                    {"gflops", "G",
                     "GFLOP/s one trainer sustains (default: what finished tasks of the run "
                     "directory say, otherwise 20, one CPU core)"},
                    {"out", "DIR", "run directory (default: <campaign name>.run)"},
                    {"json", "", "print the numbers as JSON"}},
        .run = run};
}

}  // namespace ratiofarm
