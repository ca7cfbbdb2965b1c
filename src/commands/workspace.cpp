#include "workspace.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/campaign/campaign_diff.hpp"
#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/core/sealed_text.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/event_file.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What rank 0 found out and tells the others.
struct Briefing {
    std::string campaign;  ///< resolved, absolute paths
    std::string out;
    std::vector<SampleInfo> samples;
    DeviceClass device = DeviceClass::cpu;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Briefing>& value) {
    archive(value.campaign, value.out, value.samples, value.device);
}

DeviceClass choose_device(const std::string& wanted) {
    if (wanted == "cpu") return DeviceClass::cpu;
    const bool gpu = !node_resources().gpus.empty();
    if (wanted == "auto") return gpu ? DeviceClass::cuda : DeviceClass::cpu;
    if (wanted != "cuda") {
        throw ConfigError(fmt::format("--device = '{}': must be auto, cpu or cuda", wanted));
    }
    if (!gpu) {
        throw ConfigError(
            "--device cuda: no GPU on this node (neither CUDA_VISIBLE_DEVICES nor "
            "/dev/nvidia*); use --device cpu");
    }
    return DeviceClass::cuda;
}

/// Collective over world.
Placement placement_of_rank(const mpi::Communicator& world, DeviceClass device) {
    const mpi::Communicator node = world.split_by_node();
    const NodeResources resources = node_resources();
    Placement placement = place_trainer(resources, {node.rank(), node.size()}, device);
    // Ranks whose sets of cores differ were given their own by the batch system.
    const auto sets =
        mpi::all_gather_text(node, fmt::format("{}", fmt::join(resources.cores, ",")));
    const bool shared = std::all_of(sets.begin(), sets.end(),
                                    [&](const std::string& set) { return set == sets.front(); });
    if (!shared) placement.cores = resources.cores;
    return placement;
}

void remove_results(const RunDirectory& directory) {
    for (const fs::path& path :
         {directory.tasks(), directory.ensembles(), directory.ratios(), directory.fit_json(),
          directory.report(), directory.nets(), directory.toys_json(), directory.journal(),
          directory.campaign()}) {
        fs::remove_all(path);
    }
    for (const fs::path& path : directory.shard_journals()) fs::remove(path);
}

/// Nets that the journal knows under the same name with other content.
std::uint64_t count_changed(const TaskGraph& graph, const JournalState& history) {
    return static_cast<std::uint64_t>(
        std::count_if(graph.trainings.begin(), graph.trainings.end(), [&](const TrainTask& task) {
            const auto known = history.latest.find(task.name);
            return known != history.latest.end() && known->second != task.digest;
        }));
}

std::string graph_digest(const TaskGraph& graph) {
    Hasher hasher;
    for (const TrainTask& task : graph.trainings) hasher.text(task.name).digest(task.digest);
    return hasher.finish().hex();
}

std::string changes_text(const RunDirectory& directory, const Campaign& campaign) {
    if (!fs::exists(directory.campaign())) return "  (its campaign.toml is gone)";
    std::string text;
    for (const std::string& line : campaign_diff(read_campaign(directory.campaign()), campaign)) {
        text += "\n  " + line;
    }
    return text.empty() ? "\n  (the events file has changed)" : text;
}

void compare_with_history(const RunDirectory& directory,
                          const Workspace& workspace,
                          const Arguments& arguments,
                          const Log& log) {
    // A farm that was let work on this graph once goes on with it.
    const auto& farms = workspace.history.farms;
    if (!farms.empty() && farms.back().graph == graph_digest(workspace.graph)) return;
    const std::uint64_t changed = count_changed(workspace.graph, workspace.history);
    if (changed == 0) return;
    const std::string changes = changes_text(directory, workspace.campaign);
    if (!arguments.has("accept-change")) {
        throw ConfigError(fmt::format(
            "'{}' holds {} trained nets of another campaign:{}\nUse --accept-change to train those "
            "nets again and keep the rest, --fresh to remove all results, or another --out.",
            directory.root().string(), changed, changes));
    }
    log.info("campaign changed: nets to train again", {{"nets", changed}});
}

[[noreturn]] void refuse(const fs::path& lock, const LockOwner& owner, std::string_view why) {
    throw ConfigError(fmt::format("'{}' is held by a farm on host {}, pid {}{}: {}", lock.string(),
                                  owner.host, owner.pid,
                                  owner.job.empty() ? "" : ", job " + owner.job, why));
}

/// Farms on different shards may work at the same time; a farm on everything is alone. Our own lock
/// is already there, so of two that begin at the same time at most one goes on.
void expect_no_other_farm(const RunDirectory& directory, const Shard& shard) {
    if (const auto owner = living_owner(directory.lock()); owner && !shard.whole()) {
        refuse(directory.lock(), *owner, "it works on all tasks; wait for it or end it");
    }
    const std::string same_cut = fmt::format("-of-{}", shard.count);
    for (const fs::path& path : directory.shard_locks()) {
        if (path == directory.lock(shard)) continue;
        const auto owner = living_owner(path);
        if (!owner) continue;
        if (shard.whole()) refuse(path, *owner, "wait for all shards or end them");
        if (!path.string().ends_with(same_cut)) {
            refuse(path, *owner, "it cut the tasks into another number of shards");
        }
    }
}

/// What all journals say; the one that this farm appends to, alone, is left in `own`.
JournalState read_history(const RunDirectory& directory, const Shard& shard, JournalState& own) {
    JournalState all = read_journal(directory.journal());
    own = all;
    for (const fs::path& path : directory.shard_journals()) {
        const JournalState other = read_journal(path);
        if (path == directory.journal(shard)) own = other;
        merge(all, other);
    }
    if (!shard.whole() && !fs::exists(directory.journal(shard))) own = {};
    return all;
}

void publish_if_new(const fs::path& path, const std::string& text) {
    if (fs::exists(path) && read_text(path) == sealed(path, text)) return;
    publish_sealed(path, text);
}

/// A campaign that is read back from a run directory must be the one that was written there.
void expect_unchanged_copy(const Places& places) {
    if (places.out.empty()) return;  // a folder of its own, named after the campaign
    std::error_code missing;
    if (!fs::equivalent(places.campaign, RunDirectory(places.out).campaign(), missing)) return;
    try {
        read_sealed(places.campaign);
    } catch (const DataError& error) {
        throw ConfigError(
            fmt::format("{}. Give the campaign file itself; a copy of this one elsewhere may be "
                        "edited and given, too",
                        error.what()));
    }
}

std::vector<SampleInfo> read_samples(const Campaign& campaign, const RunDirectory& directory) {
    const auto names = samples_to_read(campaign);
    const fs::path events = contiguous_events(campaign.events_path(), names, directory.root());
    return read_sample_info(events, names, campaign.events.features, campaign.split);
}

/// For commands that can do without.
std::vector<SampleInfo> read_samples_if_there(const Campaign& campaign,
                                              const RunDirectory& directory,
                                              const Log& log) {
    if (!campaign.has_events()) return {};
    try {
        return read_samples(campaign, directory);
    } catch (const DataError& error) {
        log.warning("going on without the events file", {{"why", error.what()}});
        return {};
    }
}

Briefing brief(CommandContext& context,
               const Arguments& arguments,
               Needs needs,
               Workspace& workspace) {
    const Log& log = context.log;
    const Places places = find_places(arguments);
    const DeviceClass device = choose_device(arguments.text("device"));
    expect_unchanged_copy(places);
    Campaign campaign = with_absolute_paths(read_campaign(places.campaign));
    const RunDirectory directory(places.out.empty() ? fs::absolute(campaign.name + ".run")
                                                    : fs::absolute(places.out));
    std::error_code error;
    fs::create_directories(directory.root(), error);
    if (error) {
        throw SystemError(
            errno_message("cannot create '" + directory.root().string() + "'", error.value()),
            ExitCode::usage);
    }
    const Shard& shard = workspace.farm.shard;
    workspace.lock = std::make_unique<Lock>(directory.lock(shard), log);
    expect_no_other_farm(directory, shard);
    if (arguments.has("fresh")) remove_results(directory);

    workspace.campaign = campaign;
    JournalState own;
    workspace.history = read_history(directory, shard, own);
    if (worth_compacting(own)) {
        own = compact_journal(directory.journal(shard), own);
        log.info("journal compacted", {{"lines", own.lines}});
    }
    Briefing briefing{campaign_toml(campaign), directory.root().string(), {}, device};
    if (needs == Needs::campaign) {
        briefing.samples = read_samples_if_there(campaign, directory, log);
        workspace.journal = std::make_unique<Journal>(directory.journal(shard), own);
        return briefing;
    }
    expect_trainable(campaign);
    constexpr double preparation = 3600.0;  // seconds that copying a large file may take
    const Lock preparing(directory.preparation_lock(), log, preparation);
    briefing.samples = read_samples(campaign, directory);
    workspace.graph = make_task_graph(campaign, briefing.samples, device_class_name(device));
    compare_with_history(directory, workspace, arguments, log);
    publish_if_new(directory.campaign(), briefing.campaign);
    workspace.journal = std::make_unique<Journal>(directory.journal(shard), own);
    const LockOwner self = this_owner();
    workspace.journal->write(FarmStarted{self.host, self.job,
                                         static_cast<std::uint64_t>(context.world.size()),
                                         graph_digest(workspace.graph)});
    return briefing;
}

}  // namespace

std::vector<Option> workspace_options() {
    return {
        {"out", "DIR", "run directory (default: <campaign name>.run)"},
        {"device", "WORD", "auto, cpu or cuda", "auto"},
        {"accept-change", "", "train nets again whose part of the campaign has changed"},
        {"fresh", "", "remove all results of the run directory first"},
    };
}

Places find_places(const Arguments& arguments) {
    Places places{{}, arguments.text("out")};
    if (!arguments.positional().empty()) {
        places.campaign = arguments.positional().front();
    } else if (!places.out.empty()) {
        places.campaign = RunDirectory(places.out).campaign();
    } else {
        places.campaign = "campaign.toml";
    }
    return places;
}

Workspace open_workspace(CommandContext& context, const Arguments& arguments, Needs needs) {
    Workspace workspace;
    Briefing briefing;
    mpi::together(context.world, [&] {
        workspace.farm = farm_settings(context, arguments);
        if (!context.world.is_root()) return;
        briefing = brief(context, arguments, needs, workspace);
    });
    briefing = decode<Briefing>(mpi::broadcast(
        context.world, context.world.is_root() ? encode(briefing) : std::vector<std::byte>()));

    workspace.campaign = parse_campaign(briefing.campaign, briefing.out);
    workspace.directory = RunDirectory(briefing.out);
    workspace.device = briefing.device;
    workspace.samples = std::move(briefing.samples);
    workspace.ratios = workspace.directory.ratios();
    if (needs == Needs::events) {
        workspace.graph = make_task_graph(workspace.campaign, workspace.samples,
                                          device_class_name(workspace.device));
    }
    workspace.placement = placement_of_rank(context.world, workspace.device);
    return workspace;
}

}  // namespace ratiofarm
