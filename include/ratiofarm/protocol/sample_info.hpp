#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// Where the particle lists of a sample lie. Event i has the particles offsets[i] to offsets[i+1].
struct ParticleColumns {
    std::vector<std::string> names;    ///< of the columns, c of them; none: there are no lists
    std::uint64_t particles = 0;       ///< rows p
    std::uint64_t values_offset = 0;   ///< bytes; f32 [p, c]
    std::uint64_t offsets_offset = 0;  ///< bytes; u64 [n + 1]
    std::uint64_t types_offset = 0;    ///< bytes; i64 [p]; 0: there are no types
    bool operator==(const ParticleColumns&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ParticleColumns>& value) {
    archive(value.names, value.particles, value.values_offset, value.offsets_offset,
            value.types_offset);
}

/// Where truth and flags of a sample lie. The features of an event that did not pass at the
/// reconstruction, and the truth of one that did not pass there, are never to be read.
struct LevelColumns {
    std::vector<std::string> names;  ///< of the columns of the truth, d of them; none: no levels
    std::uint64_t truth_offset = 0;  ///< bytes; f32 [n, d]
    std::uint64_t pass_reco_offset = 0;   ///< bytes; u8 [n], 0 or 1
    std::uint64_t pass_truth_offset = 0;  ///< bytes; u8 [n], 0 or 1
    bool operator==(const LevelColumns&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, LevelColumns>& value) {
    archive(value.names, value.truth_offset, value.pass_reco_offset, value.pass_truth_offset);
}

/// Where the columns of one sample lie: contiguous blocks of a file that the trainer maps.
struct SampleColumns {
    std::string file;                   ///< absolute path
    std::string sample;                 ///< name, for messages
    std::uint64_t events = 0;           ///< rows n
    std::uint64_t columns = 0;          ///< width d of the stored feature matrix
    std::uint64_t features_offset = 0;  ///< bytes; f32 [n, d]
    std::uint64_t weight_offset = 0;    ///< bytes; f64 [n]
    std::uint64_t id_offset = 0;        ///< bytes; u64 [n]
    FileStamp stamp = {};               ///< of the file before it was read and its digest taken
    ParticleColumns particles = {};     ///< if they were asked for
    LevelColumns levels = {};           ///< if they were asked for
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, SampleColumns>& value) {
    archive(value.file, value.sample, value.events, value.columns, value.features_offset,
            value.weight_offset, value.id_offset, value.stamp, value.particles, value.levels);
}

/// For whoever reads the columns: bytes of another file must not mix with what the digest is about.
/// \throws SystemError if the file is gone, was replaced or written to since it was scanned
void expect_unchanged(const SampleColumns& columns);
/// \param stamp  of the file as it was found sound; empty: nobody looked
void expect_unchanged(const std::string& file, const FileStamp& stamp);

/// Events of a sample with one of its further columns as their weights, "pool@sm", are read like a
/// sample of their own; without a column they are the sample. No name of a sample has an "@".
inline std::string events_with_weight(const std::string& sample, const std::string& column) {
    return column.empty() ? sample : sample + "@" + column;
}

/// A sample of an events file, and what is wanted of it beside features, weight and id.
struct SampleToRead {
    std::string name;                     ///< or events_with_weight()
    std::vector<std::string> weights;     ///< further columns of weights
    bool particles = false;               ///< its particle lists, which must be there then
    bool levels = false;                  ///< truth, pass_reco and pass_truth, likewise
    std::vector<std::string> truth = {};  ///< columns of the truth in use; empty: all
    bool operator==(const SampleToRead&) const = default;
};

/// Further weights of the events of a sample: those of a variation that moves no event.
struct SampleWeights {
    std::string name;          ///< of the dataset in /<sample>/weights
    std::uint64_t offset = 0;  ///< bytes; f64 [n]
    Digest digest;             ///< of the numbers
    double sum = 0.0;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, SampleWeights>& value) {
    archive(value.name, value.offset, value.digest, value.sum);
}

/// One column of weights of the events of one part.
struct WeightSums {
    std::uint64_t events = 0;
    std::uint64_t negative = 0;
    double sum = 0.0;
    double absolute = 0.0;  ///< sum of absolute values
    double squares = 0.0;
    double largest = 0.0;  ///< absolute value
    std::uint64_t largest_row = 0;

    void add(std::uint64_t row, double weight) {
        const double size = weight < 0.0 ? -weight : weight;
        ++events;
        negative += weight < 0.0 ? 1 : 0;
        sum += weight;
        absolute += size;
        squares += weight * weight;
        if (size <= largest) return;
        largest = size;
        largest_row = row;
    }
    /// Events of equal weight that are worth as much; 0 if their weights cancel.
    double effective_events() const { return squares > 0.0 ? sum * sum / squares : 0.0; }
};

/// One feature of a sample: weighted by absolute values over the training events of fold 0, its
/// ends over all events, and the rest as it is in up to 8192 regularly chosen ones.
struct FeatureFacts {
    std::string name;
    double mean = 0.0;
    double variance = 0.0;
    std::uint64_t far_row = 0;  ///< event that makes the largest part of the variance
    double far_value = 0.0;     ///< its feature
    double far_share = 0.0;     ///< its part of the variance
    double trained_low = 0.0;   ///< of the training events
    double trained_high = 0.0;  ///< of the training events
    double low = 0.0;           ///< of all events
    double high = 0.0;          ///< of all events
    std::uint64_t low_row = 0;
    std::uint64_t high_row = 0;
    double one_percent = 0.0;   ///< quantile: 1 % lie below
    double last_percent = 0.0;  ///< quantile: 1 % lie above
    double width = 0.0;         ///< half of the range between the quantiles of +-1 sigma
    double frequent = 0.0;      ///< the most frequent value
    double frequent_share = 0.0;
    double next_share = 0.0;     ///< of the most frequent of the others
    double gap = 0.0;            ///< from the most frequent value to the nearest other one
    std::uint64_t distinct = 0;  ///< different values among those that were chosen
};

/// The particle lists of a sample, of all its events.
struct ParticleFacts {
    std::uint64_t particles = 0;
    std::uint64_t most = 0;  ///< of one event
    std::uint64_t empty_events = 0;
    std::uint64_t below_shell = 0;      ///< particles with E < |p| beyond rounding
    double median_energy = 0.0;         ///< of some particles; 0: there are no momenta
    std::vector<std::uint64_t> events;  ///< [most + 1] with so many particles
    std::vector<std::uint64_t> types;   ///< absolute values that occur, the most frequent ones
};

/// The events of a sample by their flags, with its weights.
struct LevelFacts {
    WeightSums matched;
    WeightSums misses;   ///< only truth
    WeightSums fakes;    ///< only reconstruction
    WeightSums nothing;  ///< neither: never used
};

/// What training will meet in a sample. Known where the file was read, not sent to other ranks.
struct SampleFacts {
    struct Part {
        std::vector<WeightSums> weights;             ///< of the sample, then the further columns
        std::array<std::uint64_t, 2> half_events{};  ///< of each half
    };
    std::vector<std::array<Part, 2>> folds;  ///< training, validation for the nets of each fold
    std::vector<FeatureFacts> features;      ///< those that were asked for
    ParticleFacts particles = {};            ///< if they were asked for
    LevelFacts levels = {};                  ///< if they were asked for
};

/// What is known about one sample of an events file after it was read and checked.
struct SampleInfo {
    std::string name;
    SampleColumns columns;                  ///< where the bytes lie
    std::vector<std::string> column_names;  ///< of the stored feature matrix
    Digest digest;                          ///< of the features in use, weight and id
    double sum_of_weights = 0.0;
    std::uint64_t inference_events = 0;  ///< events of the inference split; with folds all
    std::uint64_t training_events = 0;   ///< that one net learns from
    std::vector<SampleWeights> weights;  ///< those that were asked for, in that order
    SampleFacts facts = {};
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, SampleInfo>& value) {
    archive(value.name, value.columns, value.column_names, value.digest, value.sum_of_weights,
            value.inference_events, value.training_events, value.weights);
}

}  // namespace ratiofarm
