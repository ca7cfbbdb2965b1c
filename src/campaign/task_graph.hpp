#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "core/task_identity.hpp"
#include "protocol/trainer_protocol.hpp"

#include "campaign.hpp"
#include "ensemble_spec.hpp"

namespace ratiofarm {

/// The net that is planned for one place of an ensemble.
struct PlannedNet {
    std::string name;      ///< "S/fold 1/member 3"
    std::string ensemble;  ///< "S"
    std::uint32_t fold = 0;
    std::uint32_t member = 0;  ///< within its fold
    Digest task;               ///< training it is a part of
    std::uint32_t net = 0;     ///< index in that task's nets
    bool operator==(const PlannedNet&) const = default;
};

/// One ensemble of a graph.
struct PlannedEnsemble {
    EnsembleSpec spec;
    std::vector<PlannedNet> nets;  ///< by fold, then member
    Digest digest;  ///< of everything that determines its nets in the end: trainings,
                    ///< gates, replacements, further members
};

/// One training: some nets of one ensemble and fold.
struct TrainTask {
    Digest digest;                 ///< of everything that determines the weights
    std::string name;              ///< "S/member 3", or "S/members 0..7" of a pack
    std::string ensemble;          ///< "S"
    std::vector<PlannedNet> nets;  ///< in the order of the request
    std::vector<Digest> after;  ///< trainings whose nets it begins with; done in an earlier round
    TaskIdentity identity;
    double flop = 0.0;  ///< expected cost at all epochs
    /// What the trainings of an ensemble and fold share: the request without name, digest and nets.
    /// Of 100 processes it has 20 kB.
    std::shared_ptr<const TrainRequest> common;
    std::vector<NetRequest> net_requests;  ///< in the order of `nets`

    /// Without paths of results, and of nets to begin with.
    TrainRequest request() const;
};

/// One evaluation: an ensemble on a range of rows of one sample.
struct InferTask {
    Digest digest;     ///< of ensemble digest, sample digest, range and options
    std::string name;  ///< "S on SBI rows 0..262144"
    std::string ensemble;
    std::string sample;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    TaskIdentity identity;
    double flop = 0.0;  ///< expected cost
    /// Without the place of the weights and the path of the result. Its members and folds are the
    /// planned ones: the ensemble file says which there are in the end.
    InferRequest request;
};

/// All tasks of a campaign: a pure value.
struct TaskGraph {
    std::vector<PlannedEnsemble> ensembles;  ///< in the order of ensemble_specs()
    std::vector<TrainTask> trainings;        ///< by ensemble, then fold, then member
    std::vector<InferTask> inferences;       ///< by sample, then ensemble, then range

    /// \throws DataError with the nearest name if there is none
    const PlannedEnsemble& ensemble(std::string_view name) const;
};

/// What a graph is made from.
struct GraphInputs {
    const Campaign& campaign;
    /// One entry per sample of samples_to_read(), in any order.
    const std::vector<SampleInfo>& samples;
    std::string_view device_class;  ///< "cpu" or "cuda"
};

/// Events per inference task; fixed, so that the bits do not depend on the machine.
inline constexpr std::uint64_t inference_range = 262144;

/// Samples that the nets are evaluated on, each once, the event sets of the ratio file: those of
/// the processes in their order, then the data sample, if one is fitted.
std::vector<std::string> campaign_samples(const Campaign& campaign);

/// All samples that a campaign reads: campaign_samples(), then the varied ones of the systematics.
std::vector<SampleToRead> samples_to_read(const Campaign& campaign);

/// Fractions for evaluating a sample: those of the campaign for simulated samples; all events of
/// the data sample, since none of them trained a net.
Split inference_split(const Campaign& campaign, std::string_view sample);

/// Digest of an ensemble, PlannedEnsemble::digest.
Digest ensemble_digest(const TaskGraph& graph, std::string_view ensemble);

/// The training of another net instead of one that was excluded. Its seeds are those of the name
/// "<net>/replacement <attempt>", all else is as for the planned one; its task holds no other net.
/// \param attempt 1, 2, ...
TrainTask replacement_task(const GraphInputs& inputs, const PlannedNet& net, std::uint32_t attempt);

/// Trainings of members [members.first, members.last) of every fold of an ensemble, beyond those
/// of the campaign: for [ensemble] until_spread. Packs begin at members.first.
std::vector<TrainTask> further_members(const GraphInputs& inputs,
                                       std::string_view ensemble,
                                       Range members);

/// Digest of everything that determines a file of ratios: all inference tasks and what is done with
/// their results (processes, yields that no campaign declares, shapes, reference, normalisation,
/// split, data).
Digest ratios_digest(const Campaign& campaign,
                     const std::vector<SampleInfo>& samples,
                     const TaskGraph& graph);

/// \throws ConfigError if the campaign has no events, or a systematic names the shape of a process
/// without saying which events show it
void expect_trainable(const Campaign& campaign);

/// The task graph of a campaign on these samples: the ensembles of ensemble_specs(), cut into
/// trainings, and each of them evaluated on every sample of campaign_samples(). Device class and
/// thread count are part of a training's digest; rank count, paths and device index are not, nor
/// are names: a process that is added or renamed changes no digest but its own.
/// \param samples one entry per sample of samples_to_read(), in any order
/// \throws DataError if a sample or a feature is missing; ConfigError as expect_trainable()
TaskGraph make_task_graph(const Campaign& campaign,
                          const std::vector<SampleInfo>& samples,
                          std::string_view device_class);

}  // namespace ratiofarm
