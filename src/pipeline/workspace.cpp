#include "workspace.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"

#include "search_resolution.hpp"
#include "workspace_resolution.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

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
          directory.report(), directory.nets(), directory.toys_json(), directory.gof_json(),
          directory.journal(), directory.campaign(), directory.selection_json(),
          directory.selected_events(), directory.selected_campaign(), directory.search_json(),
          directory.searched_campaign()}) {
        fs::remove_all(path);
    }
    for (const fs::path& path : directory.shard_journals()) fs::remove(path);
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

/// For commands that can do without.
template <class Read>
auto if_there(const Log& log, const Read& read) -> std::optional<decltype(read())> {
    try {
        return read();
    } catch (const DataError& error) {
        log.warning("going on without the events file", {{"why", error.what()}});
        return std::nullopt;
    }
}

/// The campaign as it was written, and its run directory, which exists and is ours from here on.
RunDirectory enter(const Log& log, const WorkspaceRequest& request, Workspace& workspace) {
    const Places& places = request.places;
    expect_unchanged_copy(places);
    workspace.written = with_absolute_paths(read_campaign(places.campaign));
    const RunDirectory directory(places.out.empty() ? fs::absolute(workspace.written.name + ".run")
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
    workspace.blinding = settle_blinding(request.unblinding, workspace.written, directory, log);
    if (request.fresh) remove_results(directory);
    return directory;
}

/// For commands that train nothing.
void brief_campaign(const Log& log, Workspace& workspace) {
    const Campaign& written = workspace.written;
    std::optional<SourceEvents> source;
    std::optional<Digest> inputs;
    if (written.has_events()) {
        source =
            if_there(log, [&] { return read_source_events(written, workspace.directory.root()); });
    }
    if (needs_selection(written) && source) {
        inputs = selection_inputs(written, *source, device_class_name(workspace.device));
    }
    Resolution resolution = resolve(written, workspace.directory, inputs);
    expect_resolved(resolution.missing, workspace.directory);
    workspace.campaign = std::move(resolution.campaign);
    if (!needs_selection(written)) {
        if (source) workspace.samples = std::move(source->samples);
    } else if (workspace.campaign.has_events()) {
        auto selected = if_there(log, [&] { return read_selected(workspace); });
        if (selected) workspace.samples = std::move(*selected);
    }
    if (!workspace.campaign.search) return;
    auto searched = searched_campaign(workspace.campaign, workspace.directory);
    if (searched) workspace.campaign = std::move(*searched);
}

void brief(RunContext& context, const WorkspaceRequest& request, Workspace& workspace) {
    const Log& log = context.log;
    workspace.device = choose_device(request.device);
    workspace.directory = enter(log, request, workspace);
    // A measurement that was unblinded is the one that was fitted blind: only its data are new.
    workspace.accept_change =
        request.accept_change || (workspace.blinding && workspace.blinding->unblinding);
    const fs::path path = workspace.directory.journal(workspace.farm.shard);
    JournalState own;
    workspace.history = read_history(workspace.directory, workspace.farm.shard, own);
    if (worth_compacting(own)) {
        own = compact_journal(path, own);
        log.info("journal compacted", {{"lines", own.lines}});
    }
    if (request.needs == Needs::campaign) {
        brief_campaign(log, workspace);
        workspace.journal = std::make_unique<Journal>(path, own);
        return;
    }
    // Regions that are counted alone train nothing.
    const bool counts_alone =
        needs_selection(workspace.written) && trained_region(workspace.written) == nullptr;
    if (!counts_alone) expect_trainable(workspace.written);
    constexpr double preparation = 3600.0;  // seconds that copying a large file may take
    const Lock preparing(workspace.directory.preparation_lock(), log, preparation);
    workspace.source = read_source_events(workspace.written, workspace.directory.root());
    apply_resolution(workspace, log, IfDamaged::make_again);
    if (request.needs == Needs::events) expect_resolved(workspace.missing, workspace.directory);
    compare_with_history(workspace, log);
    Campaign copy = workspace.written;
    copy.data.blind = workspace.blinding.has_value();  // what opens it is the record
    publish_if_new(workspace.directory.campaign(), campaign_toml(copy));
    workspace.journal = std::make_unique<Journal>(path, own);
    begin_farm(workspace, static_cast<std::uint64_t>(context.world.size()));
}

}  // namespace

Workspace open_workspace(RunContext& context, const WorkspaceRequest& request) {
    Workspace workspace;
    workspace.farm = request.farm;
    mpi::together(context.world, [&] {
        if (context.world.is_root()) brief(context, request, workspace);
    });
    share(context.world, workspace);
    workspace.ratios =
        request.ratios.empty() ? workspace.directory.ratios() : fs::absolute(request.ratios);
    workspace.placement = placement_of_rank(context.world, workspace.device);
    return workspace;
}

}  // namespace ratiofarm
