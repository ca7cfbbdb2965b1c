#include "ratiofarm/core/trainer_protocol.hpp"

#include "farm_stage.hpp"

namespace ratiofarm {

StageEnd train_stage(CommandContext& context, Workspace& workspace) {
    std::vector<Task> tasks;
    if (context.world.is_root()) {
        for (const TrainTask& task : workspace.graph.trainings) {
            if (!workspace.farm.shard.owns(task.digest)) continue;
            TrainRequest request = task.request;
            request.result_path = workspace.directory.result(task.digest).string();
            request.state_path = workspace.directory.state(task.digest).string();
            tasks.push_back(
                {task.digest, task.name, task.flop, frame(TrainerRequest(std::move(request)))});
        }
    }
    return farm_stage(context, workspace, std::move(tasks), TaskFileKind::training_result);
}

}  // namespace ratiofarm
