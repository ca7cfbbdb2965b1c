#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/tables/ratio_file.hpp"

#include "h5/handle.hpp"
#include "tables/byte_file.hpp"
#include "tables/shared_column.hpp"

#include "net_ratio_table.hpp"

namespace ratiofarm {

std::string shape_path(std::string_view set, bool up);  ///< "/events/S/log_g_up"

/// The columns of all sets of a ratio file that the likelihood reads, for several threads at once.
class RatioEvents {
public:
    /// \param file open for reading; it outlives this
    /// \throws DataError naming the dataset that is missing or has another shape
    RatioEvents(const std::filesystem::path& path,
                const h5::File& file,
                const RatioHeader& header,
                std::span<const RatioSet> sets);

    /// \throws DataError naming dataset and rows that are damaged
    void read(std::string_view set, Range rows, const RatioTarget& to) const;

    /// Which datasets of log g load slowly, and which cannot be verified: at most a line each.
    std::vector<std::string> warnings() const;

private:
    struct Set {
        std::uint64_t processes;
        SharedColumn weight;
        SharedColumn log_r;
        std::optional<SharedColumn> up;
        std::optional<SharedColumn> down;
    };
    void open_shapes(const RatioSet& set, std::uint64_t columns, Set& to);
    SharedColumn open_shape(const std::string& path, std::uint64_t columns, std::uint64_t events);

    const h5::File& file_;
    ByteFile bytes_;
    mutable std::mutex hdf5_;
    std::map<std::string, Set, std::less<>> sets_;
};

}  // namespace ratiofarm
