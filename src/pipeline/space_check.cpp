#include "space_check.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "campaign/cost.hpp"
#include "core/units.hpp"
#include "h5/free_space.hpp"

#include "own_ratios.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t small_files = 1'000'000;  // journal, fit.json, report.html
constexpr std::uint64_t disk_block = 4096;        // a file takes half a block more than it holds

bool contains_stage(const std::vector<Stage>& stages, Stage stage) {
    return std::ranges::find(stages, stage) != stages.end();
}

bool is_missing(const RunDirectory& directory, const Digest& task) {
    return !fs::exists(directory.result(task));
}

/// Nets that are still to be trained and written into ensembles, which are written as a whole.
struct NetsToDo {
    std::uint64_t train = 0;  ///< by this shard
    std::uint64_t tasks = 0;  ///< of the nets to train
    std::uint64_t gather = 0;
    std::uint64_t ensembles = 0;  ///< of the nets to gather
};

NetsToDo nets_to_do(const PlannedCampaign& planned, const RunPlace& place) {
    NetsToDo nets;
    std::set<std::string> stale;
    for (const TrainTask& task : planned.graph.trainings) {
        if (!is_missing(place.directory, task.digest)) continue;
        stale.insert(task.ensemble);
        if (!place.farm.shard.owns(task.digest)) continue;
        nets.train += task.nets.size();
        nets.tasks += 1;
    }
    for (const PlannedEnsemble& ensemble : planned.graph.ensembles) {
        const std::string& name = ensemble.spec.name;
        if (!stale.contains(name) && fs::exists(place.directory.ensemble(name))) continue;
        nets.gather += ensemble.nets.size();
        nets.ensembles += 1;
    }
    return nets;
}

std::uint64_t blocks_to_do(const PlannedCampaign& planned, const RunPlace& place) {
    const auto& tasks = planned.graph.inferences;
    return static_cast<std::uint64_t>(std::count_if(
        tasks.begin(), tasks.end(),
        [&](const InferTask& task) { return is_missing(place.directory, task.digest); }));
}

/// What selecting the events needs: nets, scores and at most a copy of the events.
void add_selection(const PlannedCampaign& planned,
                   const RunPlace& place,
                   std::uint64_t ranks,
                   SpaceNeeds& needs) {
    const Campaign& campaign = planned.written;
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    for (const SampleInfo& sample : planned.source.samples) {
        events += sample.columns.events;
        const std::uint64_t columns = 4 * (sample.columns.columns + 1) + 16;
        bytes += sample.columns.events * (columns + 8 * sample.weights.size());
    }
    if (trained_region(campaign) != nullptr) {
        needs.margin += bytes;
        needs.files += 1;
    }
    if (!campaign.preselection) return;
    std::uint64_t nets = 0;
    std::uint64_t tasks = 0;
    for (const TrainTask& task : planned.graph.trainings) {
        if (!is_missing(place.directory, task.digest)) continue;
        nets += task.nets.size();
        tasks += 1;
    }
    const std::uint64_t row = 4 * row_size(campaign.preselection->network);
    needs.parts.push_back({"preselection", 2 * nets * row});
    const std::uint64_t score_files = blocks_to_do(planned, place);
    needs.parts.push_back({"scores", 4 * events * campaign.preselection->classes.size()});
    needs.files += tasks + 1 + score_files;
    needs.margin += 12 * std::min(ranks, tasks) * row;
}

/// Bytes of checkpoints, which go when their trainings are done.
std::uint64_t checkpoint_bytes_there(const RunDirectory& directory) {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(directory.tasks(), error), end; entry != end;
         entry.increment(error)) {
        if (entry->path().extension() == ".ckpt") continue;
        std::error_code gone;
        const std::uint64_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
        if (!gone) bytes += size;
    }
    return bytes;
}

/// Results of chains and their table. The table is written whole beside an old one.
void add_unfolding(const PlannedCampaign& planned,
                   const RunPlace& place,
                   std::uint64_t ranks,
                   SpaceNeeds& needs) {
    const std::string device = device_class_name(place.device);
    const GraphInputs inputs{planned.campaign, planned.samples, device};
    const UnfoldingPlan plan = make_unfolding_plan(inputs);
    const auto to_do = unfolding_to_do(plan, [&](const UnfoldTask& task) {
        return !place.farm.shard.owns(shard_key(task)) || !is_missing(place.directory, task.digest);
    });
    const UnfoldingSpace space = unfolding_space(inputs, plan, ranks, to_do);
    needs.parts.push_back({grouped(space.kept) + " results of chains", space.kept_bytes});
    if (place.farm.shard.has_all()) needs.parts.push_back({"unfolded.h5", space.table_bytes});
    needs.files += space.kept + space.passing + 1;
    needs.margin += space.passing_bytes + small_files + needs.files * disk_block / 2;
}

std::string bytes_text(std::uint64_t bytes) { return with_prefix(static_cast<double>(bytes), "B"); }

std::string parts_text(const SpaceNeeds& needs) {
    std::string text;
    for (const SpaceNeeds::Part& part : needs.parts) {
        text +=
            fmt::format("{}{} for {}", text.empty() ? "" : ", ", bytes_text(part.bytes), part.what);
    }
    return text;
}

[[noreturn]] void refuse(const RunDirectory& directory,
                         const std::string& free,
                         const std::string& needed) {
    throw SystemError(
        fmt::format("'{}' has room for {} more, but this campaign still needs {}. Make room, give "
                    "another --out or a smaller campaign; --ignore-space starts all the same (a "
                    "full disk stops the farm cleanly, and the same command continues)",
                    directory.root().string(), free, needed),
        ExitCode::usage);
}

void compare(const RunPlace& place, const SpaceNeeds& needs, const Log& log) {
    const RunDirectory& directory = place.directory;
    const std::uint64_t there = checkpoint_bytes_there(directory);
    const std::uint64_t free = h5::free_space(directory.root()) + there;
    const auto free_files = h5::free_files(directory.root());
    if (!place.farm.ignore_space) {
        if (needs.certain() > free) {
            refuse(directory, bytes_text(free),
                   fmt::format("{}: {}", bytes_text(needs.certain()), parts_text(needs)));
        }
        if (free_files && needs.files > *free_files) {
            refuse(directory, grouped(*free_files) + " files", grouped(needs.files));
        }
    }
    if (needs.certain() + needs.margin > free) {
        log.warning("the run directory may become full", {{"free", bytes_text(free)},
                                                          {"needed", parts_text(needs)},
                                                          {"more", bytes_text(needs.margin)}});
    }
}

}  // namespace

std::uint64_t SpaceNeeds::certain() const {
    return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Part& part) { return sum + part.bytes; });
}

SpaceNeeds space_needs(const PlannedCampaign& planned,
                       const RunPlace& place,
                       const std::vector<Stage>& stages,
                       std::uint64_t ranks) {
    SpaceNeeds needs;
    if (planned.missing == Unresolved::selection) {
        add_selection(planned, place, ranks, needs);
        needs.margin += small_files + needs.files * disk_block / 2;
        return needs;
    }
    if (planned.campaign.unfolding) {
        if (contains_stage(stages, Stage::unfold)) add_unfolding(planned, place, ranks, needs);
        return needs;
    }
    if (!planned.campaign.has_events()) return needs;  // regions that are only counted
    const Cost cost = cost_of(planned.campaign, planned.samples, planned.graph, ranks);
    const auto need = [&](std::string what, std::uint64_t bytes, std::uint64_t files) {
        if (files == 0) return;
        needs.parts.push_back({std::move(what), bytes});
        needs.files += files;
    };
    const NetsToDo nets = nets_to_do(planned, place);
    if (contains_stage(stages, Stage::train)) {
        need(grouped(nets.train) + " nets", nets.train * cost.net_bytes, nets.tasks);
        const std::uint64_t losses = 16 * planned.campaign.training.epochs;
        needs.margin += nets.train * losses;
        needs.margin += 3 * std::min(ranks, nets.tasks) * cost.checkpoint_bytes;
    }
    if (contains_stage(stages, Stage::gather)) {
        need("ensembles", nets.gather * cost.net_bytes, nets.ensembles);
    }
    const bool has_ratios = are_ratios_of(
        place.directory.ratios(), ratios_digest(planned.campaign, planned.samples, planned.graph));
    if (contains_stage(stages, Stage::infer) && !has_ratios) {
        const std::uint64_t blocks = blocks_to_do(planned, place);
        const std::uint64_t all = std::max<std::uint64_t>(cost.inferences, 1);
        need("ratio blocks", cost.block_bytes / all * blocks, blocks);
        need("ratios.h5", cost.ratio_bytes, 1);
    }
    if (!needs.parts.empty()) needs.margin += small_files + needs.files * disk_block / 2;
    return needs;
}

void check_space(RunContext& context,
                 const PlannedCampaign& planned,
                 const RunPlace& place,
                 const std::vector<Stage>& stages) {
    const bool writes =
        contains_stage(stages, Stage::select) || contains_stage(stages, Stage::train) ||
        contains_stage(stages, Stage::unfold) || contains_stage(stages, Stage::infer);
    if (!writes) return;
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        const auto ranks = static_cast<std::uint64_t>(context.world.size());
        compare(place, space_needs(planned, place, stages, ranks), context.log);
    });
}

}  // namespace ratiofarm
