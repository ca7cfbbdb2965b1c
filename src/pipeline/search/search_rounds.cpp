#include "search_rounds.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm {

SearchRounds::SearchRounds(const PlannedCampaign& planned,
                           const RunDirectory& directory,
                           SearchPlan plan,
                           std::string_view device,
                           const Log& log)
    : search_(*planned.campaign.search),
      directory_(directory),
      log_(log),
      plan_(std::move(plan)),
      inputs_{planned.campaign, planned.samples, device},
      steering_(planned.campaign, directory, log),
      results_(directory, TrainedResults::Curves::kept) {
    if (judges_together(search_)) judge_.emplace(planned, directory);
}

std::vector<Task> SearchRounds::next() {
    const std::size_t before = state_.decisions.size();
    state_ = successive_halving(
        plan_.halving, [this](TrialRung what) { return score(what); },
        [this](const HalvingMoment& moment) { return begin(moment); });
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

std::optional<std::vector<Task>> SearchRounds::proposed() {
    std::vector<Task> tasks;
    if (steering_.has_ended()) tasks = next();
    if (tasks.empty() && steering_.running()) return std::nullopt;
    return tasks;
}

std::optional<SearchRecord> SearchRounds::record() {
    const TrialScore known = [this](TrialRung what) { return score(what); };
    if (!best_trial(state_, known)) return std::nullopt;
    SearchScores scores{known};
    if (search_.second_objective != SecondObjective::none) {
        scores.second = [this](TrialRung what) { return second_of(what); };
    }
    SearchRecord record = search_record(plan_, search_, state_, scores);
    record.dropped = dropped_;
    return record;
}

/// Settings that were determined stay: more results only add some.
Beginning SearchRounds::begin(const HalvingMoment& moment) {
    if (moment.cost >= plan_.cost_limit) return Beginning::never;
    if (waits_for_generation(search_, moment.rungs_ended)) return Beginning::after_another;
    if (moment.trial < plan_.settings.size()) return Beginning::now;
    if (ended_) return Beginning::never;
    if (!trouble_.empty()) return Beginning::later;
    try {
        const auto trials = told(moment);
        if (!trials) return Beginning::later;
        if (search_.sampler != SearchSampler::external) {
            add_trial(plan_, inputs_, next_setting(search_, inputs_.campaign.seed, *trials));
            return Beginning::now;
        }
        const auto answer = steering_.ask(*trials);
        if (!answer) return Beginning::later;
        dropped_ += answer->dropped;
        ended_ = answer->points.empty();
        for (const SearchSetting& point : answer->points) add_trial(plan_, inputs_, point);
        return ended_ ? Beginning::never : Beginning::now;
    } catch (const Error& problem) {
        trouble_ = fmt::format("the search cannot begin trial {}: {}", plan_.settings.size(),
                               problem.what());
        return Beginning::later;
    }
}

/// The planned work if none is measured; nothing while a result is missing.
std::optional<double> SearchRounds::second_of(TrialRung what) {
    if (const auto objective = measured(search_.second_objective)) {
        return value(what, *objective);
    }
    double flop = 0.0;
    for (std::uint32_t rung = 0; rung <= what.rung; ++rung) {
        flop += plan_.halving.cost_of(what.trial, rung);
    }
    return flop;
}

/// Nothing while a result is missing.
std::optional<std::vector<ToldTrial>> SearchRounds::told(const HalvingMoment& moment) {
    std::vector<ToldTrial> trials;
    for (std::uint32_t trial = 0; trial < moment.trial; ++trial) {
        ToldTrial one{plan_.settings[trial], moment.rungs_ended[trial], 0.0};
        if (one.rungs > 0) {
            const auto value = score({trial, one.rungs - 1});
            if (!value) return std::nullopt;
            one.objective = *value;
            const auto second = second_of({trial, one.rungs - 1});
            if (!second) return std::nullopt;
            one.second = *second;
        }
        trials.push_back(std::move(one));
    }
    return trials;
}

/// Known when the second objective is, too: that may take evaluations of the nets.
std::optional<double> SearchRounds::score(TrialRung what) {
    const auto found = value(what, search_.objective);
    if (found && std::isfinite(*found) && !second_of(what)) return std::nullopt;
    return found;
}

std::optional<double> SearchRounds::value(TrialRung what, SearchObjective objective) {
    const auto known = values_.find({what, objective});
    if (known != values_.end()) return known->second;
    const auto found = measure(what, objective);
    if (found) values_.emplace(std::pair(what, objective), *found);
    return found;
}

std::optional<double> SearchRounds::measure(TrialRung what, SearchObjective objective) {
    const bool judged = judges_together(search_, objective);
    const auto mean = mean_of_nets(what, judged ? SearchObjective::loss : objective);
    if (!mean || !std::isfinite(*mean) || !judged) return mean;
    const auto trainings = plan_.tasks_of(what);
    std::vector<std::shared_ptr<const TrainingResult>> results;
    std::vector<const TrainedNet*> nets;
    for (const TrainTask& training : trainings) {
        results.push_back(results_.find(training.digest));
        nets.push_back(&results.back()->nets.front());
    }
    return judge_->value(objective, trainings, nets);
}

/// Over the processes.
std::optional<double> SearchRounds::mean_of_nets(TrialRung what, SearchObjective objective) {
    const auto trainings = plan_.tasks_of(what);
    const std::size_t members = trainings.size() / plan_.processes.size();
    double sum = 0.0;
    for (std::size_t first = 0; first < trainings.size(); first += members) {
        std::vector<std::shared_ptr<const TrainingResult>> results;
        std::vector<const TrainedNet*> nets;
        for (const TrainTask& training : trainings.subspan(first, members)) {
            results.push_back(results_.find(training.digest));
            if (results.back() == nullptr) return std::nullopt;
            nets.push_back(&results.back()->nets.front());
        }
        sum += search_objective(objective, nets, trainings[first].common->training.keep);
    }
    if (!std::isfinite(sum)) return std::numeric_limits<double>::infinity();
    return sum / static_cast<double>(plan_.processes.size());
}

void SearchRounds::add_tasks(TrialRung what, std::vector<Task>& tasks) {
    const auto trainings = plan_.tasks_of(what);
    bool trained = true;
    for (const TrainTask& training : trainings) {
        if (results_.find(training.digest) != nullptr) continue;
        trained = false;
        if (!offered_.insert(training.digest).second) continue;
        tasks.push_back(training_task(training));
    }
    if (!trained || !judge_) return;
    for (Task& task : judge_->tasks(trainings)) {
        if (offered_.insert(task.digest).second) tasks.push_back(std::move(task));
    }
}

Task SearchRounds::training_task(const TrainTask& training) const {
    TrainRequest request = training.request();
    request.result_path = directory_.result(training.digest).string();
    request.state_path = directory_.state(training.digest).string();
    Continuation& continuation = request.continuation;
    if (continuation.from_task != Digest{}) {
        continuation.from_path = directory_.state(continuation.from_task).string();
    }
    return {training.digest, training.name, training.flop,
            frame(TrainerRequest(std::move(request))), training.identity};
}

/// A trial that goes on after all would begin again, with the same bits: only time is lost.
void SearchRounds::remove_states() {
    const std::set<TrialRung> keep(state_.to_keep.begin(), state_.to_keep.end());
    for (const HalvingDecision& decision : state_.decisions) {
        const TrialRung what = decision.what;
        if (keep.contains(what) || removed_.contains(what) ||
            !values_.contains({what, search_.objective}))
            continue;
        removed_.insert(what);
        for (const TrainTask& training : plan_.tasks_of(what)) {
            const std::string path = directory_.state(training.digest).string();
            std::error_code ignored;
            std::filesystem::remove(path, ignored);
            std::filesystem::remove(path + ".old", ignored);
        }
    }
}

std::vector<Task> SearchRounds::all() const {
    std::vector<Task> tasks;
    for (const HalvingDecision& decision : state_.decisions) {
        const auto trainings = plan_.tasks_of(decision.what);
        for (const TrainTask& training : trainings) tasks.push_back(training_task(training));
    }
    return tasks;
}

void SearchRounds::clean_up() {
    if (!judge_) return;
    for (const HalvingDecision& decision : state_.decisions) {
        judge_->remove_results(plan_.tasks_of(decision.what));
    }
}

}  // namespace ratiofarm
