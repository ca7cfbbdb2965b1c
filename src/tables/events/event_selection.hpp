#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

/// Events files read block by block, and the file of those events that are kept.
namespace ratiofarm {

/// Some events of a sample, in our types.
struct EventBlock {
    Range rows;
    std::vector<float> features;               ///< [rows, columns], all columns of the file
    std::vector<double> weight;                ///< [rows]
    std::vector<std::uint64_t> id;             ///< [rows]; negative ids keep their bits
    std::vector<std::vector<double>> weights;  ///< [columns that were asked for, rows]
    // If levels were asked for; otherwise empty.
    std::vector<float> truth;              ///< [rows, columns of the truth]
    std::vector<std::uint8_t> pass_reco;   ///< [rows] 0 or 1, whatever else was stored is 255
    std::vector<std::uint8_t> pass_truth;  ///< [rows] likewise

    /// Whether the features of a row may be read.
    bool has_features(std::uint64_t row) const { return pass_reco.empty() || pass_reco[row] == 1; }
};

/// Reads one sample block by block, whatever its layout; checksums are verified where there are
/// any. Blocks are fixed ranges of rows, 65536 each.
class SampleBlocks {
public:
    /// \param sample with the further columns of weights that are wanted
    /// \throws DataError with every problem of the sample's datasets
    SampleBlocks(const std::filesystem::path& file, const SampleToRead& sample);
    ~SampleBlocks();
    SampleBlocks(SampleBlocks&&) noexcept;
    SampleBlocks& operator=(SampleBlocks&&) noexcept;

    const std::vector<std::string>& columns() const { return columns_; }
    std::uint64_t events() const { return events_; }
    std::uint64_t blocks() const;

    /// \throws DataError naming dataset and rows if they are damaged or cannot be read
    EventBlock read(std::uint64_t block) const;

private:
    std::vector<std::string> columns_;
    std::uint64_t events_ = 0;
    struct Open;  // the file and its reader: a file that is closed takes its datasets along
    std::unique_ptr<Open> open_;
};

/// Which events of a sample go on.
struct KeptEvents {
    SampleToRead sample;     ///< with the columns of weights that go on, too
    std::vector<bool> kept;  ///< [events]
};

/// Columns behind the features of every sample.
struct AddedColumns {
    std::vector<std::string> names;
    /// Values of some rows of a sample in the original, [rows, names] row-major; called in order of
    /// the samples and rows.
    std::function<std::vector<float>(const std::string& sample, Range rows)> values = {};
};

/// ln of the share of a process that is kept: the density of its kept events is larger by as much.
using LogShares = std::vector<std::pair<std::string, double>>;

/// Writes the kept events of some samples, in their order, with id, weights, all features and
/// log_density (where there is one), as an events file, atomically. Memory: a few blocks. Not
/// collective.
/// \param original  any layout
/// \param shares    of processes that log_density may name: subtracted there, so that it stays
///                  normalised to what is kept
/// \throws DataError if the original is damaged, SystemError if the disk is full
void write_kept_events(const std::filesystem::path& path,
                       const std::filesystem::path& original,
                       std::span<const KeptEvents> samples,
                       const AddedColumns& added,
                       const LogShares& shares = {});

}  // namespace ratiofarm
