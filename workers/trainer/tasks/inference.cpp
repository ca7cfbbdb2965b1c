#include "inference.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/events/inference_events.hpp"
#include "workers/trainer/events/member_rows.hpp"

#include "ensemble_passes.hpp"
#include "logit_sink.hpp"
#include "training_state_store.hpp"

namespace ratiofarm::trainer {
namespace {

using Members = std::vector<std::uint32_t>;

class Inference {
public:
    Inference(const InferRequest& request, DeviceKind device, TaskControl& control);

    TrainerOutcome run();

private:
    std::optional<TaskEnd> evaluate_fold(std::uint32_t fold);
    std::optional<TaskEnd> evaluate_block(const Members& members,
                                          std::span<const std::uint64_t> events);
    void load_nets(std::span<const std::uint32_t> members);
    void load_events(std::span<const std::uint64_t> events);
    void require_finite(std::uint32_t member,
                        std::span<const std::uint64_t> events,
                        std::span<const float> logits) const;
    std::optional<TaskEnd> obey();
    TaskResult publish_block();

    const InferRequest& request_;
    TaskControl& control_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    MemberRows rows_;
    InferenceEvents events_;
    EnsemblePasses passes_;
    std::vector<float> features_;  ///< of one block
    std::unique_ptr<LogitSink> sink_;
    double done_ = 0.0;  ///< of the task, in events times nets
    double total_ = 0.0;
};

Inference::Inference(const InferRequest& request, DeviceKind device, TaskControl& control)
    : request_(request),
      control_(control),
      rows_(request),
      events_(request),
      passes_(request.network, request.precision, device) {
    if (request.network.outputs > 1) {
        sink_ = std::make_unique<ScoreSink>(request, events_.count());
    } else {
        sink_ = std::make_unique<RatioSink>(request, events_.count());
    }
}

void Inference::load_nets(std::span<const std::uint32_t> members) {
    std::vector<std::span<const float>> rows;
    for (const std::uint32_t member : members) rows.push_back(rows_.row(member));
    passes_.set_nets(rows);
}

void Inference::load_events(std::span<const std::uint64_t> events) {
    features_.resize(events.size() * event_size(request_.network));
    events_.gather(events, features_);
    passes_.set_events(features_);
}

void Inference::require_finite(std::uint32_t member,
                               std::span<const std::uint64_t> events,
                               std::span<const float> logits) const {
    const auto bad = std::ranges::find_if(logits, [](float x) { return !std::isfinite(x); });
    if (bad == logits.end()) return;
    const auto place = static_cast<std::size_t>(bad - logits.begin());
    const std::uint64_t event = events[place / request_.network.outputs];
    throw NumericalError("member " + std::to_string(member) +
                         " gives a log ratio that is not finite for row " +
                         std::to_string(events_.row(event)) + " (event id " +
                         std::to_string(events_.id(event)) + ")");
}

std::optional<TaskEnd> Inference::obey() {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    control_.report(
        {.fraction = done_ / total_, .epoch = 0, .training_loss = none, .validation_loss = none});
    switch (control_.poll()) {
        case TaskOrder::stop: return TaskEnd::stopped;
        case TaskOrder::abandon: return TaskEnd::abandoned;
        case TaskOrder::go_on:
        case TaskOrder::checkpoint: return std::nullopt;
    }
    return std::nullopt;
}

std::optional<TaskEnd> Inference::evaluate_block(const Members& members,
                                                 std::span<const std::uint64_t> events) {
    const auto nets = static_cast<std::size_t>(passes_.shape().nets);
    const auto size = static_cast<std::size_t>(passes_.shape().events);
    const std::size_t outputs = request_.network.outputs;
    sink_->begin_block(events);
    load_events(events);
    for (std::size_t net = 0; net < members.size(); net += nets) {
        const auto pack = std::span(members).subspan(net, std::min(nets, members.size() - net));
        load_nets(pack);
        for (std::size_t first = 0; first < events.size(); first += size) {
            const auto part = events.subspan(first, std::min(size, events.size() - first));
            auto logits = passes_.logits(static_cast<std::int64_t>(first / size));
            for (std::size_t k = 0; k < pack.size(); ++k) {
                const auto mine =
                    std::span(logits).subspan(k * size * outputs, part.size() * outputs);
                rows_.calibrate(pack[k], mine);
                require_finite(pack[k], part, mine);
                sink_->add({.member = pack[k], .before = net + k, .first = first, .logits = mine});
            }
            done_ += static_cast<double>(part.size() * pack.size());
            if (const auto end = obey()) return end;
        }
    }
    sink_->end_block(members.size());
    return std::nullopt;
}

std::optional<TaskEnd> Inference::evaluate_fold(std::uint32_t fold) {
    const std::uint32_t folds = request_.net_fold.empty() ? 1 : request_.split.folds;
    const auto events = events_.of_fold(fold, folds);
    const Members members = rows_.of_fold(fold);
    if (!events.empty() && members.empty()) {
        throw DataError("'" + request_.ensemble_file + "' has no net of fold " +
                        std::to_string(fold) + ", which " + std::to_string(events.size()) +
                        " of the events are in");
    }
    const auto block = static_cast<std::size_t>(passes_.shape().block());
    for (std::size_t first = 0; first < events.size(); first += block) {
        const auto part = std::span(events).subspan(first, std::min(block, events.size() - first));
        if (const auto end = evaluate_block(members, part)) return end;
    }
    return std::nullopt;
}

TrainerOutcome Inference::run() {
    const std::uint32_t folds = request_.net_fold.empty() ? 1 : request_.split.folds;
    for (std::uint32_t fold = 0; fold < folds; ++fold) {
        total_ += static_cast<double>(events_.of_fold(fold, folds).size()) *
                  static_cast<double>(rows_.of_fold(fold).size());
    }
    for (std::uint32_t fold = 0; fold < folds; ++fold) {
        if (const auto end = evaluate_fold(fold)) return {.end = *end, .result = {}};
    }
    return {.end = TaskEnd::done, .result = publish_block()};
}

TaskResult Inference::publish_block() {
    const auto bytes = sink_->file();
    expect_unchanged(request_.sample);
    expect_unchanged(request_.ensemble_file, request_.ensemble_stamp);
    publish_in_place(request_.result_path, bytes);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started_;
    return {.bytes = bytes.size(), .crc = crc32(bytes), .seconds = spent.count(), .resumed = false};
}

void expect_possible(const InferRequest& request) {
    if (request.members == 0 || request.threads == 0 || request.network.hidden.empty()) {
        throw ConfigError("members, threads and hidden layers must be at least 1");
    }
    if (request.row_stride < row_size(request.network)) {
        throw DataError("'" + request.ensemble_file + "': its rows of " +
                        std::to_string(request.row_stride) + " elements cannot hold a net of " +
                        std::to_string(row_size(request.network)));
    }
    const auto& folds = request.net_fold;
    if (folds.empty()) return;
    if (request.part == EventPart::validation) {
        throw ConfigError(
            "with folds an event is for validation to some nets and for training to others: "
            "evaluate them on their inference events");
    }
    if (folds.size() != request.members ||
        std::ranges::any_of(folds, [&](auto fold) { return fold >= request.split.folds; })) {
        throw DataError("'" + request.ensemble_file + "': the folds of its nets (" +
                        std::to_string(folds.size()) + ") do not fit " +
                        std::to_string(request.members) + " nets in " +
                        std::to_string(request.split.folds) + " folds");
    }
}

}  // namespace

TrainerOutcome infer(const InferRequest& request, DeviceKind device, TaskControl& control) {
    return in_context("inference of " + request.name, [&] {
        expect_possible(request);
        set_threads(request.threads);
        const c10::InferenceMode no_autograd;
        return Inference(request, device, control).run();
    });
}

}  // namespace ratiofarm::trainer
