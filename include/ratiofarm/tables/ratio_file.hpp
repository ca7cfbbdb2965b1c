#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

/// ratios.h5: the contract between machine learning and statistics. See docs/formats.md,
/// "ratios.h5".
namespace ratiofarm {

/// One event set of a ratio file.
struct RatioSet {
    std::string name;  ///< of the sample
    std::uint64_t events = 0;
    double sum_of_weights = 0.0;  ///< the yield it was rescaled to, or of the events as they are
    bool has_columns = false;     ///< has id, row and spread (they are optional)
    bool has_checksums = false;
    bool operator==(const RatioSet&) const = default;
};

/// What the likelihood needs of some events.
struct RatioRows {
    std::vector<double> weight;  ///< [n]
    std::vector<float> log_r;    ///< [n, processes] row-major, normalised ln p_j(x)/p_ref(x)
};

/// The rest, for reports; vectors are empty if the file does not have the column.
struct RatioColumns {
    std::vector<std::uint64_t> id;   ///< [n]
    std::vector<std::uint64_t> row;  ///< [n], row in the events file
    std::vector<float> spread;  ///< [n, processes], standard deviation of ln r over the members
};

/// What the likelihood needs of n events, and where it goes.
struct RatioTarget {
    std::span<double> weight;             ///< [n]
    std::span<double> log_r;              ///< [n, processes]
    std::span<const std::size_t> shapes;  ///< columns wanted, indices of RatioHeader::shapes
    /// [shapes, 2, stride], ln g at alpha = +1, then at -1, from the first of the n events on.
    std::span<float> log_g;
    std::uint64_t stride = 0;  ///< >= n: elements between one list of ln g and the next
};

/// Further datasets, one row of n events for each net or shape; a file need not have them.
enum class NetRatios : std::uint8_t {
    up_spread,       ///< [shapes] standard deviation of ln g at +1 over its nets
    down_spread,     ///< at -1
    up_halves,       ///< [shapes] half of what the nets of both halves differ by in ln g at +1
    down_halves,     ///< at -1
    replica_spread,  ///< [processes] of ln r over the replicas, undivided
    replica,         ///< [sum of header.replicas] ln r of each replica, not normalised
    member,          ///< [sum of header.members] ln r of each member, not normalised
};

class RatioEvents;

/// A ratio file, open for reading on one rank; header and sizes are checked.
class RatioFile {
public:
    /// \throws DataError naming the file: missing, truncated, another format, an unknown version,
    ///         sizes that do not agree, a damaged header
    explicit RatioFile(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    const RatioHeader& header() const { return header_; }
    const RatioSummary& summary() const { return summary_; }
    const std::vector<RatioSet>& sets() const { return sets_; }
    const std::vector<std::string>& warnings() const {
        return warnings_;
    }  ///< what is not verified

    /// \throws DataError with the nearest name if there is none
    const RatioSet& set(std::string_view name) const;

    /// Events [rows.first, rows.last) of a set. Checksums of all blocks that are touched are
    /// verified, so whole ranges cost less than many small ones.
    /// \throws DataError naming file, dataset and rows that are damaged
    RatioRows read_rows(std::string_view set, Range rows) const;
    std::vector<double> read_weights(std::string_view set, Range rows) const;
    RatioColumns read_columns(std::string_view set, Range rows) const;

    /// Events of one line; NaN where the net does not evaluate the fold of an event.
    /// \throws DataError if the file has no such dataset, or it is damaged
    std::vector<float> read_net_ratios(std::string_view set,
                                       NetRatios lines,
                                       std::uint64_t line,
                                       Range rows) const;

    /// Events for the likelihood; several threads may read at once. Each checksum is compared
    /// once, so small ranges cost no more than large ones. Values are not checked.
    /// \throws DataError as above
    void read_events(std::string_view set, Range rows, const RatioTarget& to) const;

    /// Reads every event with all its shapes and looks at every number.
    /// \throws DataError naming dataset and row of the first that is damaged or not finite; ln r of
    ///         -inf is a valid ratio, of zero
    void verify_events() const;

private:
    struct Opened;

    std::filesystem::path path_;
    std::shared_ptr<const Opened> opened_;  ///< shared, so that its address stays
    RatioHeader header_;
    RatioSummary summary_;
    std::vector<RatioSet> sets_;
    std::vector<std::string> warnings_;
    std::shared_ptr<const RatioEvents> events_;
};

}  // namespace ratiofarm
