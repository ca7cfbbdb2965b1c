#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"
#include "task_graph.hpp"
#include "unfolding_tasks.hpp"

namespace ratiofarm {

/// What a campaign will need, printed by `plan`. Bytes are estimates to about ten percent.
struct Cost {
    std::uint64_t nets = 0;
    std::uint64_t trainings = 0;  ///< tasks, of one or more nets
    std::uint64_t inferences = 0;
    std::uint64_t parameters_per_net = 0;  ///< trainable: weights and biases
    double training_flop = 0.0;            ///< at all epochs; early stopping makes it less
    double inference_flop = 0.0;
    std::uint64_t disk_bytes = 0;            ///< of the finished run directory
    std::uint64_t copy_bytes = 0;            ///< of events that cannot be mapped as they are
    std::uint64_t peak_disk_bytes = 0;       ///< with the checkpoints of running trainings
    std::uint64_t net_bytes = 0;             ///< weights of one net, in whatever file
    std::uint64_t checkpoint_bytes = 0;      ///< of the largest training, one generation
    std::uint64_t block_bytes = 0;           ///< results of all inference tasks
    std::uint64_t ratio_bytes = 0;           ///< of ratios.h5
    std::uint64_t inodes = 0;                ///< files and folders, at their peak
    std::uint64_t trainer_memory_bytes = 0;  ///< of one trainer
    std::uint64_t fit_memory_bytes = 0;      ///< over all ranks
};

/// Cost of a campaign's whole graph, without nets that gates or a wanted spread may add.
///
///     FLOP of a training   nets * epochs * forward_flop * (3 train + 1 validation events), the
///                          backward pass being two forward passes; both classes count, an event
///                          in both once
///     FLOP of an inference nets of an event's fold * forward_flop * inference events
///     disk                 result files 4 B per row element + 16 B per epoch + 500 B per net;
///                          ensemble files once more; 8 B per event and averaged ensemble in result
///                          blocks; in ratios.h5 24 B per event for id, row and weight, 8 B per
///                          process and per trained shape; 4 B per event and kept net in both
///     peak                 + per worker three checkpoints of its largest training, 4 B * (2 rows +
///                          2 moments) per net
///     trainer memory       120 MB of program, the events of both classes (4 B per feature and for
///                          two weights), per net five copies of the parameters and the activations
///                          of one batch
///     fit memory           per inference event 16 B per process + 16 B (ratios and weight, as read
///                          and as evaluated) + 8 B per trained shape, and 60 MB per rank
///
/// \param workers trainers that run at the same time, one per rank; > 0
Cost cost_of(const Campaign& campaign,
             const std::vector<SampleInfo>& samples,
             const TaskGraph& graph,
             std::uint64_t workers = 1);

/// Results of the chains of an unfolding, and its table.
struct UnfoldingSpace {
    std::uint64_t kept = 0;  ///< results that stay
    std::uint64_t kept_bytes = 0;
    std::uint64_t passing = 0;  ///< at most, of the results that go again
    std::uint64_t passing_bytes = 0;
    std::uint64_t table_bytes = 0;  ///< of unfolded.h5
};

///     result   4 B per simulated event (acceptance: per data event; pretraining: 0) + 4 B per row
///     element + 16 B
///              per epoch + 500 B
///     passing  the longest way to go first, so all chains advance together: one result of each
///              chain, with warm starts two, one more of each worker or, where a step reads all
///              members, of each chain; and all acceptances and pretrained nets
///     table    4 B per column of the truth, 16 B and 8 B per column of weights, for each published
///              event
///
/// \param to_do  tasks whose results are to be made
UnfoldingSpace unfolding_space(const GraphInputs& inputs,
                               const UnfoldingPlan& plan,
                               std::uint64_t workers,
                               std::span<const UnfoldTask* const> to_do);

}  // namespace ratiofarm
