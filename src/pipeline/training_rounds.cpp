#include "training_rounds.hpp"

#include <filesystem>
#include <string>

#include "ratiofarm/protocol/trainer_protocol.hpp"

namespace ratiofarm {

TrainingRounds::TrainingRounds(const Workspace& workspace, const Log& log)
    : workspace_(workspace), log_(log), results_(workspace.directory) {}

std::vector<Task> TrainingRounds::next() {
    judge();
    tell_exclusions();
    std::vector<Task> tasks;
    for (const EnsembleChoice& choice : choices_) {
        for (const TrainTask& training : choice.trainings) {
            if (!workspace_.farm.shard.owns(training.digest)) continue;
            if (offered_.insert(training.digest).second) tasks.push_back(task_of(training));
        }
    }
    // A journal line would make a damaged result look done.
    for (const std::filesystem::path& path : results_.take_damaged()) std::filesystem::remove(path);
    return tasks;
}

void TrainingRounds::judge() {
    const std::string device = device_class_name(workspace_.device);
    const GraphInputs inputs{workspace_.campaign, workspace_.samples, device};
    choices_ = choose_ensembles(inputs, workspace_.graph,
                                [&](const Digest& task) { return results_.find(task); });
}

void TrainingRounds::tell_exclusions() {
    for (const EnsembleChoice& choice : choices_) {
        for (const Exclusion& exclusion : choice.exclusions()) {
            if (!told_.insert(exclusion.text).second) continue;
            log_.warning("net excluded", {{"ensemble", choice.name}, {"why", exclusion.text}});
        }
    }
}

Task TrainingRounds::task_of(const TrainTask& training) const {
    TrainRequest request = training.request;
    request.result_path = workspace_.directory.result(training.digest).string();
    request.state_path = workspace_.directory.state(training.digest).string();
    for (NetRequest& net : request.nets) {
        if (net.warm_start.task == Digest{}) continue;
        net.warm_start.path = workspace_.directory.result(net.warm_start.task).string();
    }
    return {training.digest, training.name, training.flop,
            frame(TrainerRequest(std::move(request)))};
}

}  // namespace ratiofarm
