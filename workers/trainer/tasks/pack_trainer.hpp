#pragma once

#include <memory>
#include <span>
#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/events/pack_batches.hpp"

namespace ratiofarm {

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

    /// Weights and biases of one net. [trainable_size]
    std::vector<float> trainable(std::size_t net) const;
    void set_trainable(std::size_t net, std::span<const float> values);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace ratiofarm
