#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ratiofarm {

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

}  // namespace ratiofarm
