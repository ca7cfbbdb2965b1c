#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/trained_net.hpp"
#include "ratiofarm/protocol/training_options.hpp"

/// ensembles/<name>.h5: the nets of one ensemble as rows of one matrix, with their tables. See
/// docs/formats.md, "ensembles/<name>.h5".
namespace ratiofarm {

inline constexpr std::string_view ensemble_format = "ratiofarm-ensemble";
/// 4: with layer_norm, gram or log_features, which readers of 3 would not heed; 5: with scores;
/// 6, only of nets that read particle lists: with the closure of quantities of those.
inline constexpr std::uint64_t ensemble_version = 6;

/// More nets than this would make a file that is hard to move.
inline constexpr std::uint64_t max_nets_per_file = 1000;

/// A net that was trained for the ensemble and is not in it.
struct ExcludedNet {
    std::string name;    ///< "S/member 3"
    Digest task;         ///< of its training
    std::string reason;  ///< "diverged: ...", "E[r] - 1 = 0.41 +- 0.02, at most 0.1 is allowed"
    bool operator==(const ExcludedNet&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ExcludedNet>& value) {
    archive(value.name, value.task, value.reason);
}

/// A number that an ensemble was made with: a threshold that its nets had to pass.
struct NamedNumber {
    std::string name;
    double value = 0.0;
    bool operator==(const NamedNumber&) const = default;
};

/// What holds for all nets of an ensemble. Nothing volatile: no times, hosts or rank counts.
struct EnsembleHeader {
    std::string name;     ///< of the ensemble: "S", "S.replicas", "S.scale.up"
    std::string process;  ///< whose density the ratio is about; empty for a classifier
    Digest digest;        ///< of the ensemble: of the digests of its trainings
    Network network;
    std::vector<std::string> features;  ///< inputs of the nets, in order
    TrainingOptions training;           ///< checkpoint_seconds is not stored
    Combine combine = Combine::mean_log_ratio;
    std::uint32_t folds = 0;         ///< of the split; 0: none
    std::vector<std::string> names;  ///< of the nets, at least one: "S/member 3"
    std::vector<NamedNumber> gates;  ///< that the nets passed, by name
    std::vector<ExcludedNet> excluded;
    bool scores = true;         ///< the file has TrainedNet::scores of nets that are no classifiers
    bool list_closure = false;  ///< NetQuality::closure may have quantities of particle lists

    std::uint64_t nets() const { return names.size(); }
    std::uint64_t row_size() const { return ratiofarm::row_size(network); }
    /// Elements from one row to the next: a multiple of 16, so that rows start on cache lines.
    std::uint64_t row_stride() const { return (row_size() + 15) / 16 * 16; }
    bool operator==(const EnsembleHeader&) const = default;
};

/// Most bins of the calibration curve of a net, and most of its reference logits.
inline constexpr std::uint32_t most_calibration_bins = 20;
inline constexpr std::uint32_t most_reference_logits = 512;

/// Fold of a net that is for all events.
inline constexpr std::uint32_t no_fold = 0xffffffff;

/// One finished net.
struct EnsembleNet {
    Digest task;                 ///< of its training
    std::uint32_t index = 0;     ///< within that
    std::uint32_t attempts = 1;  ///< nets trained for its place, the excluded ones among them
    std::uint32_t fold = no_fold;
    std::uint64_t seed = 0;     ///< of its initialisation
    std::uint64_t replica = 0;  ///< seed of the bootstrap weights; 0: none
    TrainedNet result;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, EnsembleNet>& value) {
    archive(value.task, value.index, value.attempts, value.fold, value.seed, value.replica,
            value.result, value.result.scores);
}

/// Gives net i of an ensemble; called on one rank for each i.
/// \throws Error if there is none: then every rank throws and no file appears
using EnsembleProvider = std::function<EnsembleNet(std::uint64_t net)>;

/// Collective over comm. Writes all nets in parallel, each rank its block of rows, to
/// "<path>.partial", reads them back, compares checksums, and publishes. The datasets have the same
/// bits for every number of ranks.
/// \throws ConfigError on more than max_nets_per_file nets; DataError if a net does not fit the
///         header or reads back differently; SystemError (resumable) if the disk is full
void write_ensemble(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    const EnsembleHeader& header,
                    const EnsembleProvider& provider);

/// An ensemble file that was opened and whose header was checked.
struct EnsembleFile {
    std::filesystem::path path;
    FileStamp stamp;  ///< before it was opened
    EnsembleHeader header;
    /// Byte of net 0; f32 [nets, row_stride], ready to be mapped.
    std::uint64_t weights_offset = 0;
    /// Byte of the calibration of net 0; f32 [nets, 2, calibration_knots], likewise.
    std::uint64_t calibration_offset = 0;
    std::vector<std::uint32_t> fold;  ///< [nets]; empty without folds
};

/// \throws DataError naming the file: missing, truncated, another format, another version (`gather`
///         writes files of older versions again), sizes that do not agree, a damaged header
EnsembleFile read_ensemble(const std::filesystem::path& path);

/// All nets, every checksum verified.
/// \throws DataError naming file, dataset and row
std::vector<EnsembleNet> read_nets(const EnsembleFile& file);

/// Reads those in a range for the checks alone. \throws as read_nets()
void check_nets(const EnsembleFile& file, Range nets);

/// One of them. \param net  < header.nets()
EnsembleNet read_net(const EnsembleFile& file, std::uint64_t net);

}  // namespace ratiofarm
