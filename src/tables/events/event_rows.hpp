#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm/tables/ratio_header.hpp"

// What the events file knows of the events of a ratio file, which are rows of it.

namespace ratiofarm {

/// A column of the events file at some rows, or a quantity of its particle lists
/// (protocol/list_quantities.hpp).
/// \return nothing if the sample has no such column
/// \throws DataError for a row that the file has not: it is another file
std::optional<std::vector<float>> column_at_rows(const SampleInfo& sample,
                                                 std::span<const std::uint64_t> rows,
                                                 const std::string& column);

/// A process and its sample; densities in events files go by either name.
struct DensityName {
    std::string sample;
    std::string process;
};

/// Exact ln p_j / p_ref at some rows, from the densities of a sample. Finite wherever the densities
/// are, however far out an event lies.
/// \return [rows]; nothing if the density of the process or of a component of the reference is
/// missing
std::optional<std::vector<double>> exact_log_ratios(const LogDensity& density,
                                                    std::span<const std::uint64_t> rows,
                                                    const DensityName& process,
                                                    std::span<const ReferenceComponent> reference);

}  // namespace ratiofarm
