#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "campaign/search/search_plan.hpp"
#include "farm/task.hpp"
#include "pipeline/training_rounds.hpp"
#include "results/search_record.hpp"

#include "search_judge.hpp"
#include "steering.hpp"

namespace ratiofarm {

/// What a search does next, on rank 0. Everything is derived from the results on disk.
class SearchRounds {
public:
    /// \param planned outlives this, and so does device
    SearchRounds(const PlannedCampaign& planned,
                 const RunDirectory& directory,
                 SearchPlan plan,
                 std::string_view device,
                 const Log& log);

    /// Tasks that are determined now, without a result, and were not offered before. States of
    /// trials that are out are removed, and so are results that cannot be read.
    std::vector<Task> next();

    /// As of the last next().
    const HalvingState& state() const { return state_; }

    /// Why no further trial can begin: an error of its setting, or of the program that proposes
    /// them. Empty: nothing is wrong.
    const std::string& trouble() const { return trouble_; }

    /// Tasks of points that a program has proposed meanwhile; nothing while it is at work.
    std::optional<std::vector<Task>> proposed();

    /// \return nothing if every trial failed \pre state().complete
    std::optional<SearchRecord> record();

    /// All trainings that were decided on, as of the last next().
    std::vector<Task> all() const;

    /// Removes what only a search that is over needed.
    void clean_up();

private:
    std::optional<double> score(TrialRung what);
    std::optional<double> value(TrialRung what, SearchObjective objective);
    std::optional<double> measure(TrialRung what, SearchObjective objective);
    std::optional<double> mean_of_nets(TrialRung what, SearchObjective objective);
    Beginning begin(const HalvingMoment& moment);
    std::optional<std::vector<ToldTrial>> told(const HalvingMoment& moment);
    std::optional<double> second_of(TrialRung what);
    void add_tasks(TrialRung what, std::vector<Task>& tasks);
    Task training_task(const TrainTask& training) const;
    void remove_states();

    const SearchSection& search_;
    RunDirectory directory_;
    Log log_;
    SearchPlan plan_;
    GraphInputs inputs_;
    Steering steering_;
    std::uint64_t dropped_ = 0;  ///< points of the program
    bool ended_ = false;         ///< by the program
    std::string trouble_;
    TrainedResults results_;
    std::optional<EnsembleJudge> judge_;
    std::map<std::pair<TrialRung, SearchObjective>, double> values_;
    std::set<Digest> offered_;
    std::set<TrialRung> removed_;  ///< states
    HalvingState state_;
};

}  // namespace ratiofarm
