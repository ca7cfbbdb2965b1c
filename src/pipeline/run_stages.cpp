#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "core/program_version.hpp"
#include "core/screen.hpp"
#include "core/signal_flags.hpp"
#include "mpi/value_on_root.hpp"

#include "ensembles.hpp"
#include "other_farms.hpp"
#include "run_directory_check.hpp"
#include "space_check.hpp"
#include "stages.hpp"
#include "told_failures.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

const char* word(StageEnd::State state) {
    switch (state) {
        case StageEnd::State::up_to_date: return "up to date";
        case StageEnd::State::done: return "done";
        case StageEnd::State::tasks_failed: return "finished with failures";
        case StageEnd::State::stopped: return "stopped";
        case StageEnd::State::elsewhere: return "left to other jobs";
    }
    return "";
}

ExitCode exit_code(StageEnd::State state) {
    if (state == StageEnd::State::tasks_failed) return ExitCode::tasks_failed;
    return state == StageEnd::State::stopped ? ExitCode::resumable : ExitCode::done;
}

void print_stop(const StageEnd& end) {
    if (end.state != StageEnd::State::stopped) return;
    show(fmt::format("stopped early{}{}; run the same command again to go on\n",
                     end.trouble.empty() ? "" : ": ", end.trouble));
}

/// Collective over world. A signal may reach the ranks at different times; they go by rank 0, which
/// says why.
bool stop_wanted(const mpi::Communicator& world, const FarmSettings& farm) {
    bool wanted = false;
    if (world.is_root()) {
        const auto& limit = farm.stop_by;
        const bool late = limit && std::chrono::steady_clock::now() >= stop_time(*limit, 0.0, 1);
        const bool told = signal_request() == SignalRequest::stop;
        wanted = late || told;
        if (wanted) {
            StageEnd end;
            end.state = StageEnd::State::stopped;
            end.trouble = told ? "by a signal" : "the time of the job is over";
            print_stop(end);
        }
    }
    return mpi::value_on_root(world, wanted) != 0;
}

/// Lines after the first one stand below its text.
void print_failures(const StageEnd& end, const std::string& indent) {
    for (std::string failure : told_failures(end.failures)) {
        for (std::size_t at = 0; (at = failure.find('\n', at)) != std::string::npos; ++at) {
            failure.insert(at + 1, indent);
        }
        show(fmt::format("{}failed: {}\n", indent, failure));
    }
}

void print_end(const std::string& name, const StageEnd& end) {
    show(fmt::format("{:<8} {:<24} {:8.1f} s\n", name, word(end.state), end.seconds));
    print_failures(end, "         ");
    print_stop(end);
    std::fflush(stdout);
}

/// Existing files that a stage leaves to the later ones.
std::vector<fs::path> products_of(Stage stage, const RunDirectory& directory) {
    std::vector<fs::path> products;
    switch (stage) {
        case Stage::select:
            products = {directory.selection_json(), directory.selected_events(),
                        directory.selected_campaign()};
            break;
        case Stage::search:
            products = {directory.search_json(), directory.searched_campaign()};
            break;
        case Stage::gather:
            if (!fs::exists(directory.ensembles())) break;
            for (const auto& entry : fs::recursive_directory_iterator(directory.ensembles())) {
                if (entry.path().extension() == ".h5") products.push_back(entry.path());
            }
            break;
        case Stage::infer: products = {directory.ratios()}; break;
        case Stage::fit: products = {directory.fit_json()}; break;
        case Stage::unfold:
        case Stage::train:  // what it leaves is checked by those who read it
        case Stage::report: break;
    }
    std::erase_if(products, [](const fs::path& path) { return !fs::exists(path); });
    return products;
}

/// On rank 0, when a stage refused what it read: a product of the stages before that is damaged, or
/// gone by now, is not the user's mistake. A damaged one is set aside.
/// \throws SystemError if there is one
void expect_whole(const std::vector<fs::path>& products,
                  const RunDirectory& directory,
                  const Error& refusal) {
    std::string found;
    for (const fs::path& path : products) {
        const bool gone = !fs::exists(path);
        if (!gone && check_product(directory, path).empty()) continue;
        found += fmt::format("; '{}' ", path.string());
        if (gone) {
            found += "was removed";
            continue;
        }
        const fs::path aside = path.string() + ".damaged";
        fs::rename(path, aside);
        found += fmt::format("was set aside as '{}'", aside.string());
    }
    if (found.empty()) return;
    throw SystemError(fmt::format("{}{}: run the same command again, which makes it again",
                                  refusal.what(), found));
}

/// On rank 0, when a stage after the trainings of the same command refused what it read: a result
/// that went away since is not the user's mistake.
/// \throws SystemError if nets are not trained any more
void expect_trained(const PlannedCampaign& planned, const RunPlace& place) {
    try {
        expect_complete(Ensembles(planned, place).choices());
    } catch (const DataError& missing) {
        throw SystemError(
            fmt::format("{}, although all were a moment ago: results were removed or damaged; run "
                        "the same command again, which trains them again",
                        missing.what()));
    }
}

StageEnd run_one(Stage stage, RunContext& context, Workspace& workspace) {
    auto& [planned, place, books] = workspace;
    switch (stage) {
        case Stage::select: return select_stage(context, planned, place, books);
        case Stage::search: return search_stage(context, planned, place, books);
        case Stage::train: return train_stage(context, planned, place, books);
        case Stage::gather: return gather_stage(context, planned, place, books.history);
        case Stage::infer: return infer_stage(context, planned, place, books);
        case Stage::unfold: return unfold_stage(context, planned, place, books);
        case Stage::fit: return fit_stage(context, planned, place, books.blinding);
        case Stage::report: return report_stage(context, planned, place, books);
    }
    return {};
}

/// Whether it has tasks that jobs which joined share, and says itself what is one job's.
bool is_shared(Stage stage) {
    return stage == Stage::train || stage == Stage::infer || stage == Stage::unfold;
}

/// Collective over world. What only one of several jobs can do the others find done, or leave to
/// it.
StageEnd run_stage(Stage stage, RunContext& context, Workspace& workspace) {
    if (is_shared(stage)) return run_one(stage, context, workspace);
    return in_turn(context, workspace.place, workspace.books,
                   [&] { return run_one(stage, context, workspace); });
}

/// \throws ConfigError if the campaign has no such stage
void expect_stages_of(const Campaign& written, const std::vector<Stage>& stages) {
    for (const Stage stage : stages) {
        if (stage == Stage::report) continue;
        if ((stage == Stage::unfold) == written.unfolding.has_value()) continue;
        const std::string what =
            fmt::format("campaign '{}' has no stage '{}': ", written.name, word_of(stage));
        throw ConfigError(what + (written.unfolding ? "those of [unfolding] are unfold and report, "
                                                      "and 'ratiofarm run' does both"
                                                    : "it has no [unfolding]"));
    }
}

}  // namespace

bool ended_well(const StageEnd& end) {
    return end.state == StageEnd::State::up_to_date || end.state == StageEnd::State::done;
}

ExitCode report_end(const StageEnd& end) {
    if (end.state == StageEnd::State::elsewhere) show(fmt::format("{}\n", word(end.state)));
    print_failures(end, "");
    print_stop(end);
    return exit_code(end.state);
}

ExitCode run_stages(RunContext& context, Workspace& workspace, const std::vector<Stage>& stages) {
    mpi::together(context.world, [&] { expect_stages_of(workspace.planned.written, stages); });
    check_space(context, workspace.planned, workspace.place, stages);
    ExitCode worst = ExitCode::done;
    std::vector<fs::path> products;  // of the stages before, on rank 0
    bool trained = false;
    for (const Stage stage : stages) {
        const std::string name = word_of(stage);
        if (stop_wanted(context.world, workspace.place.farm)) return ExitCode::resumable;
        context.log.info("stage begins", {{"stage", name}});
        const auto begin = std::chrono::steady_clock::now();
        StageEnd end;
        try {
            end = in_context(name, [&] { return run_stage(stage, context, workspace); });
        } catch (const mpi::AgreedError& refusal) {
            if (refusal.exit_code() != ExitCode::usage) throw;
            mpi::together(context.world, [&] {
                expect_whole(products, workspace.place.directory, refusal);
                if (trained && context.world.is_root()) {
                    expect_trained(workspace.planned, workspace.place);
                }
            });
            throw;
        }
        end.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        mpi::together(context.world, [&] {
            if (!context.world.is_root()) return;
            print_end(name, end);
            workspace.books.journal->write(StageEnded{
                name, end.seconds, utc_now(), fmt::format("{}", fmt::join(end.warnings, "\n"))});
            workspace.books.journal->flush();
            const auto made = products_of(stage, workspace.place.directory);
            products.insert(products.end(), made.begin(), made.end());
        });
        const ExitCode code = exit_code(end.state);
        if (end.state == StageEnd::State::elsewhere) {
            workspace.books.left_to_others = true;
            return code;
        }
        // A fit that did not converge is written with its flags, and the report shows it.
        const bool shown = stage == Stage::fit && code == ExitCode::tasks_failed;
        if (code != ExitCode::done && !shown) return code;
        trained = trained || stage == Stage::train;
        if (shown) worst = code;
        // Only now is it known what the others write.
        const bool resolves = stage == Stage::select || stage == Stage::search;
        if (resolves && end.state == StageEnd::State::done) {
            check_space(context, workspace.planned, workspace.place, stages);
        }
    }
    return worst;
}

std::vector<Stage> with_selection(const Campaign& written, std::vector<Stage> stages) {
    const bool there = !stages.empty() && stages.front() == Stage::select;
    if (!there && needs_selection(written)) {
        stages.insert(stages.begin(), Stage::select);
    }
    const auto train = std::ranges::find(stages, Stage::train);
    const bool searches = std::ranges::find(stages, Stage::search) != stages.end();
    if (written.search && !searches && train != stages.end()) {
        stages.insert(train, Stage::search);
    }
    return stages;
}

}  // namespace ratiofarm
