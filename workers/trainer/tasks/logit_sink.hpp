#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

#include "member_combination.hpp"

namespace ratiofarm::trainer {

/// Some logits of one net for events of a block.
struct NetLogits {
    std::uint32_t member = 0;       ///< in the ensemble file
    std::uint64_t before = 0;       ///< nets that these events already have the logits of
    std::uint64_t first = 0;        ///< event within the block
    std::span<const float> logits;  ///< [n, outputs]
};

/// What the logits of an ensemble become, block of events by block.
class LogitSink {
public:
    LogitSink() = default;
    LogitSink(const LogitSink&) = delete;
    LogitSink& operator=(const LogitSink&) = delete;
    virtual ~LogitSink() = default;

    /// Logits of these events follow, of one net after the other. \param events  their numbers
    virtual void begin_block(std::span<const std::uint64_t> events) = 0;
    virtual void add(const NetLogits& logits) = 0;
    /// \param nets  that every event of the block has the logits of
    virtual void end_block(std::uint64_t nets) = 0;

    /// The task file.
    virtual std::vector<std::byte> file() const = 0;
};

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

/// Class probabilities of an ensemble: a ScoreBlock. Means of the nets' ln probabilities are taken
/// in double precision, in the order of the nets.
class ScoreSink : public LogitSink {
public:
    /// \pre the request asks only for the geometric mean
    ScoreSink(const InferRequest& request, std::uint64_t events);

    void begin_block(std::span<const std::uint64_t> events) override;
    void add(const NetLogits& logits) override;
    void end_block(std::uint64_t nets) override;
    std::vector<std::byte> file() const override;

private:
    const InferRequest& request_;
    std::size_t classes_;
    std::uint64_t all_;  ///< events of all blocks
    ScoreBlock block_;
    std::span<const std::uint64_t> events_;
    std::vector<double> sum_;  ///< [events of the block, classes] of the nets' ln probabilities
};

}  // namespace ratiofarm::trainer
