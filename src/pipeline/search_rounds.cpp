#include "search_rounds.hpp"

#include <filesystem>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm {

SearchRounds::SearchRounds(const PlannedCampaign& planned,
                           const RunDirectory& directory,
                           SearchPlan plan,
                           const Log& log)
    : search_(*planned.campaign.search),
      directory_(directory),
      log_(log),
      plan_(std::move(plan)),
      results_(directory, TrainedResults::Curves::kept) {
    if (search_.objective == SearchObjective::sigma) sigma_.emplace(planned, directory);
}

std::vector<Task> SearchRounds::next() {
    const std::size_t before = state_.decisions.size();
    state_ = successive_halving(plan_.halving, [this](TrialRung what) { return score(what); });
    for (std::size_t i = before; i < state_.decisions.size(); ++i) {
        const TrialRung what = state_.decisions[i].what;
        if (what.rung == 0) continue;
        log_.info("trial goes on", {{"trial", std::uint64_t{what.trial}},
                                    {"epochs", std::uint64_t{plan_.epochs[what.rung]}},
                                    {"objective", *score({what.trial, what.rung - 1})}});
    }
    std::vector<Task> tasks;
    for (const TrialRung& what : state_.to_do) add_tasks(what, tasks);
    for (const Digest& task : results_.take_damaged()) {
        std::error_code ignored;
        std::filesystem::remove(directory_.result(task), ignored);
    }
    remove_states();
    return tasks;
}

std::optional<SearchRecord> SearchRounds::record() {
    const TrialScore known = [this](TrialRung what) { return score(what); };
    if (!best_trial(state_, known)) return std::nullopt;
    return search_record(plan_, search_, state_, known);
}

std::optional<double> SearchRounds::score(TrialRung what) {
    const auto known = scores_.find(what);
    if (known != scores_.end()) return known->second;
    const auto value = judge(what);
    if (value) scores_.emplace(what, *value);
    return value;
}

std::optional<double> SearchRounds::judge(TrialRung what) {
    const auto trainings = plan_.tasks_of(what);
    const SearchObjective objective = search_.objective;
    std::vector<const TrainedNet*> nets;
    double sum = 0.0;
    for (const TrainTask& training : trainings) {
        const auto result = results_.find(training.digest);
        if (result == nullptr) return std::nullopt;
        const TrainedNet& net = result->nets.front();
        nets.push_back(&net);
        sum += search_objective(sigma_ ? SearchObjective::loss : objective, net,
                                training.common->training.keep);
    }
    if (!std::isfinite(sum)) return std::numeric_limits<double>::infinity();
    return sigma_ ? sigma_->sigma(trainings, nets) : sum / static_cast<double>(nets.size());
}

void SearchRounds::add_tasks(TrialRung what, std::vector<Task>& tasks) {
    const auto trainings = plan_.tasks_of(what);
    bool trained = true;
    for (std::size_t process = 0; process < trainings.size(); ++process) {
        const TrainTask& training = trainings[process];
        if (results_.find(training.digest) != nullptr) continue;
        trained = false;
        if (!offered_.insert(training.digest).second) continue;
        tasks.push_back(training_task(training, what, process));
    }
    if (!trained || !sigma_) return;
    for (Task& task : sigma_->tasks(trainings)) {
        if (offered_.insert(task.digest).second) tasks.push_back(std::move(task));
    }
}

Task SearchRounds::training_task(const TrainTask& training,
                                 TrialRung what,
                                 std::size_t process) const {
    TrainRequest request = training.request();
    request.result_path = directory_.result(training.digest).string();
    request.state_path = directory_.state(training.digest).string();
    if (what.rung > 0) {
        const TrainTask& before = plan_.tasks_of({what.trial, what.rung - 1})[process];
        request.continuation.from_path = directory_.state(before.digest).string();
    }
    return {training.digest, training.name, training.flop,
            frame(TrainerRequest(std::move(request))), training.identity};
}

/// A trial that goes on after all would begin again, with the same bits: only time is lost.
void SearchRounds::remove_states() {
    const std::set<TrialRung> keep(state_.to_keep.begin(), state_.to_keep.end());
    for (const HalvingDecision& decision : state_.decisions) {
        const TrialRung what = decision.what;
        if (keep.contains(what) || removed_.contains(what) || !scores_.contains(what)) continue;
        removed_.insert(what);
        for (const TrainTask& training : plan_.tasks_of(what)) {
            const std::string path = directory_.state(training.digest).string();
            std::error_code ignored;
            std::filesystem::remove(path, ignored);
            std::filesystem::remove(path + ".old", ignored);
        }
    }
}

void SearchRounds::clean_up() {
    if (!sigma_) return;
    for (const HalvingDecision& decision : state_.decisions) {
        sigma_->remove_results(plan_.tasks_of(decision.what));
    }
}

}  // namespace ratiofarm
