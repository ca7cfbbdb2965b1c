#pragma once

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

#include "logit_sink.hpp"

namespace ratiofarm {

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

}  // namespace ratiofarm
