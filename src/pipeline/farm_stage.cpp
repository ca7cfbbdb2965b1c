#include "farm_stage.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "mpi/value_on_root.hpp"
#include "scheduler/host/run_farm.hpp"
#include "workers/trainer_runner.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Whether a job that lives has this task: it writes the line of its result itself.
bool is_of_another_job(const RootBooks& books, const Task& task) {
    return books.claims && books.claims->standing(task.digest) == Claims::Standing::taken;
}

/// A result counts if the journal names it and the file has its size; without a line the whole
/// file is checked and then adopted. Those of trainings are checked when they are gathered.
bool is_done(const RunDirectory& directory,
             RootBooks& books,
             const Task& task,
             TaskFileKind kind,
             const Log& log,
             std::uint64_t& adopted) {
    const fs::path path = directory.result(task.digest);
    std::error_code missing;
    const auto size = fs::file_size(path, missing);
    if (missing) return false;
    const auto known = books.history.committed.find(task.digest);
    const bool noted = known != books.history.committed.end() && known->second.result.bytes == size;
    if (noted && kind == TaskFileKind::training_result) return true;
    if (is_of_another_job(books, task)) return true;
    if (!task_file_is_complete(path, kind, task.digest)) {
        if (noted) log.warning("a damaged result is made again", {{"task", task.name}});
        fs::remove(path);
        return false;
    }
    if (noted) return true;
    // The farm that made it died before it could remove these.
    const fs::path state = directory.state(task.digest);
    fs::remove(state);
    fs::remove(state.string() + ".old");
    const TaskCommitted line{.task = task.digest,
                             .name = task.name,
                             .identity = task.identity,
                             .result = {.bytes = size, .crc = crc32(read_file(path))},
                             .adopted = true};
    books.journal->write(line);
    books.history.committed.insert_or_assign(task.digest, line);
    adopted += 1;
    return true;
}

/// A farm, and what it takes.
struct FarmWork {
    std::vector<Task> tasks;
    TaskFileKind kind;
    MakeRunner make_runner;
    GrowingTasks growing;
};

/// \param work  becomes those of its tasks that have no result
TasksThere leave_to_do(const RunDirectory& directory,
                       RootBooks& books,
                       FarmWork& work,
                       const Log& log) {
    std::vector<Task>& tasks = work.tasks;
    const std::size_t all = tasks.size();
    TasksThere there;
    std::uint64_t adopted = 0;
    std::unordered_set<Digest> read;  // by tasks that are to do
    std::vector<Task> to_do;
    for (auto task = tasks.rbegin(); task != tasks.rend(); ++task) {
        if (!task->wanted && !read.contains(task->digest)) continue;
        if (is_done(directory, books, *task, work.kind, log, adopted)) {
            there.add(*task);
            continue;
        }
        read.insert(task->after.begin(), task->after.end());
        to_do.push_back(std::move(*task));
    }
    tasks.assign(std::move_iterator(to_do.rbegin()), std::move_iterator(to_do.rend()));
    for (const Task& task : tasks) {
        fs::create_directories(directory.result(task.digest).parent_path());
    }
    const Log::Fields numbers{{"all", static_cast<std::uint64_t>(all)},
                              {"to_do", static_cast<std::uint64_t>(tasks.size())},
                              {"adopted", adopted}};
    books.claims ? log.debug("tasks", numbers) : log.info("tasks", numbers);  // it looks often
    return there;
}

/// Looks what other jobs do, and reads their journals if there is a result that no line is known
/// of.
void look_at_others(const RunDirectory& directory,
                    RootBooks& books,
                    const std::vector<Task>& tasks) {
    books.claims->look(std::chrono::steady_clock::now());
    const bool news = std::ranges::any_of(tasks, [&](const Task& task) {
        std::error_code missing;
        return !books.history.committed.contains(task.digest) &&
               fs::exists(directory.result(task.digest), missing);
    });
    if (!news) return;
    books.journal->flush();
    books.history = read_journals(directory);
}

/// What a job that joined finds: tasks that it can claim, or what became of the others.
struct Claimable {
    std::uint64_t free = 0;
    std::uint64_t taken = 0;  ///< or after tasks that are not done
    std::vector<std::string> given_up = {};
};

Claimable claimable(const Claims& claims, const std::vector<Task>& tasks) {
    Claimable found;
    std::unordered_map<Digest, const Task*> open;
    std::unordered_map<Digest, const Task*> lost;
    const auto first_of = [](const auto& known, const Task& task) -> const Task* {
        for (const Digest& parent : task.after) {
            if (const auto task_of = known.find(parent); task_of != known.end()) {
                return task_of->second;
            }
        }
        return nullptr;
    };
    for (const Task& task : tasks) {
        const auto standing = claims.standing(task.digest);
        const Task* needed = first_of(lost, task);
        if (standing == Claims::Standing::given_up) {
            found.given_up.push_back(fmt::format("{}: {}", task.name, claims.reason(task.digest)));
        } else if (needed != nullptr) {
            found.given_up.push_back(
                fmt::format("{}: not begun: it needs '{}', which failed", task.name, needed->name));
        } else {
            const bool free = standing == Claims::Standing::free && !first_of(open, task);
            (free ? found.free : found.taken) += 1;
            open.emplace(task.digest, &task);
            continue;
        }
        lost.emplace(task.digest, &task);
    }
    return found;
}

/// Collective over world. Nothing if there is something to claim.
std::optional<StageEnd> left_to_others(const mpi::Communicator& world,
                                       const RootBooks& books,
                                       const std::vector<Task>& tasks) {
    Claimable found;
    if (world.is_root()) found = claimable(*books.claims, tasks);
    std::array<std::uint64_t, 2> counts{found.free, found.taken};
    mpi::all_sum(world, counts);
    if (counts[0] > 0) return std::nullopt;
    if (counts[1] > 0) return StageEnd{StageEnd::State::elsewhere, 0.0, {}};
    return StageEnd{StageEnd::State::tasks_failed, 0.0, std::move(found.given_up)};
}

/// Runners of trainers.
MakeRunner trainers(RunContext& context, const RunPlace& place) {
    return [&context, &place] {
        return std::make_unique<TrainerRunner>(
            context.launcher, TrainerPlace{place.placement, place.device, place.farm.pace},
            context.rank_log);
    };
}

void make_folder_of(const RunDirectory& directory, const Task& task) {
    std::error_code ignored;
    fs::create_directories(directory.result(task.digest).parent_path(), ignored);
}

void expect_locks(const RootBooks& books) {
    books.lock->expect_held();
    if (books.turn) books.turn->expect_held();
}

/// Collective over world: whether the job shares its tasks with others.
bool shares(const mpi::Communicator& world, const RootBooks& books) {
    return mpi::value_on_root(world, books.claims && !books.turn) != 0;
}

StageEnd run(RunContext& context, const RunPlace& place, RootBooks& books, FarmWork work) {
    const mpi::Communicator& world = context.world;
    const bool claims = shares(world, books);
    TasksThere there;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        if (claims) look_at_others(place.directory, books, work.tasks);
        for (const Task& task : work.tasks) identify(books.history, task.digest, task.identity);
        there = leave_to_do(place.directory, books, work, context.log);
    });
    if (mpi::value_on_root(world, work.tasks.size()) == 0) {
        return {StageEnd::State::up_to_date, 0.0, {}};
    }
    if (claims) {
        if (auto end = left_to_others(world, books, work.tasks)) return *end;
    }

    const std::unique_ptr<TaskRunner> runner = work.make_runner();
    const FarmEnd end =
        run_farm({world, *runner, books.journal.get(), context.log}, std::move(work.tasks),
                 {place.farm.strikes, place.farm.stop_by, learned_costs(books.history),
                  std::move(work.growing.more), std::move(work.growing.others),
                  [&books] { expect_locks(books); }, claims ? books.claims.get() : nullptr,
                  std::move(there)});
    for (const TaskCommitted& event : end.commits) {
        books.history.committed.insert_or_assign(event.task, event);
    }
    StageEnd stage;
    if (!claims) stage.failures = end.failures;  // otherwise the last round tells all
    stage.trouble = end.trouble;
    if (end.failed > 0 && !claims) stage.state = StageEnd::State::tasks_failed;
    if (end.stopped) stage.state = StageEnd::State::stopped;
    return stage;
}

void add_round(StageEnd& all, const StageEnd& round) {
    using State = StageEnd::State;
    all.failures.insert(all.failures.end(), round.failures.begin(), round.failures.end());
    if (!round.trouble.empty()) all.trouble = round.trouble;
    if (all.state == State::tasks_failed && round.state != State::stopped) return;
    if (round.state != State::up_to_date) all.state = round.state;
}

/// Until nothing is left that this job could do.
StageEnd run_all(RunContext& context,
                 const RunPlace& place,
                 RootBooks& books,
                 const FarmWork& work) {
    if (!shares(context.world, books)) return run(context, place, books, work);
    return farm_rounds(context, place, [&]() -> std::optional<StageEnd> {
        StageEnd round = run(context, place, books, work);
        if (round.state == StageEnd::State::up_to_date) return std::nullopt;
        return round;
    });
}

}  // namespace

void note_results(const RunPlace& place,
                  RootBooks& books,
                  const std::vector<Task>& tasks,
                  TaskFileKind kind,
                  const Log& log) {
    if (books.claims) look_at_others(place.directory, books, tasks);
    std::uint64_t adopted = 0;
    for (const Task& task : tasks) is_done(place.directory, books, task, kind, log, adopted);
    books.journal->flush();
}

StageEnd farm_rounds(RunContext& context,
                     const RunPlace& place,
                     const std::function<std::optional<StageEnd>()>& next_round) {
    using State = StageEnd::State;
    StageEnd all{State::up_to_date, 0.0, {}};
    OthersWork others(place, context.log);
    while (auto round = next_round()) {
        if (round->state != State::elsewhere) {
            others.worked();
            add_round(all, *round);
            if (all.state == State::stopped) break;
            if (place.farm.join && round->state == State::tasks_failed) break;
            continue;
        }
        const auto next = others.wait(context.world);
        if (next != OthersWork::Next::look_again) return OthersWork::end_of(next);
    }
    return all;
}

StageEnd farm_round(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind) {
    return run(context, place, books, {std::move(tasks), kind, trainers(context, place), {}});
}

StageEnd farm_stage(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind) {
    return run_all(context, place, books, {std::move(tasks), kind, trainers(context, place), {}});
}

StageEnd farm_stage(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind,
                    const MakeRunner& make_runner) {
    return run_all(context, place, books, {std::move(tasks), kind, make_runner, {}});
}

StageEnd growing_farm_stage(RunContext& context,
                            const RunPlace& place,
                            RootBooks& books,
                            std::vector<Task> tasks,
                            TaskFileKind kind,
                            const GrowingTasks& growing) {
    const auto make_folders = [&place](const std::vector<Task>& found) {
        for (const Task& task : found) make_folder_of(place.directory, task);
    };
    GrowingTasks with_folders{.more = [&](const Digest& ended, TaskOutcome how) {
        auto found = growing.more(ended, how);
        make_folders(found);
        return found;
    }};
    if (growing.others) {
        with_folders.others = [&] {
            auto found = growing.others();
            if (found) make_folders(*found);
            return found;
        };
    }
    return run_all(context, place, books,
                   {std::move(tasks), kind, trainers(context, place), std::move(with_folders)});
}

}  // namespace ratiofarm
