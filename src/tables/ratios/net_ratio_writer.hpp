#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/tables/ratio_file.hpp"

#include "h5/file.hpp"

#include "net_ratio_table.hpp"
#include "ratio_blocks.hpp"
#include "ratio_writer.hpp"

namespace ratiofarm {

/// "/events/S/replica_log_r".
std::string net_ratios_path(std::string_view set, NetRatios lines);

/// All datasets [lines, events] of a ratio file in the making, on one rank: what the ensembles of
/// shapes and replicas give, and the members of the nominal ones. An ensemble at a time, so that
/// memory does not grow with their number.
class NetRatioWriter {
public:
    NetRatioWriter(const RatioInput& input,
                   const RatioProvider& provider,
                   std::span<const RatioSelection> selections);

    std::uint64_t bytes() const;
    void create(const h5::File& file) const;

    /// \param places blocks of this rank
    /// \throws DataError naming sample, ensemble and row if a number cannot be used or is missing
    void write(const h5::File& file, std::span<const BlockPlace> places);

    /// Reads back what write() wrote.
    /// \throws DataError if it differs
    void verify(const h5::File& file, std::span<const BlockPlace> places) const;

private:
    /// What of a RatioBlock goes into which lines of a dataset.
    enum class Part : std::uint8_t { log_ratio, spread, members, halves };
    struct Target {
        std::string dataset;  ///< "log_g_up"
        Part part;
        std::uint64_t first = 0;  ///< line
        std::uint64_t lines = 1;
    };
    struct Source {
        RatioKind kind;
        std::uint64_t column;
        std::vector<Target> targets;
    };
    struct Dataset {
        std::string name;
        std::uint64_t lines;
    };

    void add_shapes();
    void add_nets(RatioKind kind, const std::vector<std::uint32_t>& lines);
    NetRatioTableLayout layout(const Dataset& dataset, std::uint64_t set) const;
    void write_source(const h5::File& file,
                      const Source& source,
                      std::span<const BlockPlace> places);
    std::vector<std::vector<float>> gather(const Source& source, const BlockPlace& place);
    const RatioBlock& load(const RatioBlockKey& key);

    const RatioInput& input_;
    std::span<const RatioSelection> selections_;
    RatioRangeLoader ranges_;
    RatioBlockKey loaded_key_;  ///< of the last one loaded: neighbouring blocks share it
    std::optional<RatioBlock> loaded_;
    std::vector<Dataset> datasets_;
    std::vector<Source> sources_;
    std::vector<std::uint32_t> written_;  ///< CRC-32 of each line of each block, as written
};

}  // namespace ratiofarm
