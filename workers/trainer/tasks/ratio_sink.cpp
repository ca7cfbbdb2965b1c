#include "ratio_sink.hpp"

#include <limits>

namespace ratiofarm {

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

}  // namespace ratiofarm
