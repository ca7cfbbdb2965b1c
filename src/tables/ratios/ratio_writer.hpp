#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

#include "protocol/task_file.hpp"

namespace ratiofarm {

/// The events of one sample that enter the ratio file.
struct RatioSetInput {
    SampleInfo sample;
    Split split;                  ///< events of its inference part enter; {0, 0, 1} takes all
    std::optional<double> yield;  ///< weights are rescaled to this sum; none: as they are
};

/// Which ensembles of a file's columns.
enum class RatioKind : std::uint8_t {
    process,   ///< r of a process
    up,        ///< g of a shape at alpha = +1
    down,      ///< at -1
    replicas,  ///< r of a process, each net of its own
};

/// One evaluation task: an ensemble on rows [range * range_size, ...) of a sample.
struct RatioBlockKey {
    std::uint64_t set = 0;  ///< index of the set
    RatioKind kind = RatioKind::process;
    std::uint64_t column = 0;  ///< index of the process, or of the shape
    std::uint64_t range = 0;   ///< index of the range of file rows
    bool operator==(const RatioBlockKey&) const = default;
};

/// Gives the ratios of the inference-split events of one range, in file order. `members` is
/// [header.replicas[column], header.members[column] or header.shape_nets, events] where the file
/// has what comes of them: net k of the fold of each event. Called on any rank, maybe more than
/// once and on several ranks for one key. \throws Error if there is none: then every rank throws
/// and no file appears
using RatioProvider = std::function<RatioBlock(const RatioBlockKey& key)>;

struct RatioInput {
    RatioHeader header;
    std::vector<RatioSetInput> sets;    ///< the samples of the reference among them
    std::uint64_t range_size = 262144;  ///< file rows per RatioBlock
    bool shape_spread = false;          ///< store the spread of g over its nets, too
};

/// Collective over comm. Normalises the ratios on the reference events and writes them in parallel
/// to "<path>.partial", reads them back, compares checksums, and publishes. Shapes, replicas and
/// members are stored as the nets give them. Datasets and summary have the same bits for every
/// number of ranks: events are dealt in blocks of 65536, whose sums are added in order.
/// \throws DataError naming sample, process and row if a ratio is not finite, a block has the wrong
///         size or what was written reads back differently; NumericalError if a normalisation is
///         not positive; SystemError (resumable) if the disk is full
RatioSummary write_ratios(const mpi::Communicator& comm,
                          const std::filesystem::path& path,
                          const RatioInput& input,
                          const RatioProvider& provider);

}  // namespace ratiofarm
