#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "h5/dataset.hpp"

namespace ratiofarm {

/// One dataset of the group /nets: the member of EnsembleNet that its rows hold.
struct NetColumn {
    std::string path;  ///< "/nets/quality/excess"
    h5::ElementType type;
    std::vector<std::uint64_t> extent;  ///< of a row; empty for one number
    /// The row of a net, lists padded with NaN. Gives more bytes than a row has if a list is longer
    /// than it may be.
    std::function<std::vector<std::byte>(const EnsembleNet&)> pack;
    /// Puts the row of a file into a net; lists keep their padding.
    std::function<void(std::span<const std::byte>, EnsembleNet&)> unpack;
    /// Entries of a list that are not padding; unused for numbers.
    std::function<std::uint32_t(const EnsembleNet&)> length;
    std::function<void(std::uint32_t length, EnsembleNet&)> trim;

    std::uint64_t elements() const;  ///< of a row
    std::uint64_t row_bytes() const { return elements() * h5::size_of(type); }
};

/// Everything of a net except its weights and checksums, in the order of docs/formats.md.
std::vector<NetColumn> net_columns(const EnsembleHeader& header);

}  // namespace ratiofarm
