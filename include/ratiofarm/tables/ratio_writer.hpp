#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "ratiofarm/core/sample_info.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

namespace ratiofarm {

/// The events of one sample that enter the ratio file.
struct RatioSetInput {
    SampleInfo sample;
    Split split;                  ///< events of its inference part enter; {0, 0, 1} takes all
    std::optional<double> yield;  ///< weights are rescaled to this sum; none: as they are
};

/// One evaluation task: ensemble `process` on rows [range * range_size, ...) of a sample.
struct RatioBlockKey {
    std::uint64_t set = 0;      ///< index of the set
    std::uint64_t process = 0;  ///< column
    std::uint64_t range = 0;    ///< index of the range of file rows
};

/// Gives the ratios of the inference-split events of one range, in file order. Called on any rank,
/// maybe more than once and on several ranks for one key.
/// \throws Error if there is none: then every rank throws and no file appears
using RatioProvider = std::function<RatioBlock(const RatioBlockKey& key)>;

struct RatioInput {
    RatioHeader header;
    std::vector<RatioSetInput> sets;    ///< the samples of the reference among them
    std::uint64_t range_size = 262144;  ///< file rows per RatioBlock
};

/// Collective over comm. Normalises the ratios on the reference events and writes them in parallel
/// to "<path>.partial", reads them back, compares checksums, and publishes. Datasets and summary
/// have the same bits for every number of ranks: events are dealt in blocks of 65536, whose sums
/// are added in order. \throws DataError naming sample, process and row if a ratio is not finite, a
/// block has the wrong
///         size or what was written reads back differently; NumericalError if a normalisation is
///         not positive; SystemError (resumable) if the disk is full
RatioSummary write_ratios(const mpi::Communicator& comm,
                          const std::filesystem::path& path,
                          const RatioInput& input,
                          const RatioProvider& provider);

}  // namespace ratiofarm
