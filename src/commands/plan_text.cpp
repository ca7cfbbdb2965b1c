#include "plan_text.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/enum_words.hpp"

#include "core/screen.hpp"
#include "core/units.hpp"
#include "protocol/network_kinds.hpp"

namespace ratiofarm {
namespace {

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
                times(campaign.systematic_nets.members, "member") +
                (campaign.systematic_nets.halves ? " x 2 halves" : "");
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
    const Engine engine =
        engine_of(campaign.network, campaign.training.engine, campaign.training.dropout);
    return engine == Engine::written ? "written" : "autograd";
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
        return fmt::format("of {:g} GFLOP/s{} (--workers, --gflops)", plan.gflops,
                           plan.start_seconds > 0.0
                               ? ", a guess until tasks have finished: small nets reach less"
                               : "");
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
        show(fmt::format("preselect   {} trainings, {} evaluations, {}\n",
                         grouped(plan.preselection->trainings.size()),
                         grouped(plan.preselection->inferences.size()), with_prefix(flop, "FLOP")));
    }
    show(fmt::format("selection   {}\n",
                     plan.selected
                         ? "done; the rest is for the selected events"
                         : "not done yet: the rest is planned as if all events were selected"));
}

void print_learned(const Plan& plan) {
    constexpr std::size_t most_families = 6;
    auto families = plan.learned.families();
    std::ranges::stable_partition(families, [](const CostModel::Family& family) {
        return family.kind == TaskKind::training;
    });
    for (std::size_t i = 0; i < std::min(most_families, families.size()); ++i) {
        const CostModel::Family& family = families[i];
        if (is_toys(family.kind)) continue;
        show(fmt::format("learned     {}: {:.3g} s per GFLOP from {} task{}\n",
                         family_text(family.kind, family.name), 1e9 * family.seconds / family.flop,
                         family.tasks, family.tasks == 1 ? "" : "s"));
    }
    if (families.size() > most_families) {
        show(fmt::format("            and of {} other kinds ('ratiofarm status --cost')\n",
                         families.size() - most_families));
    }
}

/// What the run directory has of it.
void print_history(const Plan& plan) {
    if (plan.damaged_lines > 0) {
        show(fmt::format("journal     {} damaged lines skipped\n", plan.damaged_lines));
    }
    if (plan.changed > 0) {
        show(
            fmt::format("changed     {} trainings of the run directory are of another campaign; "
                        "'ratiofarm run --accept-change' does them again{}\n",
                        grouped(plan.changed), plan.changes));
    }
    if (plan.trained > 0) {
        show(fmt::format("left        {} nets, {}\n", grouped(plan.cost.nets - plan.trained),
                         duration_text(plan.seconds_left)));
    }
}

}  // namespace

void print_text(const Plan& plan) {
    const Cost& cost = plan.cost;
    const auto bytes = [](std::uint64_t n) { return with_prefix(static_cast<double>(n), "B"); };
    show(fmt::format("campaign    {}{}\n", plan.campaign.name,
                     plan.events_exist
                         ? ""
                         : "   (no events file yet: sizes are those that `simulate` will write)"));
    print_selection(plan);
    if (cost.nets == 0) return;  // only regions of counts: what is selected is fitted
    show(fmt::format("nets        {} of {} parameters: {}\n", grouped(cost.nets),
                     grouped(cost.parameters_per_net), nets_text(plan.campaign)));
    show(fmt::format("trainings   {} tasks{}\n", grouped(cost.trainings), engine_text(plan)));
    show(fmt::format("inferences  {} tasks\n", grouped(cost.inferences)));
    show(fmt::format("work        {} to train (at all epochs), {} to infer\n",
                     with_prefix(cost.training_flop, "FLOP"),
                     with_prefix(cost.inference_flop, "FLOP")));
    if (plan.search) {
        show(search_cost_text(*plan.search, {plan.gflops, static_cast<double>(plan.workers)}));
    }
    show(fmt::format("time        {} on {} worker{} {}\n", duration_text(plan.seconds),
                     plan.workers, plan.workers == 1 ? "" : "s", rates_text(plan)));
    print_learned(plan);
    print_history(plan);
    show(fmt::format("disk        {} when finished, {} at the peak, {} files and folders\n",
                     bytes(cost.disk_bytes), bytes(cost.peak_disk_bytes), grouped(cost.inodes)));
    if (cost.copy_bytes > 0) {
        show(fmt::format(
            "            {} of it a copy of the events, which cannot be mapped as they are\n",
            bytes(cost.copy_bytes)));
    }
    show(fmt::format("memory      {} per trainer, {} for the fit over all ranks\n",
                     bytes(cost.trainer_memory_bytes), bytes(cost.fit_memory_bytes)));
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
                                {"damaged_journal_lines", plan.damaged_lines},
                                {"seconds", plan.seconds},
                                {"trained", plan.trained},
                                {"seconds_left", plan.seconds_left},
                                {"disk_bytes", cost.disk_bytes},
                                {"copy_bytes", cost.copy_bytes},
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

void print_text(const UnfoldingCost& cost) {
    show(fmt::format("chains      {} with {} tasks\n", cost.chains, cost.tasks));
    show(
        fmt::format("results     {} of {} that stay are there\n", cost.kept_done, cost.space.kept));
    show(fmt::format("time        {:.4g} s on {} worker{}, at least the longest chain, {:.4g} s\n",
                     cost.seconds, cost.workers, cost.workers == 1 ? "" : "s", cost.longest_chain));
    const auto bytes = [](std::uint64_t n) { return with_prefix(static_cast<double>(n), "B"); };
    show(
        fmt::format("space       {} of results stay, {} for unfolded.h5; up to {} more meanwhile\n",
                    bytes(cost.space.kept_bytes), bytes(cost.space.table_bytes),
                    bytes(cost.space.passing_bytes)));
}

void print_json(const UnfoldingCost& cost) {
    const nlohmann::ordered_json json{{"schema", 1},
                                      {"chains", cost.chains},
                                      {"tasks", cost.tasks},
                                      {"workers", cost.workers},
                                      {"kept", cost.space.kept},
                                      {"kept_done", cost.kept_done},
                                      {"kept_bytes", cost.space.kept_bytes},
                                      {"passing_bytes", cost.space.passing_bytes},
                                      {"table_bytes", cost.space.table_bytes},
                                      {"seconds", cost.seconds},
                                      {"longest_chain_seconds", cost.longest_chain}};
    fmt::print("{}\n", json.dump(2));
}

}  // namespace ratiofarm
