#pragma once

#include <optional>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

#include "logit_sink.hpp"
#include "member_combination.hpp"

namespace ratiofarm {

/// Log ratios of an ensemble: a RatioBlock.
class RatioSink : public LogitSink {
public:
    /// \param events  of all blocks
    RatioSink(const InferRequest& request, std::uint64_t events);

    void begin_block(std::span<const std::uint64_t> events) override;
    void add(const NetLogits& logits) override;
    void end_block(std::uint64_t nets) override;
    std::vector<std::byte> file() const override;

private:
    const InferRequest& request_;
    RatioBlock block_;
    std::span<const std::uint64_t> events_;
    std::optional<MemberCombination> combination_;
};

}  // namespace ratiofarm
