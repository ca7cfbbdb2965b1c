#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ratiofarm/protocol/shape_significance.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

#include "h5/file.hpp"
#include "tables/table_file.hpp"

namespace ratiofarm {

inline constexpr TableKind ratios_kind{ratios_format, ratios_version, 1};

/// The oldest version that says all that is in the file, so that older programs read what they
/// understand: they would take a shape that is only noise for a real one.
inline TableKind kind_of(const RatioHeader& header) {
    const bool plain = header.shapes.empty() && header.yields.empty();
    const std::uint64_t untested = plain ? 1 : 2;
    return {ratios_format, header.significances.empty() ? untested : ratios_version};
}

std::string set_path(std::string_view set);  ///< "/events/S"

/// Attributes of the root and of /reference. For one rank.
/// \param sets names in order
void write_ratio_header(const h5::File& file,
                        const RatioHeader& header,
                        const RatioSummary& summary,
                        const std::vector<std::string>& sets);

/// Reads the attributes that exist; only `processes` and `yields` must.
/// \throws DataError naming the attribute
RatioHeader read_ratio_header(const h5::File& file);
RatioSummary read_ratio_summary(const h5::File& file);
std::vector<std::string> read_set_names(const h5::File& file);

/// Attributes of the root, one number per shape; none where nothing was tested. For one rank.
void write_significances(const h5::File& file, const std::vector<ShapeSignificance>& significances);

/// \throws DataError naming the attribute that has another number of entries
std::vector<ShapeSignificance> read_significances(const h5::File& file, std::size_t shapes);

}  // namespace ratiofarm
