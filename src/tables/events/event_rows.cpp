#include "event_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "protocol/list_quantities.hpp"

namespace ratiofarm {
namespace {

/// Column of the density of a process.
std::optional<std::size_t> density_column(const LogDensity& density, const DensityName& of) {
    for (const std::string& name : {of.sample, of.process}) {
        const auto found = std::find(density.processes.begin(), density.processes.end(), name);
        if (found != density.processes.end()) {
            return static_cast<std::size_t>(found - density.processes.begin());
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::vector<float>> column_at_rows(const SampleInfo& sample,
                                                 std::span<const std::uint64_t> rows,
                                                 const std::string& column) {
    const auto& names = sample.column_names;
    const auto found = std::find(names.begin(), names.end(), column);
    const auto of_lists = enumerator_of<ListQuantity>(column);
    const bool is_computed = found == names.end();
    if (is_computed && !(of_lists && has_list_quantity(sample, *of_lists))) return std::nullopt;
    for (const std::uint64_t row : rows) {
        if (row < sample.columns.events) continue;
        throw DataError("sample '" + sample.name + "': the ratio file names row " +
                        std::to_string(row) + " of " + std::to_string(sample.columns.events) +
                        ": it was made from another events file");
    }
    if (is_computed) return list_quantity_at_rows(sample, rows, *of_lists);
    const auto index = static_cast<std::uint64_t>(found - names.begin());
    const MappedSample mapped(sample);
    std::vector<float> values;
    values.reserve(rows.size());
    for (const std::uint64_t row : rows) {
        values.push_back(mapped.features()[row * mapped.columns() + index]);
    }
    return values;
}

std::optional<std::vector<double>> exact_log_ratios(const LogDensity& density,
                                                    std::span<const std::uint64_t> rows,
                                                    const DensityName& process,
                                                    std::span<const ReferenceComponent> reference) {
    const auto numerator = density_column(density, process);
    if (!numerator) return std::nullopt;
    std::vector<std::pair<std::size_t, double>> mixture;
    for (const ReferenceComponent& component : reference) {
        const auto column = density_column(density, {component.sample, component.process});
        if (!column) return std::nullopt;
        mixture.emplace_back(*column, component.fraction);
    }
    const std::size_t width = density.processes.size();
    std::vector<double> log_ratios;
    log_ratios.reserve(rows.size());
    for (const std::uint64_t row : rows) {
        RATIOFARM_EXPECT((row + 1) * width <= density.values.size());
        const double* log_p = density.values.data() + row * width;
        double largest = -std::numeric_limits<double>::infinity();
        for (const auto& [column, fraction] : mixture) largest = std::max(largest, log_p[column]);
        double sum = 0.0;  // of p_k / (the largest of them): neither overflows nor underflows
        for (const auto& [column, fraction] : mixture) {
            sum += fraction * std::exp(log_p[column] - largest);
        }
        log_ratios.push_back(log_p[*numerator] - (largest + std::log(sum)));
    }
    return log_ratios;
}

}  // namespace ratiofarm
