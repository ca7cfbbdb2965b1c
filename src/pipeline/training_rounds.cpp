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
        if (damaged_.insert(task).second) offered_.erase(task);
    }
    std::vector<Task> tasks;
    for (const EnsembleChoice& choice : choices_) {
        for (const TrainTask& training : choice.trainings) {
            if (!place_.farm.shard.owns(training.digest)) continue;
            if (offered_.insert(training.digest).second) {
                tasks.push_back({training.digest,
                                 training.name,
                                 training.flop,
                                 {},
                                 training.identity,
                                 [this, &training] { return request_frame(training); }});
            }
        }
    }
    return tasks;
}

void TrainingRounds::tell_exclusions() {
    for (const EnsembleChoice& choice : choices_) {
        for (const Exclusion& exclusion : choice.exclusions()) {
            if (!told_.insert(exclusion.text).second) continue;
            log_.warning("net excluded", {{"ensemble", choice.name}, {"why", exclusion.text}});
        }
    }
}

std::vector<std::byte> TrainingRounds::request_frame(const TrainTask& training) const {
    TrainRequest request = training.request();
    request.result_path = place_.directory.result(training.digest).string();
    request.state_path = place_.directory.state(training.digest).string();
    for (NetRequest& net : request.nets) {
        if (net.warm_start.task == Digest{}) continue;
        net.warm_start.path = place_.directory.result(net.warm_start.task).string();
    }
    return frame(TrainerRequest(std::move(request)));
}

}  // namespace ratiofarm
