#include "plan_campaign.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/made_from.hpp"
#include "campaign/training_planner.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "core/program_version.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "pipeline/search/searched_campaign.hpp"
#include "protocol/task_file.hpp"

#include "task_identities.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What rank 0 tells the others of where it works.
struct PlaceMessage {
    std::string out;
    DeviceClass device = DeviceClass::cpu;
    std::string job;  ///< that joined others
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, PlaceMessage>& value) {
    archive(value.out, value.device, value.job);
}

/// What it tells them of the campaign.
struct CampaignMessage {
    std::string written;   ///< campaigns as text, with absolute paths
    std::string campaign;  ///< empty: as written
    std::vector<SampleInfo> source;
    std::vector<SampleInfo> samples;
    Unresolved missing = Unresolved::nothing;
    bool has_graph = false;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, CampaignMessage>& value) {
    archive(value.written, value.campaign, value.source, value.samples, value.missing,
            value.has_graph);
}

/// The tasks that can be done now.
TaskGraph graph_of(const PlannedCampaign& planned, DeviceClass device_class) {
    const std::string device = device_class_name(device_class);
    if (planned.missing == Unresolved::selection) {
        if (!planned.written.preselection) return {};
        return make_preselection_graph({planned.written, planned.source.samples, device});
    }
    // Regions that are only counted leave nothing to train.
    if (!planned.campaign.has_events() || planned.campaign.unfolding) return {};
    return make_task_graph(planned.campaign, planned.samples, device);
}

UnfoldingPlan chains_of(const PlannedCampaign& planned, const RunPlace& place) {
    return make_unfolding_plan(
        {planned.campaign, planned.samples, device_class_name(place.device)});
}

std::string graph_digest(const TaskGraph& graph) {
    Hasher hasher;
    for (const TrainTask& task : graph.trainings) hasher.text(task.name).digest(task.digest);
    return hasher.finish().hex();
}

/// Names what a farm works on. Where events are selected or settings searched it is the campaign
/// with the events: the graph is known only when that is done.
std::string work_digest(const PlannedCampaign& planned,
                        const RunPlace& place,
                        const Digest& selection) {
    const Campaign& written = planned.written;
    if (written.unfolding) {
        Hasher hasher;
        for (const UnfoldTask& task : chains_of(planned, place).tasks) hasher.digest(task.digest);
        return hasher.finish().hex();
    }
    if (!needs_selection(written) && !written.search) return graph_digest(planned.graph);
    Hasher hasher;
    for (const SampleInfo& sample : planned.source.samples) hasher.digest(sample.digest);
    hasher.text("selection").digest(selection).text(campaign_toml(planned.written));
    return hasher.finish().hex();
}

/// Trainings that learned from the events of a selection. One that only a line of an older version
/// knows counts by its result, if it is none of the preselection that is planned.
std::uint64_t count_trained_on_selection(const JournalState& history,
                                         const RunDirectory& directory) {
    return static_cast<std::uint64_t>(
        std::count_if(history.latest.begin(), history.latest.end(), [&](const auto& entry) {
            const Digest& task = entry.second;
            const TaskKind kind = history.committed.at(task).identity.kind;
            if (kind != TaskKind::unknown) return kind == TaskKind::training;
            return task_file_kind(directory.result(task)) == TaskFileKind::training_result;
        }));
}

/// \param before  device of the last farm
std::string changes_text(const Campaign& written,
                         const fs::path& path,
                         const std::string& before,
                         const std::string& device) {
    std::string text;
    if (!before.empty() && before != device) {
        text = fmt::format("\n  (the last farm trained with {}, this one would with {})", before,
                           device);
    }
    if (!fs::exists(path)) return text + "  (its campaign.toml is gone)";
    for (const std::string& line : campaign_diff(read_campaign(path), written)) {
        text += "\n  " + line;
    }
    return text.empty() ? "\n  (the events file has changed)" : text;
}

/// The samples of selected.h5, and selected.toml as it should be.
void take_selected(PlannedCampaign& planned, const RunDirectory& directory) {
    planned.samples.clear();
    if (planned.campaign.has_events()) {
        planned.samples = read_selected(planned.campaign);
        // The nets do not look at it, the report does.
        for (const SampleInfo& sample : planned.samples) {
            read_log_density(directory.selected_events(), sample.name);
        }
    }
    publish_if_new(directory.selected_campaign(), campaign_toml(planned.campaign));
}

/// The best setting takes the place of what the campaign says.
void apply_search(PlannedCampaign& planned, const RunPlace& place) {
    if (!planned.campaign.search || !planned.campaign.has_events()) return;
    const std::string device = device_class_name(place.device);
    auto searched = searched_campaign({planned.campaign, planned.samples, device}, place.directory);
    if (!searched) {
        planned.missing = Unresolved::search;
        return;
    }
    planned.campaign = std::move(*searched);
    publish_if_new(place.directory.searched_campaign(), campaign_toml(planned.campaign));
}

/// A record that cannot be read, or is of another version, is as good as none.
void set_damaged_aside(const RunDirectory& directory, const Log& log) {
    const auto look = [&](const fs::path& record, const auto& read) {
        try {
            read();
        } catch (const DataError& damage) {
            const std::string aside = record.string() + ".damaged";
            log.warning("a damaged record is made again",
                        {{"why", damage.what()}, {"set_aside_as", aside}});
            fs::rename(record, aside);
        }
    };
    look(directory.selection_json(), [&] { find_selection(directory); });
    look(directory.search_json(), [&] { find_search(directory); });
}

bool was_begun(const PlannedCampaign& planned, const RunPlace& place, const RootBooks& books) {
    const auto& farms = books.history.farms;
    return !farms.empty() && farms.back().graph == work_digest(planned, place, books.selection);
}

/// Ensembles, and into how many folds the events were cut for their trainings that are done.
using TrainedFolds = std::map<std::pair<TaskKind, std::string>, std::set<std::uint32_t>>;

TrainedFolds trained_folds(const JournalState& history) {
    TrainedFolds folds;
    for (const auto& [digest, done] : history.committed) {
        const TaskIdentity& task = done.identity;
        if (task.nets > 0) folds[{task.kind, task.family}].insert(task.folds);
    }
    return folds;
}

/// Tasks without a result of which another one was done under the same name.
std::uint64_t count_others(const auto& tasks,
                           const JournalState& history,
                           const RunDirectory& directory) {
    return static_cast<std::uint64_t>(std::ranges::count_if(tasks, [&](const auto& task) {
        const auto known = history.latest.find(task.name);
        return known != history.latest.end() && known->second != task.digest &&
               !fs::exists(directory.result(task.digest));
    }));
}

}  // namespace

std::uint64_t count_changed(const TaskGraph& graph,
                            const JournalState& history,
                            const RunDirectory& directory) {
    const TrainedFolds folds = trained_folds(history);
    return static_cast<std::uint64_t>(std::ranges::count_if(graph.trainings, [&](const auto& task) {
        const auto known = history.latest.find(task.name);
        const bool is_other = known != history.latest.end() && known->second != task.digest;
        const auto cut = folds.find({task.identity.kind, task.identity.family});
        const bool is_cut_anew = cut != folds.end() && !cut->second.contains(task.identity.folds);
        return (is_other || is_cut_anew) && !fs::exists(directory.result(task.digest));
    }));
}

std::vector<SampleInfo> read_selected(const Campaign& campaign) {
    return read_sample_info(campaign.events_path(), samples_to_read(campaign),
                            campaign.events.features, campaign.split);
}

void plan_plain_campaign(PlannedCampaign& planned,
                         const RunPlace& place,
                         RootBooks& books,
                         const Log& log,
                         IfDamaged if_damaged) {
    const Campaign& written = planned.written;
    std::optional<Digest> inputs;
    if (needs_selection(written)) {
        inputs = books.selection =
            selection_inputs(written, planned.source, device_class_name(place.device));
    }
    if (if_damaged == IfDamaged::make_again) set_damaged_aside(place.directory, log);
    FoundCampaign found = find_plain_campaign(written, place.directory, inputs);
    planned.missing = found.missing;
    planned.campaign = std::move(found.campaign);
    planned.samples = planned.source.samples;
    if (inputs && planned.missing == Unresolved::nothing) {
        try {
            take_selected(planned, place.directory);
        } catch (const DataError& damage) {
            if (if_damaged == IfDamaged::refuse) throw;
            log.warning("the selection of events is made again", {{"why", damage.what()}});
            planned.missing = Unresolved::selection;
            planned.campaign = written;
            planned.samples = planned.source.samples;
        }
    }
    for (const std::string& warning : found.warnings) log.warning(warning);
    if (planned.missing == Unresolved::nothing) apply_search(planned, place);
    planned.graph = graph_of(planned, place.device);
    const bool selects = planned.missing == Unresolved::selection;
    planned.outlook = training_outlook(selects ? written : planned.campaign, planned.graph,
                                       selects ? planned.source.samples : planned.samples);
    identify(books.history, planned.graph);
}

void plan_to_look(PlannedCampaign& planned, RunPlace& place) {
    if (planned.missing == Unresolved::selection) planned.samples = planned.source.samples;
    if (planned.samples.empty() || planned.missing == Unresolved::search) return;
    std::ptrdiff_t most = -1;
    for (const DeviceClass device : device_classes) {
        try {
            TaskGraph graph = graph_of(planned, device);
            const auto trained = std::ranges::count_if(graph.trainings, [&](const TrainTask& task) {
                return fs::exists(place.directory.result(task.digest));
            });
            if (trained <= most) continue;
            most = trained;
            planned.graph = std::move(graph);
            place.device = device;
        } catch (const ConfigError&) {
            return;
        }
    }
}

void compare_with_history(const PlannedCampaign& planned,
                          const RunPlace& place,
                          const RootBooks& books,
                          const Log& log) {
    // A farm that was let work on this campaign once goes on with it.
    if (was_begun(planned, place, books)) return;
    std::uint64_t changed = count_changed(planned.graph, books.history, place.directory);
    // A measurement that was unblinded is the one that was fitted blind: its data are selected
    // anew, and train nothing.
    const bool only_data = changed == 0 && books.blinding && books.blinding->unblinding;
    if (planned.missing == Unresolved::selection && !only_data) {
        changed += count_trained_on_selection(books.history, place.directory);
    }
    if (planned.campaign.unfolding) {
        changed += count_others(chains_of(planned, place).tasks, books.history, place.directory);
    }
    if (changed == 0) return;
    const std::string changes = changes_text(
        planned.written, place.directory.campaign(),
        books.history.farms.empty() ? std::string() : books.history.farms.back().device,
        device_class_name(place.device));
    if (!books.accept_change) {
        throw ConfigError(fmt::format(
            "'{}' holds {} trained nets of another campaign:{}\nUse --accept-change to train those "
            "nets again and keep the rest, --fresh --yes to remove all results, or another --out.",
            place.directory.root().string(), changed, changes));
    }
    log.info("campaign changed: nets to train again", {{"nets", changed}});
}

FarmStarted farm_started(const PlannedCampaign& planned,
                         const RunPlace& place,
                         const RootBooks& books,
                         std::uint64_t ranks) {
    const LockOwner self = this_owner();
    return {.host = self.host,
            .job = self.job,
            .ranks = ranks,
            .graph = work_digest(planned, place, books.selection),
            .version = std::string(made_by()),
            .time = utc_now(),
            .device = device_class_name(place.device),
            .campaign = campaign_digest(planned.written).hex()};
}

std::string differences_from_run(const PlannedCampaign& planned, const RunPlace& place) {
    const fs::path path = place.directory.campaign();
    if (!fs::exists(path)) return {};
    return first_of(campaign_diff(read_campaign(path), planned.written), "\n  ");
}

void plan_again(RunContext& context,
                PlannedCampaign& planned,
                const RunPlace& place,
                RootBooks& books) {
    const Unresolved before = planned.missing;
    look_again(context, planned, place, books, IfDamaged::refuse);
    mpi::together(context.world, [&] {
        if (planned.missing == before) expect_plain(before, place.directory);
    });
}

void look_again(RunContext& context,
                PlannedCampaign& planned,
                const RunPlace& place,
                RootBooks& books,
                IfDamaged if_damaged) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        plan_plain_campaign(planned, place, books, context.log, if_damaged);
        compare_with_history(planned, place, books, context.log);
    });
    share_campaign(context.world, planned, place);
}

void share_place(const mpi::Communicator& world, RunPlace& place) {
    const PlaceMessage mine{place.directory.root().string(), place.device, place.farm.shard.job};
    const auto message = decode<PlaceMessage>(
        mpi::broadcast(world, world.is_root() ? encode(mine) : std::vector<std::byte>()));
    place.directory = RunDirectory(message.out);
    place.device = message.device;
    place.farm.shard.job = message.job;
}

void share_campaign(const mpi::Communicator& world,
                    PlannedCampaign& planned,
                    const RunPlace& place) {
    CampaignMessage message;
    if (world.is_root()) {
        message = {.written = campaign_toml(planned.written),
                   .campaign = planned.campaign == planned.written
                                   ? std::string()
                                   : campaign_toml(planned.campaign),
                   .source = planned.source.samples,
                   .samples = planned.samples,
                   .missing = planned.missing,
                   .has_graph = !planned.graph.ensembles.empty()};
    }
    message = decode<CampaignMessage>(
        mpi::broadcast(world, world.is_root() ? encode(message) : std::vector<std::byte>()));
    const fs::path folder = place.directory.root();
    planned.written = parse_campaign(message.written, folder);
    planned.campaign =
        message.campaign.empty() ? planned.written : parse_campaign(message.campaign, folder);
    if (!world.is_root()) {  // which keeps what it knows of the samples beyond the message
        planned.source.samples = std::move(message.source);
        planned.samples = std::move(message.samples);
    }
    planned.missing = message.missing;
    if (message.has_graph) planned.graph = graph_of(planned, place.device);
}

}  // namespace ratiofarm
