#include "ratiofarm/fit/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Stands for ln 0: the kernel takes it as a ratio of zero.
constexpr double log_of_nothing = -1000.0;

std::string bin_name(std::size_t bin, const std::string& of) {
    return "bin " + std::to_string(bin) + " of " + of;
}

void check_content(double content, std::size_t bin, const std::string& of) {
    if (content >= 0.0 && std::isfinite(content)) return;
    throw DataError(bin_name(bin, of) + " holds " + std::to_string(content) +
                    " (must be >= 0; use wider bins where weights are negative)");
}

double sum_of(std::span<const double> bins) {
    return std::accumulate(bins.begin(), bins.end(), 0.0);
}

}  // namespace

std::vector<double> quantile_edges(std::span<const float> values, std::size_t n_bins) {
    RATIOFARM_EXPECT(!values.empty() && n_bins > 0);
    std::vector<float> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> edges;
    for (std::size_t k = 0; k <= n_bins; ++k) {
        const std::size_t at = std::min(sorted.size() - 1, sorted.size() * k / n_bins);
        const double edge = sorted[at];
        if (edges.empty() || edge > edges.back()) edges.push_back(edge);
    }
    if (edges.size() == 1) edges.push_back(edges.front() + 1.0);  // all values are equal
    return edges;
}

std::vector<double> fill_histogram(std::span<const double> edges,
                                   std::span<const float> values,
                                   std::span<const double> weight) {
    RATIOFARM_EXPECT(edges.size() >= 2 && values.size() == weight.size());
    std::vector<double> bins(edges.size() - 1, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto above =
            std::upper_bound(edges.begin() + 1, edges.end() - 1, static_cast<double>(values[i]));
        bins[static_cast<std::size_t>(above - edges.begin()) - 1] += weight[i];
    }
    return bins;
}

EventSet histogram_ratios(std::span<const std::string> processes,
                          std::span<const std::vector<double>> process_bins,
                          std::span<const double> reference_bins,
                          std::span<const double> data_bins) {
    RATIOFARM_EXPECT(processes.size() == process_bins.size());
    RATIOFARM_EXPECT(reference_bins.size() == data_bins.size());
    EventSet events;
    events.processes.assign(processes.begin(), processes.end());
    const double reference_sum = sum_of(reference_bins);
    for (std::size_t bin = 0; bin < data_bins.size(); ++bin) {
        check_content(reference_bins[bin], bin, "the reference");
        bool empty = data_bins[bin] == 0.0;
        for (std::size_t j = 0; j < processes.size(); ++j) {
            RATIOFARM_EXPECT(process_bins[j].size() == data_bins.size());
            check_content(process_bins[j][bin], bin, "'" + processes[j] + "'");
            empty = empty && process_bins[j][bin] == 0.0;
        }
        if (reference_bins[bin] == 0.0) {
            if (empty) continue;
            throw DataError(bin_name(bin, "the reference") +
                            " is empty where a process or the data are not");
        }
        events.weight.push_back(data_bins[bin]);
        for (const auto& bins : process_bins) {
            const double r = bins[bin] / sum_of(bins) / (reference_bins[bin] / reference_sum);
            events.log_r.push_back(r > 0.0 ? std::log(r) : log_of_nothing);
        }
    }
    events.total = events.size();
    return events;
}

}  // namespace ratiofarm
