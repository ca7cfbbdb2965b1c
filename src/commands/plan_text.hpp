#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "campaign/campaign.hpp"
#include "campaign/cost.hpp"
#include "campaign/task_graph.hpp"
#include "pipeline/search/search_status.hpp"
#include "scheduler/cost_model.hpp"

namespace ratiofarm {

/// Cost of a campaign on some workers.
struct Plan {
    Campaign campaign;  ///< plain; as written while its events are not selected
    TaskGraph graph;
    std::optional<TaskGraph> preselection;
    bool selects = false;   ///< the campaign selects events
    bool selected = false;  ///< and has done it: otherwise all events are assumed to be selected
    Cost cost;
    std::string device;  ///< class of the trainers
    std::uint64_t workers = 1;
    double gflops = 40.0;              ///< sustained by one worker, if nothing was learned
    double start_seconds = 0.5;        ///< of each task besides; 0: gflops were given
    CostModel learned;                 ///< from what the run directory has finished
    double seconds = 0.0;              ///< of training and inference
    std::uint64_t trained = 0;         ///< nets that have results
    std::uint64_t changed = 0;         ///< trainings that the run directory has of another campaign
    std::string changes = {};          ///< what differs, one line each, in front of each a newline
    double seconds_left = 0.0;         ///< of `seconds`
    std::uint64_t damaged_lines = 0;   ///< of the journal: nothing was learned from them
    std::optional<SearchCost> search;  ///< if the campaign has one
    bool events_exist = false;         ///< otherwise sizes are those `simulate` will write
};

/// Cost of the chains of an unfolding on some workers.
struct UnfoldingCost {
    std::uint64_t chains = 0;
    std::uint64_t tasks = 0;
    std::uint64_t workers = 1;
    UnfoldingSpace space = {};
    std::uint64_t kept_done = 0;  ///< of the results that stay, those that are there
    double seconds = 0.0;
    double longest_chain = 0.0;  ///< seconds; no number of workers is faster
};

/// To stdout, for people and as JSON.
void print_text(const Plan& plan);
void print_json(const Plan& plan);
void print_text(const UnfoldingCost& cost);
void print_json(const UnfoldingCost& cost);

}  // namespace ratiofarm
