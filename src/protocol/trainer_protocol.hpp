#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "core/task_progress.hpp"

#include "event_sums.hpp"
#include "unfolding_step.hpp"

/// What a supervisor and its trainer say to each other over their local socket. Each frame is
/// u32 size of the body, u8 index of the message in the variant, then the encoded body.
namespace ratiofarm {

/// One sample as part of a class of the classifier; its weights are scaled to `fraction` of the
/// class, and both classes have the same total weight.
struct ClassComponent {
    SampleColumns sample;
    double fraction = 1.0;  ///< > 0; the fractions of a class sum to 1
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ClassComponent>& value) {
    archive(value.sample, value.fraction);
}

/// Where a net that is fine-tuned gets its first weights.
struct WarmStart {
    std::string path;       ///< TaskFile of a TrainingResult; empty: initialised by the seed
    Digest task;            ///< that the file belongs to
    std::uint32_t net = 0;  ///< within it
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, WarmStart>& value) {
    visit("path", value.path, Key{.effect = Key::Effect::none});
    visit("task", value.task);
    visit("net", value.net);
}

/// What is special to one net of a task; everything else its nets share.
struct NetRequest {
    std::string name;  ///< "S/member 3", for messages
    std::uint64_t initialisation_seed = 0;
    std::uint64_t shuffle_seed = 0;
    std::uint64_t replica = 0;  ///< seed of the Poisson(1) weights of its events; 0: none
    double rate_factor = 1.0;   ///< of training.learning_rate
    WarmStart warm_start;
    std::uint32_t half = 0;  ///< 1 or 2: it learns only from this half of the training events,
                             ///< cut by another hash of their id, and is validated on all of
                             ///< them; 0: from all. The nets of a task agree on it
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, NetRequest>& value) {
    visit("name", value.name, Key{.effect = Key::Effect::none});
    visit("initialisation_seed", value.initialisation_seed);
    visit("shuffle_seed", value.shuffle_seed);
    visit("replica", value.replica);
    visit("rate_factor", value.rate_factor);
    visit("half", value.half);
    visit("warm_start", value.warm_start);
}

/// A training that is continued by another one, with the same bits as if it had never stopped: a
/// rung of a search.
struct Continuation {
    std::uint32_t stop_epoch = 0;  ///< ends after this epoch, the schedule being that of all
                                   ///< epochs; its last checkpoint stays. 0: no rung
    std::string from_path;         ///< checkpoint of the rung before; empty, lost or damaged: from
                                   ///< the beginning, with the same bits
    Digest from_task;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Continuation>& value) {
    visit("stop_epoch", value.stop_epoch);
    visit("from_path", value.from_path, Key{.effect = Key::Effect::none});
    visit("from_task", value.from_task);
}

/// Train one net, or a pack of nets in step: logit of p_numerator / p_denominator.
struct TrainRequest {
    Digest task;
    std::string name;                         ///< "S/member 3" or "S/members 0..7", for messages
    std::vector<ClassComponent> numerator;    ///< class 1
    std::vector<ClassComponent> denominator;  ///< class 0
    /// Of a classifier: events of each class, one per output of the network; numerator and
    /// denominator are then empty. Softmax, cross-entropy with weights, classes weigh the same.
    std::vector<std::vector<ClassComponent>> classes;
    std::vector<std::uint32_t> features;  ///< columns of the feature matrix, in input order
    Split split;
    std::uint32_t fold = 0;  ///< of its nets, if the split has folds
    Network network;
    TrainingOptions training;
    std::vector<NetRequest> nets;  ///< at least one
    bool held_out = false;         ///< also measure NetQuality::held_out_gain
    Continuation continuation;
    std::string result_path;  ///< published TaskFile when done
    std::string state_path;   ///< checkpoint; the older generation is state_path + ".old"
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainRequest>& value) {
    archive(value.task, value.name, value.numerator, value.denominator, value.classes,
            value.features, value.split, value.fold, value.network, value.training, value.nets,
            value.held_out, value.continuation, value.result_path, value.state_path);
}

/// What a task of an unfolding learns.
enum class UnfoldStep : std::uint8_t {
    acceptance = 0,  ///< a(x), which fakes = "follow" weighs the data by
    reco = 1,        ///< data against simulation
    truth = 2,       ///< pulled simulation against the generator
    subtraction =
        3,  ///< the share of the data that is no background, which `density` weighs them by
};

/// Events that an ensemble is evaluated on.
enum class EventPart : std::uint8_t {
    inference,   ///< of the split; with folds all, each by the nets of its fold
    validation,  ///< of the split; only without folds
    all,         ///< whatever the split says; with folds each by the nets of its fold
};

/// Evaluate an ensemble on the events of one part among rows [first, first + count). A classifier
/// gives the logarithms of its class probabilities, geometric means over its nets.
struct InferRequest {
    Digest task;
    std::string name;  ///< "S on SBI rows 0..262144", for messages
    SampleColumns sample;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<std::uint32_t> features;
    Split split;
    EventPart part = EventPart::inference;
    Network network;
    std::string ensemble_file;            ///< absolute path; rows are mapped
    FileStamp ensemble_stamp;             ///< when its checksums were compared
    std::uint64_t weights_offset = 0;     ///< bytes to row 0; f32 [members, row_stride]
    std::uint64_t row_stride = 0;         ///< elements
    std::uint32_t members = 0;            ///< nets of the file, over all folds
    std::vector<std::uint32_t> net_fold;  ///< [members] fold of each net; empty without folds
    std::uint64_t calibration_offset =
        0;  ///< 0: not calibrated; otherwise bytes to f32 [members, 2, calibration_knots],
            ///< logits then calibrated, NaN beyond the last knot
    Combine combine = Combine::mean_log_ratio;
    Precision precision = Precision::fp32;
    bool keep_members = false;  ///< the logit of every member in the result, too
    std::uint32_t threads = 1;
    std::string result_path;  ///< published TaskFile when done
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, InferRequest>& value) {
    archive(value.task, value.name, value.sample, value.first, value.count, value.features,
            value.split, value.part, value.network, value.ensemble_file, value.ensemble_stamp,
            value.weights_offset, value.row_stride, value.members, value.net_fold,
            value.calibration_offset, value.combine, value.precision, value.keep_members,
            value.threads, value.result_path);
}

/// Write a checkpoint of the running training now and go on.
struct CheckpointRequest {};
/// Write a checkpoint of the running training and give it up; answered by TaskStopped.
struct StopRequest {};

template <class Archive>
void fields(Archive&, MemberOf<Archive, CheckpointRequest>&) {}
template <class Archive>
void fields(Archive&, MemberOf<Archive, StopRequest>&) {}

/// Result of another task of an unfolding that a task reads.
struct UnfoldParent {
    std::string path;  ///< TaskFile of an UnfoldResult
    Digest task;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, UnfoldParent>& value) {
    archive(value.path, value.task);
}

/// When a net of an unfolding is not good enough: it is trained again with other seeds.
struct UnfoldLimits {
    double closure = 0.0;  ///< |E[ratio] - 1| on validation events beyond five errors; 0: none
    double clipped = 0.0;  ///< share of the weight whose logit was clipped; 0: none
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, UnfoldLimits>& value) {
    archive(value.closure, value.clipped);
}

/// One step of one chain of an unfolding: train a net, evaluate it on all simulated events and
/// publish both, see unfolding_step.hpp.
struct UnfoldRequest {
    Digest task;
    std::string name;  ///< "unfold/nominal/data 3/0/it2/step1"
    UnfoldStep step = UnfoldStep::reco;
    bool pretraining = false;  ///< a net for later steps of this kind to begin with: `data`, which
                               ///< has levels then, against the simulation; no weights of events
    SampleColumns data;
    SampleColumns simulation;               ///< with levels
    std::vector<SampleColumns> background;  ///< that step 1 adds to the simulation
    std::vector<std::uint32_t> features;    ///< columns of the features; of step 2 of the truth
    Split split;                            ///< of the simulation; the data have no inference part
    Network network;
    TrainingOptions training;
    Misses misses = Misses::extrapolate;
    Fakes fakes = Fakes::none;
    std::uint64_t data_replica = 0;  ///< seed of Poisson(1) weights of the data; 0: none
    std::uint64_t mc_replica = 0;    ///< of simulation and background
    /// The mean of their weights, in this order, is where the step begins: nu of the iteration
    /// before for step 1, none: 1; the pulled weights for step 2.
    std::vector<UnfoldParent> before;
    std::vector<UnfoldParent> acceptance;   ///< likewise, of data, then background
    std::vector<UnfoldParent> subtraction;  ///< likewise
    std::vector<NetRequest> attempts;       ///< the first one that is within the limits counts
    UnfoldLimits limits;
    std::string result_path;  ///< published TaskFile when done
    std::string state_path;   ///< checkpoint, as of TrainRequest
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, UnfoldRequest>& value) {
    archive(value.task, value.name, value.step, value.pretraining, value.data, value.simulation,
            value.background, value.features, value.split, value.network, value.training,
            value.misses, value.fakes, value.data_replica, value.mc_replica, value.before,
            value.acceptance, value.subtraction, value.attempts, value.limits, value.result_path,
            value.state_path);
}

using TrainerRequest = std::variant<TrainRequest,
                                    InferRequest,
                                    CheckpointRequest,
                                    StopRequest,
                                    UnfoldRequest,
                                    HoldEventsRequest,
                                    SumEventsRequest,
                                    ForgetEventsRequest>;

/// What two programs must agree on to work together: the layout of all messages, and
/// training_algorithm. Programs of other sources have another one.
Digest trainer_wire();

/// First message of a trainer. `wire` comes first whatever follows.
struct TrainerHello {
    Digest wire = trainer_wire();
    std::string device;    ///< "cpu" or "cuda:0 NVIDIA H100 GPU-<uuid> 0000:1b:00.0"
    std::string libtorch;  ///< version
    std::uint64_t pid = 0;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainerHello>& value) {
    archive(value.wire, value.device, value.libtorch, value.pid);
}

/// Sign of life, about once a second while a task runs.
struct TaskAlive {
    Digest task;
    TaskProgress progress;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskAlive>& value) {
    archive(value.task, value.progress);
}

/// The result is published at the path of the request.
struct TaskDone {
    Digest task;
    TaskResult result;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskDone>& value) {
    archive(value.task, value.result);
}

enum class FailureKind : std::uint8_t {
    task,     ///< bad data, diverged loss: it would fail again
    memory,   ///< an allocation was refused: counts like a crash
    storage,  ///< disk full, quota, read-only, folder gone: not the task's fault, later perhaps
};

/// The task was not done, and the trainer lives.
struct TaskFailed {
    Digest task;
    std::string reason;
    FailureKind kind = FailureKind::task;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskFailed>& value) {
    archive(value.task, value.reason, value.kind);
}

/// Answer to StopRequest: the checkpoint is on disk.
struct TaskStopped {
    Digest task;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskStopped>& value) {
    archive(value.task);
}

using TrainerReply =
    std::variant<TrainerHello, TaskAlive, TaskDone, TaskFailed, TaskStopped, EventSums>;

/// The frame of one message, ready to be written to the socket.
std::vector<std::byte> frame(const TrainerRequest& request);
std::vector<std::byte> frame(const TrainerReply& reply);

/// Cuts a stream of bytes into frames.
class FrameBuffer {
public:
    void append(std::span<const std::byte> bytes);

    /// The next complete message, if all of it has come.
    /// \throws DataError if the bytes are no message of this version
    std::optional<TrainerRequest> next_request();
    std::optional<TrainerReply> next_reply();

private:
    template <class Variant>
    std::optional<Variant> next();

    std::vector<std::byte> bytes_;
};

}  // namespace ratiofarm
