#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"

#include "campaign/task_graph.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// The class probabilities that the farm found for the events of a sample: results of the inference
/// tasks of a preselection. One block of them is in memory at a time.
class EventScores {
public:
    /// \param graph of the preselection; outlives this
    EventScores(const TaskGraph& graph, RunDirectory directory, std::string sample);

    /// ln s_k of one event; cheap for rows in rising order. \return [classes]
    /// \throws DataError if a result is missing or damaged
    std::span<const double> of(std::uint64_t row);

private:
    void load(std::uint64_t row);

    const TaskGraph& graph_;
    RunDirectory directory_;
    std::string sample_;
    Range rows_{0, 0};             // of the block in memory
    std::vector<float> block_;     // [classes, rows]
    std::vector<double> classes_;  // of the last event
};

}  // namespace ratiofarm
