#include "training.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/TensorOptions.h>

#include "ratiofarm/core/checkpoint_pause.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/task_file.hpp"

#include "cross_entropy.hpp"
#include "events.hpp"
#include "failpoint.hpp"
#include "flat_optimizer.hpp"
#include "initial_row.hpp"
#include "learning_rate.hpp"
#include "net_pack.hpp"
#include "table_tensor.hpp"
#include "training_state_store.hpp"

namespace ratiofarm {
namespace {

using Clock = std::chrono::steady_clock;

/// Validation has no reason to go in batches smaller than this.
constexpr std::int64_t validation_batch = 1024;

void require_available(const TrainRequest& request) {
    const TrainingOptions& options = request.training;
    if (options.precision == Precision::bf16) {
        throw ConfigError(
            "training.precision = \"bf16\" is not available in this version "
            "(use \"fp32\")");
    }
    if (options.epochs == 0 || options.batch == 0 || options.threads == 0) {
        throw ConfigError("training: epochs, batch and threads must be at least 1");
    }
    if (request.network.hidden.empty()) {
        throw ConfigError("network.hidden: at least one hidden layer is needed");
    }
}

/// A batch as a pack of one net sees it.
struct Columns {
    at::Tensor features;  ///< [1, n, inputs]
    at::Tensor positive;  ///< [1, n]
    at::Tensor total;     ///< [1, n]
};

Columns pack_columns(const Batch& batch) {
    return {batch.features->unsqueeze(0), batch.labels->mul(*batch.weights).unsqueeze_(0),
            batch.weights->unsqueeze(0)};
}

class Training {
public:
    Training(const TrainRequest& request, DeviceKind device, TaskControl& control, const Log& log);

    TrainerOutcome run();

private:
    NetState& net() { return state_.nets.front(); }
    const NetState& net() const { return state_.nets.front(); }
    bool finished() const;
    std::optional<TaskEnd> run_steps();
    std::optional<TaskEnd> finish_epoch();
    std::optional<TaskEnd> obey();
    void step();
    void require_sane(double loss, const char* which) const;
    void start_fresh();
    void restore(const TrainingState& saved);
    void save();
    std::vector<float> row() const;
    void set_trainable(const std::vector<float>& row);
    TaskDone publish_result();

    const TrainRequest& request_;
    TaskControl& control_;
    Log log_;
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_save_ = Clock::now();
    double save_seconds_ = 0.0;  ///< that the last checkpoint took
    bool resumed_ = false;

    TrainingEvents events_;
    std::uint64_t steps_per_epoch_;
    ShuffledTable training_;
    TableTensor validation_;
    std::unique_ptr<NetPack> pack_;
    FlatOptimizer optimizer_;
    CrossEntropy training_sum_;
    CrossEntropy validation_sum_;
    TrainingStateStore store_;
    TrainingState state_;  ///< its tensors are filled when it is saved
};

std::int64_t pass_capacity(const TrainRequest& request) {
    return std::max(validation_batch, std::int64_t{request.training.batch});
}

Training::Training(const TrainRequest& request,
                   DeviceKind device,
                   TaskControl& control,
                   const Log& log)
    : request_(request),
      control_(control),
      log_(log),
      events_(load_training_events(request)),
      steps_per_epoch_((events_.training.events + request.training.batch - 1) /
                       request.training.batch),
      training_(events_.training, request.training.batch, device),
      validation_(events_.validation, device),
      pack_(make_net_pack(request.network,
                          {.nets = 1,
                           .capacity = pass_capacity(request),
                           .use = PackUse::train,
                           .precision = request.training.precision,
                           .engine = request.training.engine},
                          float_on(device))),
      optimizer_(request.training, pack_->parameters()),
      training_sum_(1, pass_capacity(request), float_on(device)),
      validation_sum_(1, pass_capacity(request), float_on(device)),
      store_(request.state_path, request.task, log) {
    if (const auto saved = store_.newest(request.network)) {
        restore(*saved);
    } else {
        start_fresh();
    }
}

void Training::start_fresh() {
    state_.nets.resize(1);
    net().row = initial_row(request_.network, request_.nets.front().initialisation_seed,
                            events_.feature_shift, events_.feature_scale);
    net().best_validation_loss = std::numeric_limits<double>::infinity();
    set_trainable(net().row);
}

void Training::restore(const TrainingState& saved) {
    state_ = saved;
    resumed_ = true;
    set_trainable(saved.nets.front().row);
    copy_to(optimizer_.first_moment()[0], saved.nets.front().first_moment);
    copy_to(optimizer_.second_moment()[0], saved.nets.front().second_moment);
    optimizer_.set_position(saved.step, saved.momentum_product);
    training_sum_.set_sums(std::array{saved.nets.front().epoch_loss_sum});
}

void Training::set_trainable(const std::vector<float>& row) {
    copy_to(pack_->parameters()[0], std::span(row).last(trainable_size(request_.network)));
    pack_->parameters_changed();
}

std::vector<float> Training::row() const {
    std::vector<float> whole = net().row;  // its first part, the feature scaling, never changes
    const auto trainable = copy_from(pack_->parameters());
    std::ranges::copy(trainable, whole.end() - std::ssize(trainable));
    return whole;
}

void Training::save() {
    net().row = row();
    net().first_moment = copy_from(optimizer_.first_moment());
    net().second_moment = copy_from(optimizer_.second_moment());
    state_.momentum_product = optimizer_.momentum_product();
    net().epoch_loss_sum = training_sum_.sums().front();
    fail_on_purpose(request_.name, "save");
    const auto begin = Clock::now();
    store_.save(state_);
    last_save_ = Clock::now();
    save_seconds_ = std::chrono::duration<double>(last_save_ - begin).count();
}

bool Training::finished() const {
    const TrainingOptions& options = request_.training;
    return state_.epoch >= options.epochs ||
           (options.patience > 0 && state_.epoch - net().best_epoch >= options.patience);
}

TrainerOutcome Training::run() {
    while (!finished()) {
        if (const auto end = run_steps()) return {.end = *end, .done = {}};
        if (const auto end = finish_epoch()) return {.end = *end, .done = {}};
    }
    return {.end = TaskEnd::done, .done = publish_result()};
}

std::optional<TaskEnd> Training::run_steps() {
    training_.shuffle(request_.nets.front().shuffle_seed, state_.epoch);
    while (state_.step_in_epoch < steps_per_epoch_) {
        step();
        if (fail_on_purpose(request_.name, "step", state_.step)) {
            set_trainable(std::vector<float>(row_size(request_.network),
                                             std::numeric_limits<float>::quiet_NaN()));
        }
        if (const auto end = obey()) return end;
    }
    return std::nullopt;
}

void Training::step() {
    const Batch& batch = training_.batch(state_.step_in_epoch);
    const Columns columns = pack_columns(batch);
    const at::Tensor& logits = pack_->forward(columns.features);
    training_sum_.add(logits, columns.positive, columns.total);
    pack_->backward(columns.features,
                    training_sum_.gradient(logits, columns.positive, columns.total));
    const double rate =
        learning_rate(request_.training, state_.step, steps_per_epoch_ * request_.training.epochs);
    optimizer_.step(pack_->gradient(), std::array{rate});
    pack_->parameters_changed();
    ++state_.step;
    ++state_.step_in_epoch;
}

/// After a step or a part of the validation. A state saved here is always complete: an
/// interrupted validation is done again from its start.
std::optional<TaskEnd> Training::obey() {
    const auto total = static_cast<double>(steps_per_epoch_ * request_.training.epochs);
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    const bool first = state_.epoch == 0;
    control_.report({.fraction = static_cast<double>(state_.step) / total,
                     .epoch = state_.epoch,
                     .training_loss = first ? none : net().training_loss.back(),
                     .validation_loss = first ? none : net().validation_loss.back(),
                     .checkpoint_seconds = save_seconds_});

    const Command command = control_.poll();
    if (command == Command::abandon) return TaskEnd::abandoned;
    const double wanted = request_.training.checkpoint_seconds;
    const std::chrono::duration<double> pause(checkpoint_pause(wanted, save_seconds_));
    const bool due = wanted > 0 && Clock::now() - last_save_ >= pause;
    if (due || command != Command::go_on) save();
    return command == Command::stop ? std::optional(TaskEnd::stopped) : std::nullopt;
}

std::optional<TaskEnd> Training::finish_epoch() {
    const double training_loss =
        training_sum_.sums().front() / static_cast<double>(events_.training.events);
    require_sane(training_loss, "training");
    validation_sum_.set_sums(std::array{0.0});
    for (std::int64_t first = 0; first < validation_.events(); first += pass_capacity(request_)) {
        const Batch& batch = validation_.rows(first, pass_capacity(request_));
        const Columns columns = pack_columns(batch);
        validation_sum_.add(pack_->forward(columns.features), columns.positive, columns.total);
        if (const auto end = obey()) return end;
    }
    const double validation_loss =
        validation_sum_.sums().front() / static_cast<double>(events_.validation.events);
    require_sane(validation_loss, "validation");

    net().training_loss.push_back(training_loss);
    net().validation_loss.push_back(validation_loss);
    ++state_.epoch;
    state_.step_in_epoch = 0;
    training_sum_.set_sums(std::array{0.0});
    if (validation_loss < net().best_validation_loss) {
        net().best_validation_loss = validation_loss;
        net().best_epoch = state_.epoch;
        net().best_row = row();
    }
    return std::nullopt;
}

void Training::require_sane(double loss, const char* which) const {
    const std::string text = std::string("diverged: ") + which + " loss is " +
                             std::to_string(loss) + " after epoch " +
                             std::to_string(state_.epoch + 1);
    if (!std::isfinite(loss)) throw NumericalError(text + " (lower training.learning_rate)");
    if (loss < 0.0) {
        throw NumericalError(text +
                             ": where negative weights outweigh the positive ones the loss "
                             "has no lower bound (" +
                             std::to_string(events_.negative_weights) + " negative weights)");
    }
}

TaskDone Training::publish_result() {
    TrainedNet trained{.failure = {},
                       .row = net().best_row,
                       .epochs = state_.epoch,
                       .best_epoch = net().best_epoch,
                       .best_validation_loss = net().best_validation_loss,
                       .training_loss = net().training_loss,
                       .validation_loss = net().validation_loss,
                       .training_events = events_.training.events,
                       .validation_events = events_.validation.events,
                       .negative_weights = events_.negative_weights,
                       .quality = {},
                       .calibration = {}};
    const TrainingResult result{{trained}};
    const auto bytes = encode_task_file(request_.task, result);
    fail_on_purpose(request_.name, "publish");
    publish_in_place(request_.result_path, bytes);
    fail_on_purpose(request_.name, "published");
    store_.remove();
    const std::chrono::duration<double> spent = Clock::now() - started_;
    return {.task = request_.task,
            .bytes = bytes.size(),
            .crc = crc32(bytes),
            .seconds = spent.count(),
            .resumed = resumed_};
}

}  // namespace

TrainerOutcome train(const TrainRequest& request,
                     DeviceKind device,
                     TaskControl& control,
                     const Log& log) {
    return in_context("training of " + request.name, [&] {
        require_available(request);
        set_threads(request.training.threads);
        const c10::InferenceMode no_autograd;
        return Training(request, device, control, log).run();
    });
}

}  // namespace ratiofarm
