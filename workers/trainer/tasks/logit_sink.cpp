#include "logit_sink.hpp"

#include <algorithm>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

#include "workers/trainer/quality/class_quality.hpp"

namespace ratiofarm::trainer {

RatioSink::RatioSink(const InferRequest& request, std::uint64_t events) : request_(request) {
    block_.log_ratio.resize(events);
    block_.spread.resize(events);
    constexpr float none = std::numeric_limits<float>::quiet_NaN();
    if (request.keep_members) block_.members.assign(request.members * events, none);
}

void RatioSink::begin_block(std::span<const std::uint64_t> events) {
    events_ = events;
    combination_.emplace(request_.combine, events.size());
}

void RatioSink::add(const NetLogits& logits) {
    combination_->add(logits.before, logits.first, logits.logits);
    if (!request_.keep_members) return;
    float* const column = block_.members.data() + logits.member * block_.log_ratio.size();
    for (std::size_t index = 0; index < logits.logits.size(); ++index) {
        column[events_[logits.first + index]] = logits.logits[index];
    }
}

void RatioSink::end_block(std::uint64_t nets) {
    const auto log_ratio = combination_->log_ratio(nets);
    const auto spread = combination_->spread(nets);
    for (std::size_t index = 0; index < events_.size(); ++index) {
        block_.log_ratio[events_[index]] = log_ratio[index];
        block_.spread[events_[index]] = spread[index];
    }
}

std::vector<std::byte> RatioSink::file() const { return encode_task_file(request_.task, block_); }

ScoreSink::ScoreSink(const InferRequest& request, std::uint64_t events)
    : request_(request), classes_(request.network.outputs), all_(events) {
    RATIOFARM_EXPECT(request.combine == Combine::mean_log_ratio && !request.keep_members);
    block_.classes = request.network.outputs;
    block_.log_probability.resize(classes_ * events);
}

void ScoreSink::begin_block(std::span<const std::uint64_t> events) {
    events_ = events;
    sum_.assign(events.size() * classes_, 0.0);
}

void ScoreSink::add(const NetLogits& logits) {
    std::vector<double> probabilities(classes_);
    double* sum = sum_.data() + logits.first * classes_;
    for (std::size_t first = 0; first < logits.logits.size(); first += classes_) {
        std::ranges::copy(logits.logits.subspan(first, classes_), probabilities.begin());
        normalise_log_probabilities(probabilities);
        for (const double value : probabilities) *sum++ += value;
    }
}

void ScoreSink::end_block(std::uint64_t nets) {
    for (std::size_t index = 0; index < events_.size(); ++index) {
        const auto mean = std::span(sum_).subspan(index * classes_, classes_);
        for (double& value : mean) value /= static_cast<double>(nets);
        normalise_log_probabilities(mean);
        for (std::size_t k = 0; k < classes_; ++k) {
            block_.log_probability[k * all_ + events_[index]] = static_cast<float>(mean[k]);
        }
    }
}

std::vector<std::byte> ScoreSink::file() const { return encode_task_file(request_.task, block_); }

}  // namespace ratiofarm::trainer
