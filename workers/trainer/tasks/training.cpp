#include "training.hpp"

#include <algorithm>
#include <chrono>

#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/errors.hpp"

#include "protocol/checkpoint_pause.hpp"
#include "protocol/task_file.hpp"

#include "failpoint.hpp"
#include "held_out.hpp"
#include "initial_row.hpp"
#include "learning_rate.hpp"
#include "pack_quality.hpp"
#include "pack_trainer.hpp"
#include "training_setup.hpp"
#include "training_state_store.hpp"

namespace ratiofarm::trainer {
namespace {

/// \throws SystemError if a file of events was replaced or written to since the farm began
void expect_unchanged_events(const TrainRequest& request) {
    const auto check = [](const std::vector<ClassComponent>& components) {
        for (const ClassComponent& component : components) expect_unchanged(component.sample);
    };
    check(request.numerator);
    check(request.denominator);
    for (const auto& components : request.classes) check(components);
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Training {
public:
    Training(const TrainRequest& request,
             TrainingEvents events,
             DeviceKind device,
             TaskControl& control,
             const Log& log);

    TrainerOutcome run(const MakeResult& make_result);

private:
    bool update_running();
    std::optional<TaskEnd> run_steps();
    std::optional<TaskEnd> finish_epoch();
    std::optional<TaskEnd> validate();
    void finish_epoch_of(std::size_t net, const EpochLoss& loss);
    std::optional<TaskEnd> obey();
    void report();
    void step();
    void poison_on_purpose();
    void save();
    std::vector<TrainedNet> trained_nets() const;
    bool go_on(std::optional<TaskEnd>& end);
    std::optional<TaskEnd> measure(std::vector<TrainedNet>& nets);
    TaskResult publish_result(const std::vector<std::byte>& bytes);

    const TrainRequest& request_;
    DeviceKind device_;
    TaskControl& control_;
    Log log_;
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_save_ = Clock::now();
    double save_seconds_ = 0.0;  ///< that the last checkpoint took
    bool resumed_ = false;

    TrainingEvents events_;
    TrainingStateStore store_;
    TrainingState state_;  ///< its tensors are filled when it is saved
    std::vector<TableReader> readers_;
    PackTrainer trainer_;
    PackBatches training_;
    PackBatches validation_;
    std::vector<bool> running_;
    std::vector<double> rates_;
};

Training::Training(const TrainRequest& request,
                   TrainingEvents events,
                   DeviceKind device,
                   TaskControl& control,
                   const Log& log)
    : request_(request),
      device_(device),
      control_(control),
      log_(log),
      events_(std::move(events)),
      store_(request.state_path, request.task, log),
      state_([&] {
          Beginning beginning = beginning_of(request, events_.scaling, store_, log);
          resumed_ = beginning.resumed;
          return std::move(beginning.state);
      }()),
      readers_(readers_of(request, events_, state_)),
      trainer_(request, device),
      training_(events_.training, readers_, request.training.batch, device),
      validation_(events_.validation,
                  readers_,
                  std::min(PackTrainer::capacity(request),
                           static_cast<std::int64_t>(events_.validation.rows)),
                  device),
      running_(request.nets.size(), true),
      rates_(request.nets.size(), 0.0) {
    trainer_.load(state_);
    if (device == DeviceKind::cuda && training_.place() == TablePlace::host) {
        log_.info("events stay in the memory of the host", {{"task", request.name}});
    }
}

/// \return whether any net is
bool Training::update_running() {
    for (std::size_t net = 0; net < running_.size(); ++net) {
        running_[net] = is_running(state_.nets[net], request_.training);
    }
    trainer_.set_running(running_);
    return std::ranges::count(running_, true) > 0;
}

TrainerOutcome Training::run(const MakeResult& make_result) {
    while (state_.epoch < last_epoch(request_) && update_running()) {
        if (const auto end = run_steps()) return {.end = *end, .result = {}};
        if (const auto end = finish_epoch()) return {.end = *end, .result = {}};
    }
    trainer_.save(state_);
    if (is_to_be_continued(request_)) save();  // before the result: where it is, this is
    std::vector<TrainedNet> nets = trained_nets();
    if (const auto end = measure(nets)) return {.end = *end, .result = {}};
    std::optional<TaskEnd> end;
    const auto bytes = make_result(nets, [&] { return go_on(end); });
    if (end) return {.end = *end, .result = {}};
    if (!bytes) return {.end = TaskEnd::done, .result = {}};
    return {.end = TaskEnd::done, .result = publish_result(*bytes)};
}

std::optional<TaskEnd> Training::run_steps() {
    training_.shuffle(state_.epoch);
    while (state_.step_in_epoch < training_.count()) {
        step();
        poison_on_purpose();
        if (const auto end = obey()) return end;
    }
    return std::nullopt;
}

void Training::step() {
    for (std::size_t net = 0; net < rates_.size(); ++net) {
        const TrainingPosition position{.step = state_.step,
                                        .steps_per_epoch = training_.count(),
                                        .validation_loss = state_.nets[net].validation_loss};
        rates_[net] = request_.nets[net].rate_factor * learning_rate(request_.training, position);
    }
    trainer_.step(training_.batch(state_.step_in_epoch), rates_);
    trainer_.average(training_.count());
    ++state_.step;
    ++state_.step_in_epoch;
}

void Training::poison_on_purpose() {
    const Poison all = fail_on_purpose(request_.name, "step", state_.step);
    for (std::size_t net = 0; net < request_.nets.size(); ++net) {
        const std::string& name = request_.nets[net].name;
        Poison poison = all;
        if (!poison && name != request_.name) poison = fail_on_purpose(name, "step", state_.step);
        if (!poison) continue;
        trainer_.set_trainable(
            net, std::vector<float>(trainable_size(request_.network), *poison.weights));
    }
}

/// After a step or a part of the validation. A state saved here is always complete: an
/// interrupted validation is done again from its start.
std::optional<TaskEnd> Training::obey() {
    report();
    const TaskOrder order = control_.poll();
    if (order == TaskOrder::abandon) return TaskEnd::abandoned;
    const double wanted = request_.training.checkpoint_seconds;
    const bool due =
        wanted > 0 && seconds_since(last_save_) >= checkpoint_pause(wanted, save_seconds_);
    if (due || order != TaskOrder::go_on) {
        trainer_.save(state_);
        save();
    }
    return order == TaskOrder::stop ? std::optional(TaskEnd::stopped) : std::nullopt;
}

/// Losses are means over the nets that have not diverged.
void Training::report() {
    const auto total = static_cast<double>(training_.count() * last_epoch(request_));
    TaskProgress progress{.fraction = static_cast<double>(state_.step) / total,
                          .epoch = state_.epoch,
                          .checkpoint_seconds = save_seconds_};
    double nets = 0.0;
    for (const NetState& net : state_.nets) {
        if (!net.failure.empty() || net.training_loss.empty()) continue;
        progress.training_loss += net.training_loss.back();
        progress.validation_loss += net.validation_loss.back();
        nets += 1.0;
    }
    progress.training_loss /= nets;  // NaN before the first complete epoch
    progress.validation_loss /= nets;
    control_.report(progress);
}

std::optional<TaskEnd> Training::finish_epoch() {
    trainer_.exchange_averages();
    if (const auto end = validate()) return end;
    const auto training = trainer_.training_sums();
    const auto validation = trainer_.validation_sums();
    for (std::size_t net = 0; net < running_.size(); ++net) {
        if (!running_[net]) continue;
        finish_epoch_of(
            net, {.training = training[net] / static_cast<double>(events_.training.rows),
                  .validation = validation[net] / static_cast<double>(events_.validation.rows)});
    }
    trainer_.exchange_averages();
    ++state_.epoch;
    state_.step_in_epoch = 0;
    trainer_.reset_training_sums();
    return std::nullopt;
}

std::optional<TaskEnd> Training::validate() {
    trainer_.reset_validation_sums();
    for (std::uint64_t index = 0; index < validation_.count(); ++index) {
        trainer_.add_validation(validation_.batch(index));
        if (const auto end = obey()) return end;
    }
    return std::nullopt;
}

void Training::finish_epoch_of(std::size_t net, const EpochLoss& loss) {
    NetState& state = state_.nets[net];
    state.failure = divergence(loss, state_.epoch + 1, events_.negative_weights);
    if (!state.failure.empty()) {
        log_.warning("net diverged", {{"net", request_.nets[net].name}, {"reason", state.failure}});
        return;
    }
    if (!note_epoch(state, loss) || request_.training.keep == Keep::last) return;
    state.best_row = state.row;
    const auto weights = trainer_.trainable(net);
    std::ranges::copy(weights, state.best_row.end() - std::ssize(weights));
}

void Training::save() {
    fail_on_purpose(request_.name, "save");
    const auto begin = Clock::now();
    store_.save(state_);
    last_save_ = Clock::now();
    save_seconds_ = seconds_since(begin);
}

std::vector<TrainedNet> Training::trained_nets() const {
    std::vector<TrainedNet> nets;
    for (std::size_t net = 0; net < state_.nets.size(); ++net) {
        NetState last = state_.nets[net];
        if (!state_.averages.empty()) {
            const std::vector<float>& average = state_.averages[net];
            std::ranges::copy(average, last.row.end() - std::ssize(average));
        }
        nets.push_back(trained_net(last, request_.training.keep));
        nets.back().training_events = events_.training.rows;
        nets.back().validation_events = events_.validation.rows;
        nets.back().negative_weights = events_.negative_weights;
    }
    return nets;
}

/// Of what follows the last epoch, when state_ is complete.
bool Training::go_on(std::optional<TaskEnd>& end) {
    report();
    const TaskOrder order = control_.poll();
    if (order == TaskOrder::abandon) end = TaskEnd::abandoned;
    if (order == TaskOrder::stop) end = TaskEnd::stopped;
    if (order == TaskOrder::stop || order == TaskOrder::checkpoint) save();
    return !end;
}

/// Uses the device's weights.
std::optional<TaskEnd> Training::measure(std::vector<TrainedNet>& nets) {
    PackQuality quality(events_, request_.network, readers_, PackTrainer::capacity(request_),
                        device_);
    std::optional<TaskEnd> end;
    const auto ask = [&] { return go_on(end); };
    const bool measured = quality.measure(trainer_, nets, request_.training.calibration, ask);
    if (measured && request_.held_out) {
        HeldOut(request_, readers_, device_).measure(trainer_, nets, ask);
    }
    return end;
}

TaskResult Training::publish_result(const std::vector<std::byte>& bytes) {
    fail_on_purpose(request_.name, "publish");
    expect_unchanged_events(request_);
    publish_in_place(request_.result_path, bytes);
    fail_on_purpose(request_.name, "published");
    if (is_to_be_continued(request_)) {
        store_.remove_older();
    } else {
        store_.remove();
    }
    return {.bytes = bytes.size(),
            .crc = crc32(bytes),
            .seconds = seconds_since(started_),
            .resumed = resumed_};
}

}  // namespace

TrainerOutcome train(const TrainRequest& request,
                     DeviceKind device,
                     TaskControl& control,
                     const Log& log) {
    return in_context("training of " + request.name, [&] {
        require_sensible(request);
        set_threads(request.training.threads);
        const c10::InferenceMode no_autograd;
        const auto result = [&](std::vector<TrainedNet>& nets, const std::function<bool()>&) {
            return std::optional(encode_task_file(request.task, TrainingResult{std::move(nets)}));
        };
        return train_on(load_training_events(request), request, result, {device, control, log});
    });
}

TrainerOutcome train_on(TrainingEvents events,
                        const TrainRequest& request,
                        const MakeResult& make_result,
                        const TaskSurroundings& around) {
    expect_enough(events, request);
    return Training(request, std::move(events), around.device, around.control, around.log)
        .run(make_result);
}

}  // namespace ratiofarm::trainer
