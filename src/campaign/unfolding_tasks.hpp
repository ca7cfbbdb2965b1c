#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "core/task_identity.hpp"
#include "protocol/trainer_protocol.hpp"

#include "task_graph.hpp"

namespace ratiofarm {

/// One net of an unfolding.
struct UnfoldTask {
    Digest digest;     ///< of everything that determines the result, those it reads included
    std::string name;  ///< "unfold/nominal/data 3/0/it2/step1"
    TaskIdentity identity;
    double flop = 0.0;           ///< expected cost at all epochs
    std::vector<Digest> after;   ///< tasks whose results it reads
    bool kept = false;           ///< its result outlives the tasks that read it
    std::uint64_t together = 0;  ///< tasks with the same number share results, others none
    UnfoldRequest request;       ///< without paths
};

/// The nets of one chain: one variation, one replica, one member.
struct UnfoldChain {
    std::string variation;           ///< empty: nominal
    std::uint32_t data_replica = 0;  ///< 1, 2, ...; 0: the data as they are
    std::uint32_t mc_replica = 0;    ///< 1, 2, ...; 0: the simulation as it is
    std::uint32_t member = 0;
    std::vector<Digest> reco;   ///< [iterations] step 1
    std::vector<Digest> truth;  ///< [iterations] step 2
};

/// All of an unfolding: a pure value.
struct UnfoldingPlan {
    std::vector<UnfoldTask> tasks;    ///< each after those it reads
    std::vector<UnfoldChain> chains;  ///< nominal, replicas of the data, of the simulation, then
                                      ///< variations; by member
};

/// The chains of a campaign and their tasks. Seeds of nets come from member, iteration and step,
/// and so are the same in all variations and replicas: what differs between those are events, not
/// nets. Results that are kept: the last step 2 of every chain, and all of the nominal ones.
/// \pre campaign.unfolding
/// \throws DataError if a sample, a column of weights or a feature is missing; ConfigError if the
///         split has folds
UnfoldingPlan make_unfolding_plan(const GraphInputs& inputs);

/// Tasks whose results are to be made: those that stay and are not there, and what they read.
/// The last ones first. \param is_there  whether the result of a task is
std::vector<const UnfoldTask*> unfolding_to_do(
    const UnfoldingPlan& plan, const std::function<bool(const UnfoldTask&)>& is_there);

/// What decides in which shard a task is: tasks that share results are in one.
Digest shard_key(const UnfoldTask& task);

/// A task of the plan by its name, for who has no events.
struct UnfoldName {
    std::string name;
    bool kept = false;  ///< as UnfoldTask::kept
    bool ends_chain = false;
};
std::vector<UnfoldName> unfold_names(const UnfoldingSection& section);

/// Seed of the Poisson(1) weights of a replica of the data or of the simulation; number 0: none.
std::uint64_t data_replica_seed(const Campaign& campaign, std::uint32_t number);
std::uint64_t mc_replica_seed(const Campaign& campaign, std::uint32_t number);

}  // namespace ratiofarm
