#include "farm_stage.hpp"

#include <algorithm>
#include <filesystem>

#include "ratiofarm/mpi/together.hpp"

#include "scheduler/host/run_farm.hpp"
#include "workers/trainer_runner.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// A result counts if the journal names it and the file has its size; without a line the whole
/// file is checked and then adopted.
bool is_done(Workspace& workspace, const Task& task, TaskFileKind kind, std::uint64_t& adopted) {
    const fs::path path = workspace.directory.result(task.digest);
    std::error_code missing;
    const auto size = fs::file_size(path, missing);
    if (missing) return false;
    const auto known = workspace.history.committed.find(task.digest);
    if (known != workspace.history.committed.end() && known->second.bytes == size) return true;
    if (!task_file_is_complete(path, kind, task.digest)) {
        fs::remove(path);
        return false;
    }
    // The farm that made it died before it could remove these.
    const fs::path state = workspace.directory.state(task.digest);
    fs::remove(state);
    fs::remove(state.string() + ".old");
    const TaskCommitted line{.task = task.digest,
                             .name = task.name,
                             .bytes = size,
                             .crc = crc32(read_file(path)),
                             .adopted = true};
    workspace.journal->write(line);
    workspace.history.committed.insert_or_assign(task.digest, line);
    adopted += 1;
    return true;
}

std::vector<Task> left_to_do(Workspace& workspace,
                             std::vector<Task> tasks,
                             TaskFileKind kind,
                             const Log& log) {
    const std::size_t all = tasks.size();
    std::uint64_t adopted = 0;
    std::erase_if(tasks, [&](const Task& task) { return is_done(workspace, task, kind, adopted); });
    for (const Task& task : tasks) {
        fs::create_directories(workspace.directory.result(task.digest).parent_path());
    }
    log.info("tasks", {{"all", static_cast<std::uint64_t>(all)},
                       {"to_do", static_cast<std::uint64_t>(tasks.size())},
                       {"adopted", adopted}});
    return tasks;
}

/// A farm, and what it takes.
struct FarmWork {
    std::vector<Task> tasks;
    TaskFileKind kind;
    MakeRunner make_runner;
    MoreTasks more;
};

/// Runners of trainers.
MakeRunner trainers(RunContext& context, Workspace& workspace) {
    return [&context, &workspace] {
        return std::make_unique<TrainerRunner>(
            context.launcher,
            TrainerPlace{workspace.placement, workspace.device, workspace.farm.pace},
            context.rank_log);
    };
}

void make_folder_of(const Workspace& workspace, const Task& task) {
    std::error_code ignored;
    fs::create_directories(workspace.directory.result(task.digest).parent_path(), ignored);
}

StageEnd run(RunContext& context, Workspace& workspace, FarmWork work) {
    const mpi::Communicator& world = context.world;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        work.tasks = left_to_do(workspace, std::move(work.tasks), work.kind, context.log);
    });
    std::uint64_t n_tasks = world.is_root() ? work.tasks.size() : 0;
    mpi::all_sum(world, std::span(&n_tasks, 1));
    if (n_tasks == 0) return {StageEnd::State::up_to_date, 0.0, {}};

    const std::unique_ptr<TaskRunner> runner = work.make_runner();
    const FarmEnd end =
        run_farm({world, *runner, workspace.journal.get(), context.log}, std::move(work.tasks),
                 {workspace.farm.strikes, workspace.farm.stop_by, learned_costs(workspace.history),
                  std::move(work.more)});
    for (const TaskCommitted& event : end.commits) {
        workspace.history.committed.insert_or_assign(event.task, event);
    }
    StageEnd stage;
    stage.failures = end.failures;
    stage.trouble = end.trouble;
    if (end.failed > 0) stage.state = StageEnd::State::tasks_failed;
    if (end.stopped) stage.state = StageEnd::State::stopped;
    return stage;
}

}  // namespace

StageEnd farm_stage(RunContext& context,
                    Workspace& workspace,
                    std::vector<Task> tasks,
                    TaskFileKind kind) {
    return run(context, workspace, {std::move(tasks), kind, trainers(context, workspace), {}});
}

StageEnd farm_stage(RunContext& context,
                    Workspace& workspace,
                    std::vector<Task> tasks,
                    TaskFileKind kind,
                    const MakeRunner& make_runner) {
    return run(context, workspace, {std::move(tasks), kind, make_runner, {}});
}

StageEnd growing_farm_stage(RunContext& context,
                            Workspace& workspace,
                            std::vector<Task> tasks,
                            TaskFileKind kind,
                            const MoreTasks& more) {
    const auto with_folders = [&workspace, &more] {
        std::vector<Task> found = more();
        for (const Task& task : found) make_folder_of(workspace, task);
        return found;
    };
    return run(context, workspace,
               {std::move(tasks), kind, trainers(context, workspace), with_folders});
}

}  // namespace ratiofarm
