#include "workspace.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "campaign/made_from.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "measurement/fit_input.hpp"
#include "pipeline/search/searched_campaign.hpp"

#include "blinding.hpp"
#include "each_journal.hpp"
#include "other_farms.hpp"
#include "own_directory.hpp"
#include "own_ratios.hpp"
#include "plan_campaign.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

constexpr double preparation_patience = 3600.0;  // seconds that copying a large file may take

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

std::uint64_t count_results(const RunDirectory& directory) {
    if (!fs::exists(directory.tasks())) return 0;
    const fs::recursive_directory_iterator files(directory.tasks());
    return static_cast<std::uint64_t>(std::count_if(begin(files), end(files), [](const auto& file) {
        return file.path().extension() == ".ckpt";
    }));
}

/// For --fresh. \throws ConfigError if trained nets would go without --yes
void remove_results(const RunDirectory& directory,
                    const WorkspaceRequest& request,
                    const Log& log) {
    const std::uint64_t results = *request.fresh == Product::nets ? count_results(directory) : 0;
    if (results > 0 && !request.remove_nets) {
        throw ConfigError(fmt::format(
            "--fresh would remove {} finished tasks of '{}', trained nets among them: add --yes if "
            "they may go. 'gather', 'infer', 'fit', 'toys' and 'gof' with --fresh keep the nets "
            "and "
            "make only their own results again",
            results, directory.root().string()));
    }
    for (const fs::path& path : products(directory, *request.fresh)) {
        log.info("removed", {{"path", path.string()}});
        fs::remove_all(path);
    }
}

/// Whether nobody writes this file any more, given that ours is the only farm. Somebody who comes
/// for the lock writes one of his own, for moments.
bool is_left_half_written(const fs::directory_entry& entry) {
    std::error_code gone;
    if (!entry.is_regular_file(gone) || entry.path().extension() != ".partial") return false;
    const bool of_a_lock = entry.path().filename().string().starts_with("lock");
    constexpr std::chrono::minutes patience(1);
    return !of_a_lock || fs::file_time_type::clock::now() - entry.last_write_time(gone) > patience;
}

/// What processes that were killed, or whose storage failed, left of files they were writing. A
/// farm on everything knows that nobody writes any more.
void remove_partial_files(const RunDirectory& directory, bool all_farms_ended, const Log& log) {
    // The results of tasks are very many, and only farms leave something among them.
    std::vector<fs::path> found;
    for (fs::recursive_directory_iterator entry(directory.root()), end; entry != end; ++entry) {
        if (all_farms_ended && entry->path() == directory.tasks())
            entry.disable_recursion_pending();
        if (is_left_half_written(*entry)) found.push_back(entry->path());
    }
    std::error_code ignored;
    for (const fs::path& path : found) fs::remove(path, ignored);
    if (found.empty()) return;
    log.info("removed files that were left half written",
             {{"files", static_cast<std::uint64_t>(found.size())}});
}

/// A campaign that is read back from a run directory must be the one that was written there.
void expect_unchanged_copy(const Places& places) {
    if (places.out.empty()) return;  // a folder of its own, named after the campaign
    std::error_code missing;
    if (!fs::equivalent(places.campaign, RunDirectory(places.out).campaign(), missing)) return;
    if (!has_seal(places.campaign, read_text(places.campaign))) {
        throw ConfigError(
            fmt::format("--out = '{}': the campaign file itself lies there and would be replaced: "
                        "give another folder",
                        places.out.string()));
    }
    try {
        read_sealed(places.campaign);
    } catch (const DataError& error) {
        throw ConfigError(
            fmt::format("{}. Give the original campaign file, or an edited copy of this one from "
                        "outside the run directory",
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

/// The campaign as it was written, and the place of its run directory.
RunDirectory find_directory(const Places& places, Campaign& written) {
    expect_unchanged_copy(places);
    written = with_absolute_paths(read_campaign(places.campaign));
    return RunDirectory(places.out.empty() ? fs::absolute(written.name + ".run")
                                           : fs::absolute(places.out));
}

/// \throws ConfigError  no region takes its ratios from the file of --ratios
void expect_use_of(const fs::path& ratios, const Campaign& campaign) {
    const bool used = std::ranges::any_of(campaign.unbinned,
                                          [](const auto& region) { return region.ratios.empty(); });
    if (ratios.empty() || used) return;
    throw ConfigError(fmt::format(
        "--ratios = '{}': no region of campaign '{}' would use it ({})", ratios.string(),
        campaign.name,
        campaign.unbinned.empty() ? "all are binned" : "each unbinned one names its own file"));
}

/// \throws ConfigError  the campaign unfolds, and something asks for its likelihood
void expect_likelihood(const Campaign& campaign) {
    if (!campaign.unfolding) return;
    throw ConfigError(fmt::format(
        "campaign '{}' has [unfolding]: it makes weights of events, and no likelihood to fit; "
        "'ratiofarm unfold' makes them, 'ratiofarm report' shows what becomes of them",
        campaign.name));
}

/// Whether a fit takes ratios that an earlier command has left in the run directory.
bool needs_own_ratios(const WorkspaceRequest& request, const Campaign& campaign) {
    return request.ratios.empty() && std::ranges::any_of(campaign.unbinned, [](const auto& region) {
               return region.ratios.empty();
           });
}

/// The run directory is ours from here on.
RunDirectory open_directory(const Log& log, const WorkspaceRequest& request, Workspace& workspace) {
    auto& [planned, place, books] = workspace;
    const RunDirectory directory = find_directory(request.places, planned.written);
    if (request.needs == Needs::campaign) expect_likelihood(planned.written);
    if (request.needs == Needs::campaign && needs_own_ratios(request, planned.written)) {
        expect_begun(directory);  // a name that is mistyped leaves no folder
    }
    if (!fs::exists(directory.root())) books.new_folder.reset(new fs::path(directory.root()));
    make_directory(directory.root());
    expect_run_directory(directory);
    Shard& shard = place.farm.shard;
    if (place.farm.join) {
        shard.job = new_job(directory);
    }
    books.lock = std::make_unique<Lock>(directory.lock(shard), log);
    expect_no_other_farm(directory, shard);
    if (shard.whole()) end_claims(directory);
    if (place.farm.join) {
        books.claims = std::make_unique<Claims>(directory, shard.job, place.farm.lease);
    }
    if (request.unblinding && request.fresh) {
        throw ConfigError("--unblind needs the blind fit that --fresh removes: give one of them");
    }
    books.blinding = settle_blinding(request.unblinding, planned.written, directory, log);
    if (request.fresh) remove_results(directory, request, log);
    return directory;
}

/// As expect_plain(), with what was edited since the run.
void expect_resolved(Unresolved missing, const Campaign& written, const RunDirectory& directory) {
    try {
        expect_plain(missing, directory);
    } catch (const DataError& problem) {
        std::error_code unknown;
        if (!fs::exists(directory.campaign(), unknown)) throw;
        auto changes = campaign_diff(read_campaign(directory.campaign()), written);
        const bool of_others =
            missing == Unresolved::selection && fs::exists(directory.selection_json(), unknown);
        if (changes.empty() && of_others) changes.emplace_back("events.file: other events in it");
        throw DataError(problem.what() + first_of(changes, "\n  "));
    }
}

/// The best setting takes the place of what the campaign says. Without the events search.json is
/// trusted.
void apply_search(const RunPlace& place, PlannedCampaign& planned) {
    if (!planned.campaign.search) return;
    std::optional<Campaign> searched;
    if (planned.samples.empty()) searched = searched_campaign(planned.campaign, place.directory);
    for (const DeviceClass device : device_classes) {
        if (searched || planned.samples.empty()) break;
        const std::string name = device_class_name(device);
        searched = searched_campaign({planned.campaign, planned.samples, name}, place.directory);
    }
    if (searched) {
        planned.campaign = std::move(*searched);
    } else {
        planned.missing = Unresolved::search;
    }
}

/// For commands that train nothing. What is missing is left to the caller.
void open_campaign(const Log& log, const RunPlace& place, PlannedCampaign& planned) {
    const Campaign& written = planned.written;
    std::optional<SourceEvents> source;
    if (written.has_events()) {
        source = if_there(log, [&] {
            return read_source_events(written, mapped_events(written, place.directory.root(), log));
        });
    }
    FoundCampaign found;
    for (const DeviceClass device : device_classes) {
        std::optional<Digest> inputs;
        if (needs_selection(written) && source) {
            inputs = selection_inputs(written, *source, device_class_name(device));
        }
        found = find_plain_campaign(written, place.directory, inputs);
        if (found.missing == Unresolved::nothing) break;
    }
    planned.missing = found.missing;
    planned.campaign = std::move(found.campaign);
    if (source) planned.source = std::move(*source);
    if (planned.missing != Unresolved::nothing) return;
    if (!needs_selection(written)) {
        planned.samples = planned.source.samples;
    } else if (planned.campaign.has_events()) {
        auto selected = if_there(log, [&] { return read_selected(planned.campaign); });
        if (selected) planned.samples = std::move(*selected);
    }
    apply_search(place, planned);
}

/// For commands that only look.
void look_on_root(const Log& log, const WorkspaceRequest& request, Workspace& workspace) {
    auto& [planned, place, books] = workspace;
    place.directory = find_directory(request.places, planned.written);
    expect_begun(place.directory);
    expect_run_directory(place.directory);
    // What is damaged is told, not left out as if it were another campaign's.
    for (const fs::path& path : {place.directory.selection_json(), place.directory.search_json()}) {
        if (fs::exists(path)) read_sealed(path);
    }
    books.blinding = open_if_unblinded(planned.written, place.directory);
    books.history = read_journals(place.directory);
    {
        const Lock preparing(place.directory.preparation_lock(), log, preparation_patience);
        open_campaign(log, place, planned);
    }
    expect_use_of(request.ratios, planned.written);
    plan_to_look(planned, place);
    try {
        expect_resolved(planned.missing, planned.written, place.directory);
        if (request.ratios.empty()) expect_own_ratios(planned, place, books, request.places);
    } catch (const DataError& problem) {
        planned.left_out = problem.what();
    }
}

void open_on_root(RunContext& context, const WorkspaceRequest& request, Workspace& workspace) {
    const Log& log = context.log;
    if (request.needs == Needs::look) return look_on_root(log, request, workspace);
    auto& [planned, place, books] = workspace;
    place.device = choose_device(request.device);
    place.directory = open_directory(log, request, workspace);
    books.accept_change = request.accept_change;
    const fs::path path = place.directory.journal(place.farm.shard);
    auto [history, own, all_farms_ended] =
        read_each_journal(place.directory, place.farm.shard, log);
    books.history = std::move(history);
    if (place.farm.shard.whole()) remove_partial_files(place.directory, all_farms_ended, log);
    tidy_journal(path, own, log);
    if (request.needs == Needs::campaign) {
        open_campaign(log, place, planned);
        expect_use_of(request.ratios, planned.written);
        if (planned.missing == Unresolved::selection)
            expect_resolved(planned.missing, planned.written, place.directory);
        if (request.ratios.empty()) {
            expect_resolved(planned.missing, planned.written, place.directory);
            expect_own_ratios(planned, place, books, request.places);
        }
        books.journal = std::make_unique<Journal>(path, own);
        return;
    }
    // Regions that are only counted train nothing.
    const bool counts_alone =
        needs_selection(planned.written) && trained_region(planned.written) == nullptr;
    if (!counts_alone && !planned.written.unfolding) expect_trainable(planned.written);
    const Lock preparing(place.directory.preparation_lock(), log, preparation_patience);
    planned.source = read_source_events(
        planned.written, mapped_events(planned.written, place.directory.root(), log));
    plan_plain_campaign(planned, place, books, log, IfDamaged::make_again);
    if (request.needs == Needs::events)
        expect_resolved(planned.missing, planned.written, place.directory);
    compare_with_history(planned, place, books, log);
    Campaign copy = planned.written;
    copy.data.blind = books.blinding.has_value();  // what opens it is the record
    const FarmStarted begin =
        farm_started(planned, place, books, static_cast<std::uint64_t>(context.world.size()));
    if (place.farm.join) {
        expect_same_work(place.directory, place.farm.shard, begin,
                         differences_from_run(planned, place));
    }
    publish_if_new(place.directory.campaign(), campaign_toml(copy));
    books.journal = std::make_unique<Journal>(path, own);
    books.journal->write(begin);
    books.journal->flush();  // before the next one asks what this one does
}

}  // namespace

FitSource fit_source(const Workspace& workspace) {
    return {workspace.planned.campaign, workspace.place.ratios, workspace.planned.samples,
            workspace.place.threads()};
}

Workspace open_workspace(RunContext& context, const WorkspaceRequest& request) {
    Workspace workspace;
    workspace.place.farm = request.farm;
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        open_on_root(context, request, workspace);
        // Nothing refuses it any more: what is called so later may be another one.
        const std::unique_ptr<const fs::path> kept(workspace.books.new_folder.release());
    });
    share_place(context.world, workspace.place);
    share_campaign(context.world, workspace.planned, workspace.place);
    workspace.place.ratios =
        request.ratios.empty() ? workspace.place.directory.ratios() : fs::absolute(request.ratios);
    workspace.place.placement = placement_of_rank(context.world, workspace.place.device);
    return workspace;
}

}  // namespace ratiofarm
