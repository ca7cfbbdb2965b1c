#include "inference.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/core/task_file.hpp"

#include "events.hpp"
#include "member_combination.hpp"
#include "net_pack.hpp"
#include "table_tensor.hpp"
#include "training_state_store.hpp"

namespace ratiofarm {
namespace {

/// Events of one pass. Fixed per device, because results may depend on it in the last bit.
std::int64_t pass_size(DeviceKind device) { return device == DeviceKind::cpu ? 2048 : 65536; }

class Inference {
public:
    Inference(const InferRequest& request, DeviceKind device, TaskControl& control);

    TrainerOutcome run();

private:
    std::span<const float> member_row(std::uint32_t member) const;
    void load_member(std::uint32_t member);
    std::optional<TaskEnd> evaluate_member(std::uint32_t member);
    std::vector<float> evaluate_pass(std::uint64_t first, std::uint64_t events);
    std::optional<TaskEnd> obey(std::uint32_t member, std::uint64_t first);
    void require_finite(std::span<const float> logits,
                        std::uint32_t member,
                        std::uint64_t first) const;
    TaskDone publish_block();

    const InferRequest& request_;
    TaskControl& control_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    MappedFile ensemble_;
    EventTable events_;
    std::unique_ptr<NetPack> pack_;
    MemberCombination combination_;
    std::int64_t pass_;
    at::Tensor inputs_;  ///< [pass, inputs], on the device
    at::Tensor shift_;   ///< [inputs]
    at::Tensor scale_;
};

Inference::Inference(const InferRequest& request, DeviceKind device, TaskControl& control)
    : request_(request),
      control_(control),
      ensemble_(request.ensemble_file),
      events_(load_inference_events(request)),
      pack_(make_net_pack(request.network,
                          {.nets = 1,
                           .capacity = pass_size(device),
                           .use = PackUse::evaluate,
                           .precision = request.precision},
                          float_on(device))),
      combination_(request.combine, events_.events),
      pass_(pass_size(device)),
      inputs_(at::zeros({pass_, std::int64_t{request.network.inputs}}, float_on(device))),
      shift_(at::zeros({std::int64_t{request.network.inputs}}, float_on(device))),
      scale_(at::zeros_like(shift_)) {}

std::span<const float> Inference::member_row(std::uint32_t member) const {
    const std::uint64_t offset =
        request_.weights_offset + member * request_.row_stride * sizeof(float);
    return in_context("'" + request_.ensemble_file + "', member " + std::to_string(member), [&] {
        const auto row = ensemble_.values<float>(offset, row_size(request_.network));
        const auto finite = [](float value) { return std::isfinite(value); };
        if (!std::ranges::all_of(row, finite)) throw DataError("a weight is not finite");
        // A scale of 0 cannot come from a training: it is the fill value of an unwritten row.
        const auto scale = row.subspan(request_.network.inputs, request_.network.inputs);
        if (std::ranges::find(scale, 0.0F) != scale.end()) {
            throw DataError("this row was never written (feature_scale is 0)");
        }
        return row;
    });
}

void Inference::load_member(std::uint32_t member) {
    const auto row = member_row(member);
    const std::size_t inputs = request_.network.inputs;
    copy_to(shift_, row.first(inputs));
    copy_to(scale_, row.subspan(inputs, inputs));
    copy_to(pack_->parameters()[0], row.subspan(2 * inputs));
    pack_->parameters_changed();
}

std::vector<float> Inference::evaluate_pass(std::uint64_t first, std::uint64_t events) {
    const std::size_t width = request_.network.inputs;
    const auto count = static_cast<std::int64_t>(events);
    copy_to(inputs_.narrow(0, 0, count).view({-1}),
            std::span(events_.values).subspan(first * width, events * width));
    if (count < pass_) inputs_.narrow(0, count, pass_ - count).zero_();
    inputs_.sub_(shift_).mul_(scale_);
    return copy_from(pack_->forward(inputs_.unsqueeze(0))[0].narrow(0, 0, count));
}

void Inference::require_finite(std::span<const float> logits,
                               std::uint32_t member,
                               std::uint64_t first) const {
    const auto bad = std::ranges::find_if(logits, [](float x) { return !std::isfinite(x); });
    if (bad == logits.end()) return;
    throw NumericalError("member " + std::to_string(member) +
                         " gives a log ratio that is not "
                         "finite for inference event " +
                         std::to_string(first + static_cast<std::uint64_t>(bad - logits.begin())) +
                         " of the range");
}

std::optional<TaskEnd> Inference::obey(std::uint32_t member, std::uint64_t first) {
    const double total = static_cast<double>(events_.events) * request_.members;
    const double done = static_cast<double>(events_.events) * member + static_cast<double>(first);
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    control_.report(
        {.fraction = done / total, .epoch = 0, .training_loss = none, .validation_loss = none});
    switch (control_.poll()) {
        case Command::stop: return TaskEnd::stopped;
        case Command::abandon: return TaskEnd::abandoned;
        case Command::go_on:
        case Command::checkpoint: return std::nullopt;
    }
    return std::nullopt;
}

std::optional<TaskEnd> Inference::evaluate_member(std::uint32_t member) {
    load_member(member);
    const auto pass = static_cast<std::uint64_t>(pass_);
    for (std::uint64_t first = 0; first < events_.events; first += pass) {
        const auto logits = evaluate_pass(first, std::min(pass, events_.events - first));
        require_finite(logits, member, first);
        combination_.add(first, logits);
        if (const auto end = obey(member, first)) return end;
    }
    combination_.next_member();
    return std::nullopt;
}

TrainerOutcome Inference::run() {
    for (std::uint32_t member = 0; member < request_.members; ++member) {
        if (const auto end = evaluate_member(member)) return {.end = *end, .done = {}};
    }
    return {.end = TaskEnd::done, .done = publish_block()};
}

TaskDone Inference::publish_block() {
    const auto bytes = encode_task_file(request_.task, combination_.finish());
    publish_in_place(request_.result_path, bytes);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started_;
    return {.task = request_.task,
            .bytes = bytes.size(),
            .crc = crc32(bytes),
            .seconds = spent.count(),
            .resumed = false};
}

}  // namespace

TrainerOutcome infer(const InferRequest& request, DeviceKind device, TaskControl& control) {
    return in_context("inference of " + request.name, [&] {
        if (request.members == 0 || request.threads == 0 || request.network.hidden.empty()) {
            throw ConfigError("members, threads and hidden layers must be at least 1");
        }
        if (request.row_stride < row_size(request.network)) {
            throw DataError("'" + request.ensemble_file + "': its rows of " +
                            std::to_string(request.row_stride) + " elements cannot hold a net of " +
                            std::to_string(row_size(request.network)));
        }
        set_threads(request.threads);
        const c10::InferenceMode no_autograd;
        return Inference(request, device, control).run();
    });
}

}  // namespace ratiofarm
