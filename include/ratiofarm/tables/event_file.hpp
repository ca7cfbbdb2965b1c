#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/protocol/split.hpp"

/// events.h5: one group per sample. See docs/formats.md, "events.h5".
namespace ratiofarm {

inline constexpr std::string_view events_format = "ratiofarm-events";
inline constexpr std::uint64_t events_version = 1;

/// Exact log densities of named processes at the events of a sample; known for simulated events.
struct LogDensity {
    std::vector<std::string> processes;
    std::vector<double> values;  ///< [n, processes] row-major, ln p_j(x)
    bool operator==(const LogDensity&) const = default;
};

/// A column of /<sample>/weights: other weights of the same events.
struct EventWeights {
    std::string name;
    std::vector<double> values;  ///< [n], may be negative; the sum must be > 0
    bool operator==(const EventWeights&) const = default;
};

/// Particle lists, one after the other. Columns whose first four are E, px, py, pz have momenta.
struct ParticleLists {
    std::vector<std::string> columns;
    std::vector<std::uint64_t> offsets;  ///< [n + 1]: event i has rows offsets[i] to offsets[i + 1]
    std::vector<float> values;           ///< [particles, columns] row-major
    std::vector<std::int64_t> types;     ///< [particles] PDG id or a class, 0 unknown; or empty
    bool operator==(const ParticleLists&) const = default;
};

/// Truth of simulated events, and which of the two levels they pass.
struct EventLevels {
    std::vector<std::string> columns;      ///< of the truth, distinct
    std::vector<float> truth;              ///< [n, columns] row-major; not read unless pass_truth
    std::vector<std::uint8_t> pass_reco;   ///< [n] 0 or 1; features are not read unless 1
    std::vector<std::uint8_t> pass_truth;  ///< [n] 0 or 1
    bool operator==(const EventLevels&) const = default;
};

/// One sample in memory, as it is written.
struct EventSample {
    std::string name;
    std::vector<std::string> columns;  ///< names of the features, distinct
    std::vector<float> features;       ///< [n, columns] row-major
    std::vector<double> weight;        ///< [n], may be negative; the sum must be > 0
    std::vector<std::uint64_t> id;     ///< [n]; variations of one generated event share it
    std::optional<LogDensity> log_density;
    std::vector<EventWeights> weights = {};  ///< of variations; mostly none
    std::optional<ParticleLists> particles = std::nullopt;
    std::optional<EventLevels> levels = std::nullopt;
};

/// Writes an events file atomically. Not collective.
/// \throws SystemError if the disk is full
void write_events(const std::filesystem::path& path, std::span<const EventSample> samples);

/// Opens an events file and checks all it is asked for: layout, types, finite features and weights,
/// ids distinct within a sample, total weight > 0. Reads each sample once.
/// \param samples   groups and their further columns of weights, which are checked like `weight`;
///                  each is described in the result, in this order
/// \param features  columns in use, in the order the nets see them; empty: all of each sample
/// \throws DataError with every problem of every sample, one per line: file, dataset, first row
///         and how many rows
/// Foreign layouts (compressed, chunked, other number types) are read and checked as well, but have
/// no bytes that could be mapped: their offsets are 0 and MappedSample refuses them. Pass the file
/// through contiguous_events() first to train or evaluate on it; the digests are the same.
std::vector<SampleInfo> read_sample_info(const std::filesystem::path& file,
                                         std::span<const SampleToRead> samples,
                                         std::span<const std::string> features,
                                         const Split& split);

/// Like the above, without further columns of weights. \param samples names of groups
std::vector<SampleInfo> read_sample_info(const std::filesystem::path& file,
                                         std::span<const std::string> samples,
                                         std::span<const std::string> features,
                                         const Split& split);

/// The file itself if every sample is stored contiguously in our types; otherwise a copy that is,
/// made once in `folder` as "events.contiguous.h5" and used again while the original's size and
/// time of modification are the same. Not collective: for rank 0, before read_sample_info().
/// \param samples what to copy; a missing one is left for read_sample_info() to report
/// \param copying is called before a copy is made
/// \throws DataError if the file cannot be opened; SystemError if the disk is full
std::filesystem::path contiguous_events(const std::filesystem::path& file,
                                        std::span<const SampleToRead> samples,
                                        const std::filesystem::path& folder,
                                        const std::function<void()>& copying = {});

/// All that an events file holds: its samples with all their columns of weights.
/// \throws DataError
std::vector<SampleToRead> all_samples(const std::filesystem::path& file);

/// Names of the samples of an events file.
/// \throws DataError
std::vector<std::string> sample_names(const std::filesystem::path& file);

/// Exact log densities of a sample, if the file has them.
/// \throws DataError
std::optional<LogDensity> read_log_density(const std::filesystem::path& file,
                                           const std::string& sample);

/// The columns of one sample, mapped read-only.
class MappedSample {
public:
    /// \throws DataError if the file is gone or shorter than it was
    explicit MappedSample(const SampleInfo& info);

    std::uint64_t events() const { return weight_.size(); }
    std::uint64_t columns() const { return columns_; }
    std::span<const float> features() const { return features_; }  ///< [events, columns]
    std::span<const double> weight() const { return weight_; }
    std::span<const std::uint64_t> id() const { return id_; }
    // Of samples that were read with levels; otherwise empty.
    std::span<const float> truth() const { return truth_; }  ///< [events, columns of the truth]
    std::span<const std::uint8_t> pass_reco() const { return pass_reco_; }
    std::span<const std::uint8_t> pass_truth() const { return pass_truth_; }

private:
    MappedFile file_;
    std::uint64_t columns_;
    std::span<const float> features_;
    std::span<const double> weight_;
    std::span<const std::uint64_t> id_;
    std::span<const float> truth_;
    std::span<const std::uint8_t> pass_reco_;
    std::span<const std::uint8_t> pass_truth_;
};

}  // namespace ratiofarm
