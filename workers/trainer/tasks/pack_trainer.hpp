#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/events/pack_batches.hpp"

namespace ratiofarm::trainer {

/// The nets of a task on their device: weights, optimizer and sums of the losses.
class PackTrainer {
public:
    /// \throws ConfigError for a network or options that no engine can do
    PackTrainer(const TrainRequest& request, DeviceKind device);
    ~PackTrainer();

    /// Most events of one pass, for each net: a batch, or more when only evaluating.
    static std::int64_t capacity(const TrainRequest& request);

    /// One step of each running net. \param rates  [nets] learning rates
    void step(const Batch& batch, std::span<const double> rates);

    /// After a step, with training.average: takes the weights into their averages.
    void average(std::uint64_t steps_per_epoch);

    /// With training.average: weights and averages change places, until the next call. What is
    /// validated, measured and kept are the averages; save() knows which are which.
    void exchange_averages();

    /// Sum of the losses in the steps since the last reset. [nets]
    std::vector<double> training_sums() const;
    void reset_training_sums();

    /// The losses of validation events, which move no weight.
    void add_validation(const Batch& batch);
    std::vector<double> validation_sums() const;
    void reset_validation_sums();

    /// Logits of a batch, net after net. [nets * n * outputs]
    std::vector<float> logits(const Batch& batch);

    /// The others stay as they are. \param running  [nets]
    void set_running(const std::vector<bool>& running);

    /// Fills row, moments and epoch_loss_sum of each net and what the nets share.
    void save(TrainingState& state) const;

    /// The inverse. All nets are running afterwards.
    void load(const TrainingState& state);

    /// Weights and biases of one net, those in place. [trainable_size]
    std::vector<float> trainable(std::size_t net) const;
    void set_trainable(std::size_t net, std::span<const float> values);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Mean loss per event of one epoch.
struct EpochLoss {
    double training = 0.0;
    double validation = 0.0;
};

/// Whether a net has epochs left: it has not diverged, and its best epoch is not `patience` back.
bool is_running(const NetState& net, const TrainingOptions& options);

/// Why the losses of an epoch cannot be those of a sound net: not finite, or negative, which only
/// negative weights can cause. Empty if they can.
std::string divergence(const EpochLoss& loss, std::uint64_t epoch, std::uint64_t negative_weights);

/// Takes note of a complete epoch of a running net.
/// \return whether it is its best so far
bool note_epoch(NetState& net, const EpochLoss& loss);

/// What a net that runs no more has come to, without what its nets share: events, quality. The row
/// of one that diverged is all zeros, which no evaluation accepts.
TrainedNet trained_net(const NetState& net, Keep keep);

}  // namespace ratiofarm::trainer
