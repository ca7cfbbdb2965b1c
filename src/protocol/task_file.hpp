#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/protocol/trained_net.hpp"

#include "core/publish.hpp"

#include "unfolding_step.hpp"

/// Files of one task, plain and checksummed: "RFTASK\r\n", u32 version, u32 kind, the task digest,
/// u64 size and u32 CRC-32 of the body, then the body in wire encoding. See docs/formats.md.
namespace ratiofarm {

/// State of one net of a running training: continuing from it equals never having stopped.
struct NetState {
    std::vector<float> row;           ///< current parameter row
    std::vector<float> first_moment;  ///< optimizer, trainable part
    std::vector<float> second_moment;
    double epoch_loss_sum = 0.0;  ///< of the epoch under way
    std::vector<float> best_row;
    std::uint32_t best_epoch = 0;
    double best_validation_loss = 0.0;
    std::vector<double> training_loss;  ///< per complete epoch until it stopped
    std::vector<double> validation_loss;
    std::string failure;  ///< why it stopped for good, if it diverged
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetState>& value) {
    archive(value.row, value.first_moment, value.second_moment, value.epoch_loss_sum,
            value.best_row, value.best_epoch, value.best_validation_loss, value.training_loss,
            value.validation_loss, value.failure);
}

/// State of a running training task.
struct TrainingState {
    std::uint64_t step = 0;   ///< optimizer steps done
    std::uint32_t epoch = 0;  ///< epochs done
    std::uint64_t step_in_epoch = 0;
    double momentum_product = 1.0;  ///< of NAdam
    std::vector<NetState> nets;
    std::vector<std::vector<float>> averages;  ///< [nets] of the trainable part; none without
                                               ///< TrainingOptions::average
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainingState>& value) {
    archive(value.step, value.epoch, value.step_in_epoch, value.momentum_product, value.nets,
            value.averages);
}

/// A finished training task: its nets in the order of the request.
struct TrainingResult {
    std::vector<TrainedNet> nets;
};

/// \throws DataError if there are not as many histograms as nets, or none
template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainingResult>& value) {
    archive(value.nets);
    std::vector<ScoreHistograms> scores;
    if constexpr (!Archive::reading) {
        for (const TrainedNet& net : value.nets) scores.push_back(net.scores);
    }
    archive(scores);
    if constexpr (Archive::reading) {
        if (scores.empty()) return;
        if (scores.size() != value.nets.size()) {
            throw DataError("a result has the scores of other nets");
        }
        for (std::size_t i = 0; i < scores.size(); ++i) value.nets[i].scores = scores[i];
    }
}

/// An ensemble evaluated on some events: those of one part, in file order.
struct RatioBlock {
    std::vector<float> log_ratio;  ///< combined over the members, not normalised
    std::vector<float> spread;   ///< standard deviation of log r over the members; 0 for one member
    std::vector<float> members;  ///< [members, events] log r of each net, if asked for; NaN where a
                                 ///< net is not of the event's fold
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, RatioBlock>& value) {
    archive(value.log_ratio, value.spread, value.members);
}

/// A classifier evaluated on the events of one part among some rows, in file order.
struct ScoreBlock {
    std::uint32_t classes = 0;
    std::vector<float> log_probability;  ///< [classes, events] ln s_k: geometric mean over the
                                         ///< nets, scaled so that the s_k of an event sum to 1
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ScoreBlock>& value) {
    archive(value.classes, value.log_probability);
}

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Normalisation>& value) {
    archive(value.events, value.clipped, value.clipped_share, value.closure, value.effective,
            value.effective_before);
}

/// How a step of a chain went; of several members the worst.
struct ChainStep {
    std::uint32_t attempt = 0;     ///< that was good enough; 0: the first seeds
    double clipped_share = 0.0;    ///< as of Normalisation
    double effective_share = 1.0;  ///< effective events with the ratio / without

    bool operator==(const ChainStep&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ChainStep>& value) {
    archive(value.attempt, value.clipped_share, value.effective_share);
}

/// A finished task of an unfolding.
struct UnfoldResult {
    TrainedNet net;
    std::uint32_t attempt = 0;  ///< of the request, that the net is of
    ClassSums sums;             ///< of the weights of both classes, over all events
    Normalisation made;
    /// [n] in file order, without the weights of the events. Step 1: ln of nu omega, of the
    /// simulated events; -infinity for those that step 2 is not to see. Step 2: ln nu, 0 for events
    /// outside of the truth region. Acceptance: ln a of the data events; subtraction
    /// likewise. Pretraining: none.
    std::vector<float> ln_weight;
    std::vector<ChainStep> steps;  ///< of its chain, this one is the last
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, UnfoldResult>& value) {
    archive(value.net, value.attempt, value.sums.numerator, value.sums.denominator, value.made,
            value.ln_weight, value.steps);
}

enum class TaskFileKind : std::uint32_t {
    training_state = 1,
    training_result = 2,
    ratio_block = 3,
    toy_block = 4,  ///< fitted toys, finished or of a stopped task
    score_block = 5,
    unfold_result = 6,
};

template <class T>
constexpr TaskFileKind task_file_kind();
template <>
constexpr TaskFileKind task_file_kind<TrainingState>() {
    return TaskFileKind::training_state;
}
template <>
constexpr TaskFileKind task_file_kind<TrainingResult>() {
    return TaskFileKind::training_result;
}
template <>
constexpr TaskFileKind task_file_kind<RatioBlock>() {
    return TaskFileKind::ratio_block;
}
template <>
constexpr TaskFileKind task_file_kind<ScoreBlock>() {
    return TaskFileKind::score_block;
}
template <>
constexpr TaskFileKind task_file_kind<UnfoldResult>() {
    return TaskFileKind::unfold_result;
}

/// Whole file for a body.
std::vector<std::byte> task_file_bytes(TaskFileKind kind,
                                       const Digest& task,
                                       std::vector<std::byte> body);

/// Body of a file after all checks.
/// \throws DataError naming what does not fit: magic, version, kind, digest, size or checksum
std::vector<std::byte> task_file_body(std::span<const std::byte> file,
                                      TaskFileKind kind,
                                      const Digest& task);

/// \throws SystemError
[[noreturn]] void remove_damaged(const std::filesystem::path& path, const DataError& damage);

template <class T>
std::vector<std::byte> encode_task_file(const Digest& task, const T& value) {
    return task_file_bytes(task_file_kind<T>(), task, encode(value));
}

/// \throws DataError naming the path and what does not fit
template <class T>
T read_task_file(const std::filesystem::path& path, const Digest& task) {
    return in_context(path.string(), [&] {
        return decode<T>(task_file_body(read_file(path), task_file_kind<T>(), task));
    });
}

/// A finished result that a later stage needs. A damaged one is worth nothing: it is removed, so
/// that the same command makes it again.
/// \throws SystemError saying so
template <class T>
T take_result(const std::filesystem::path& path, const Digest& task) {
    try {
        return read_task_file<T>(path, task);
    } catch (const DataError& damage) {
        remove_damaged(path, damage);
    }
}

/// What the header of a file says it is; nothing if it has none.
std::optional<TaskFileKind> task_file_kind(const std::filesystem::path& path);

/// True if the file exists, is complete, undamaged and belongs to the task. Never throws.
bool task_file_is_complete(const std::filesystem::path& path,
                           TaskFileKind kind,
                           const Digest& task);

}  // namespace ratiofarm
