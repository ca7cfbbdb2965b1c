#include "training_rounds.hpp"

#include <filesystem>
#include <string>

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm {

TrainingRounds::TrainingRounds(const PlannedCampaign& planned,
                               const RunPlace& place,
                               const Log& log)
    : place_(place), log_(log), ensembles_(planned, place) {}

std::vector<Task> TrainingRounds::next() {
    choices_ = ensembles_.choices();
    tell_exclusions();
    // A journal line would make a damaged result look done. One that was damaged while this farm
    // ran is made again, once.
    for (const Digest& task : ensembles_.take_damaged()) {
        std::filesystem::remove(place_.directory.result(task));
        if (damaged_.insert(task).second) {
            offered_.erase(task);
        } else {
            hopeless_.insert(task);
        }
    }
    std::vector<Task> tasks;
    for (const EnsembleChoice& choice : choices_) {
        for (const TrainTask& training : choice.trainings) {
            if (!place_.farm.shard.owns(training.digest)) continue;
            if (is_offered(training.digest)) tasks.push_back(task_of(training));
        }
    }
    return tasks;
}

/// What a job that joined could not do now because another one did it may be its own later.
bool TrainingRounds::is_offered(const Digest& training) {
    if (!place_.farm.join) return offered_.insert(training).second;
    return !ensembles_.has_read(training) && !hopeless_.contains(training);
}

std::vector<Task> TrainingRounds::all() const {
    std::vector<Task> tasks;
    for (const EnsembleChoice& choice : choices_) {
        for (const TrainTask& training : choice.trainings) tasks.push_back(task_of(training));
    }
    return tasks;
}

Task TrainingRounds::task_of(const TrainTask& training) const {
    return {training.digest,
            training.name,
            training.flop,
            {},
            training.identity,
            [this, &training](std::uint64_t attempt) { return request_frame(training, attempt); }};
}

void TrainingRounds::tell_exclusions() {
    for (const EnsembleChoice& choice : choices_) {
        for (const Exclusion& exclusion : choice.exclusions()) {
            if (!told_.insert(exclusion.text).second) continue;
            log_.warning("net excluded", {{"ensemble", choice.name}, {"why", exclusion.text}});
        }
    }
}

std::vector<std::byte> TrainingRounds::request_frame(const TrainTask& training,
                                                     std::uint64_t attempt) const {
    TrainRequest request = training.request();
    request.result_path = place_.directory.result(training.digest).string();
    request.state_path = place_.directory.state(training.digest, attempt).string();
    for (NetRequest& net : request.nets) {
        if (net.warm_start.task == Digest{}) continue;
        net.warm_start.path = place_.directory.result(net.warm_start.task).string();
    }
    return frame(TrainerRequest(std::move(request)));
}

}  // namespace ratiofarm
