#include "workspace_resolution.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/file/campaign_diff.hpp"
#include "campaign/preselection_graph.hpp"
#include "core/sealed_text.hpp"

#include "search_resolution.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What rank 0 tells the others of its workspace.
struct Briefing {
    std::string out;
    DeviceClass device = DeviceClass::cpu;
    std::string written;   ///< campaigns as text, with absolute paths
    std::string campaign;  ///< empty: as written
    std::vector<SampleInfo> source;
    std::vector<SampleInfo> samples;
    Missing missing = Missing::nothing;
    bool has_graph = false;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Briefing>& value) {
    archive(value.out, value.device, value.written, value.campaign, value.source, value.samples,
            value.missing, value.has_graph);
}

/// The tasks that can be done now.
TaskGraph graph_of(const Workspace& workspace) {
    const std::string device = device_class_name(workspace.device);
    if (workspace.missing == Missing::selection) {
        if (!workspace.written.preselection) return {};
        return make_preselection_graph({workspace.written, workspace.source.samples, device});
    }
    // Regions that are counted alone leave nothing to train.
    if (!workspace.campaign.has_events()) return {};
    return make_task_graph(workspace.campaign, workspace.samples, device);
}

std::string graph_digest(const TaskGraph& graph) {
    Hasher hasher;
    for (const TrainTask& task : graph.trainings) hasher.text(task.name).digest(task.digest);
    return hasher.finish().hex();
}

/// Names what a farm works on. Where events are selected or settings searched it is the campaign
/// with the events: the graph is known only when that is done.
std::string work_digest(const Workspace& workspace) {
    const Campaign& written = workspace.written;
    if (!needs_selection(written) && !written.search) return graph_digest(workspace.graph);
    Hasher hasher;
    for (const SampleInfo& sample : workspace.source.samples) hasher.digest(sample.digest);
    hasher.text("selection").digest(workspace.selection).text(campaign_toml(workspace.written));
    return hasher.finish().hex();
}

/// Nets that the journal knows under the same name with other content.
std::uint64_t count_changed(const TaskGraph& graph, const JournalState& history) {
    return static_cast<std::uint64_t>(
        std::count_if(graph.trainings.begin(), graph.trainings.end(), [&](const TrainTask& task) {
            const auto known = history.latest.find(task.name);
            return known != history.latest.end() && known->second != task.digest;
        }));
}

/// Trainings that learned from the events of a selection.
std::uint64_t count_trained_on_selection(const JournalState& history) {
    return static_cast<std::uint64_t>(
        std::count_if(history.latest.begin(), history.latest.end(), [](const auto& entry) {
            const std::string& name = entry.first;
            const bool training = name.find("/member") != std::string::npos ||
                                  name.find("/replica") != std::string::npos;
            return training && !name.starts_with(preselection_ensemble);
        }));
}

std::string changes_text(const Workspace& workspace) {
    const fs::path path = workspace.directory.campaign();
    if (!fs::exists(path)) return "  (its campaign.toml is gone)";
    std::string text;
    for (const std::string& line : campaign_diff(read_campaign(path), workspace.written)) {
        text += "\n  " + line;
    }
    return text.empty() ? "\n  (the events file has changed)" : text;
}

/// The samples of selected.h5, and selected.toml as it should be.
void take_selected(Workspace& workspace) {
    workspace.samples.clear();
    if (workspace.campaign.has_events()) {
        workspace.samples = read_selected(workspace);
        // The nets do not look at it, the report does.
        for (const SampleInfo& sample : workspace.samples) {
            read_log_density(workspace.directory.selected_events(), sample.name);
        }
    }
    const fs::path copy = workspace.directory.selected_campaign();
    const std::string text = campaign_toml(workspace.campaign);
    if (!fs::exists(copy) || read_text(copy) != sealed(copy, text)) publish_sealed(copy, text);
}

/// The best setting takes the place of what the campaign says.
void apply_search(Workspace& workspace) {
    if (!workspace.campaign.search || !workspace.campaign.has_events()) return;
    const std::string device = device_class_name(workspace.device);
    auto searched =
        searched_campaign({workspace.campaign, workspace.samples, device}, workspace.directory);
    if (!searched) {
        workspace.missing = Missing::search;
        return;
    }
    workspace.campaign = std::move(*searched);
    const fs::path copy = workspace.directory.searched_campaign();
    const std::string text = campaign_toml(workspace.campaign);
    if (!fs::exists(copy) || read_text(copy) != sealed(copy, text)) publish_sealed(copy, text);
}

bool was_begun(const Workspace& workspace) {
    const auto& farms = workspace.history.farms;
    return !farms.empty() && farms.back().graph == work_digest(workspace);
}

}  // namespace

std::vector<SampleInfo> read_selected(const Workspace& workspace) {
    const Campaign& campaign = workspace.campaign;
    return read_sample_info(campaign.events_path(), samples_to_read(campaign),
                            campaign.events.features, campaign.split);
}

void apply_resolution(Workspace& workspace, const Log& log, IfDamaged if_damaged) {
    const Campaign& written = workspace.written;
    std::optional<Digest> inputs;
    if (needs_selection(written)) {
        inputs = workspace.selection =
            selection_inputs(written, workspace.source, device_class_name(workspace.device));
    }
    Resolution resolution = resolve(written, workspace.directory, inputs);
    workspace.missing = resolution.missing;
    workspace.campaign = std::move(resolution.campaign);
    workspace.samples = workspace.source.samples;
    if (inputs && workspace.missing == Missing::nothing) {
        try {
            take_selected(workspace);
        } catch (const DataError& damage) {
            if (if_damaged == IfDamaged::refuse) throw;
            log.warning("the selection of events is made again", {{"why", damage.what()}});
            workspace.missing = Missing::selection;
            workspace.campaign = written;
            workspace.samples = workspace.source.samples;
        }
    }
    for (const std::string& warning : resolution.warnings) log.warning(warning);
    if (workspace.missing == Missing::nothing) apply_search(workspace);
    workspace.graph = graph_of(workspace);
}

void compare_with_history(const Workspace& workspace, const Log& log) {
    // A farm that was let work on this campaign once goes on with it.
    if (was_begun(workspace)) return;
    std::uint64_t changed = count_changed(workspace.graph, workspace.history);
    if (workspace.missing == Missing::selection) {
        changed += count_trained_on_selection(workspace.history);
    }
    if (changed == 0) return;
    const std::string changes = changes_text(workspace);
    if (!workspace.accept_change) {
        throw ConfigError(fmt::format(
            "'{}' holds {} trained nets of another campaign:{}\nUse --accept-change to train those "
            "nets again and keep the rest, --fresh to remove all results, or another --out.",
            workspace.directory.root().string(), changed, changes));
    }
    log.info("campaign changed: nets to train again", {{"nets", changed}});
}

void begin_farm(Workspace& workspace, std::uint64_t ranks) {
    const LockOwner self = this_owner();
    const std::string graph = work_digest(workspace);
    workspace.journal->write(FarmStarted{self.host, self.job, ranks, graph});
}

void resolve_workspace(RunContext& context, Workspace& workspace) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        const Missing before = workspace.missing;
        apply_resolution(workspace, context.log, IfDamaged::refuse);
        if (workspace.missing == before) expect_resolved(before, workspace.directory);
        compare_with_history(workspace, context.log);
    });
    share(context.world, workspace);
}

void share(const mpi::Communicator& world, Workspace& workspace) {
    Briefing briefing;
    if (world.is_root()) {
        briefing = {.out = workspace.directory.root().string(),
                    .device = workspace.device,
                    .written = campaign_toml(workspace.written),
                    .campaign = workspace.campaign == workspace.written
                                    ? std::string()
                                    : campaign_toml(workspace.campaign),
                    .source = workspace.source.samples,
                    .samples = workspace.samples,
                    .missing = workspace.missing,
                    .has_graph = !workspace.graph.ensembles.empty()};
    }
    briefing = decode<Briefing>(
        mpi::broadcast(world, world.is_root() ? encode(briefing) : std::vector<std::byte>()));
    workspace.written = parse_campaign(briefing.written, briefing.out);
    workspace.campaign = briefing.campaign.empty()
                             ? workspace.written
                             : parse_campaign(briefing.campaign, briefing.out);
    workspace.directory = RunDirectory(briefing.out);
    workspace.device = briefing.device;
    workspace.source.samples = std::move(briefing.source);
    workspace.samples = std::move(briefing.samples);
    workspace.missing = briefing.missing;
    if (briefing.has_graph) workspace.graph = graph_of(workspace);
}

}  // namespace ratiofarm
