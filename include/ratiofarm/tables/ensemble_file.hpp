#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/network.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"
#include "ratiofarm/core/training_options.hpp"
#include "ratiofarm/mpi/communicator.hpp"

/// ensembles/<name>.h5: the nets of one ensemble as rows of one matrix, with their tables. See
/// docs/formats.md, "ensembles/<name>.h5".
namespace ratiofarm {

inline constexpr std::string_view ensemble_format = "ratiofarm-ensemble";
inline constexpr std::uint64_t ensemble_version = 1;

/// More nets than this would make a file that is hard to move.
inline constexpr std::uint64_t max_nets_per_file = 1000;

/// What holds for all nets of an ensemble. Nothing volatile: no times, hosts or rank counts.
struct EnsembleHeader {
    std::string process;  ///< numerator of the ratio
    Digest digest;        ///< of the ensemble: of the digests of its trainings
    Network network;
    std::vector<std::string> features;  ///< inputs of the nets, in order
    TrainingOptions training;           ///< checkpoint_seconds is not stored
    Combine combine = Combine::mean_log_ratio;
    std::uint64_t nets = 0;  ///< >= 1

    std::uint64_t row_size() const { return ratiofarm::row_size(network); }
    /// Elements from one row to the next: a multiple of 16, so that rows start on cache lines.
    std::uint64_t row_stride() const { return (row_size() + 15) / 16 * 16; }
    bool operator==(const EnsembleHeader&) const = default;
};

/// One finished net.
struct EnsembleNet {
    Digest task;             ///< of its training
    std::uint64_t seed = 0;  ///< of its initialisation
    TrainedNet result;
};

/// Gives net i of an ensemble; called on one rank for each i.
/// \throws Error if there is none: then every rank throws and no file appears
using EnsembleProvider = std::function<EnsembleNet(std::uint64_t net)>;

/// Collective over comm. Writes all nets in parallel, each rank its block of rows, to
/// "<path>.partial", reads them back, compares checksums, and publishes. The datasets have the same
/// bits for every number of ranks. \throws ConfigError on more than max_nets_per_file nets;
/// DataError if a net does not fit the
///         header or reads back differently; SystemError (resumable) if the disk is full
void write_ensemble(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    const EnsembleHeader& header,
                    const EnsembleProvider& provider);

/// An ensemble file that was opened and whose header was checked.
struct EnsembleFile {
    std::filesystem::path path;
    EnsembleHeader header;
    std::uint64_t weights_offset =
        0;  ///< byte of net 0; f32 [nets, row_stride], ready to be mapped
};

/// \throws DataError naming the file: missing, truncated, another format, an unknown version, sizes
///         that do not agree, a damaged header
EnsembleFile read_ensemble(const std::filesystem::path& path);

/// All nets, every checksum verified.
/// \throws DataError naming file, dataset and row
std::vector<EnsembleNet> read_nets(const EnsembleFile& file);

}  // namespace ratiofarm
