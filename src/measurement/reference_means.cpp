#include "reference_means.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

namespace ratiofarm {
namespace {

/// Adds sum u r, sum u^2 r^2 and sum u^2 r of each process, then sum u^2, of some rows of a set.
void add_rows(const RatioFile& ratios,
              const ReferenceComponent& component,
              Range rows,
              std::vector<double>& sums) {
    const RatioRows values = ratios.read_rows(component.sample, rows);
    const std::size_t p = ratios.header().processes.size();
    const double scale = component.fraction / ratios.set(component.sample).sum_of_weights;
    for (std::size_t i = 0; i < values.weight.size(); ++i) {
        const double u = scale * values.weight[i];
        for (std::size_t j = 0; j < p; ++j) {
            const double ur = u * std::exp(static_cast<double>(values.log_r[i * p + j]));
            sums[3 * j] += ur;
            sums[3 * j + 1] += ur * ur;
            sums[3 * j + 2] += u * ur;
        }
        sums.back() += u * u;
    }
}

}  // namespace

ReferenceMeans reference_means(const mpi::Communicator& comm, const RatioFile& ratios) {
    const auto& components = ratios.header().reference;
    const std::size_t p = ratios.header().processes.size();
    std::vector<std::uint64_t> sizes;
    std::uint64_t total = 0;
    for (const ReferenceComponent& component : components) {
        sizes.push_back(ratios.set(component.sample).events);
        total += sizes.back();
    }
    mpi::ExactSums mine(3 * p + 1);
    mpi::together(comm, [&] {
        for (const Range& shard : shards_of_rank(comm, total)) {
            std::vector<double> sums(3 * p + 1, 0.0);
            for (const SetRows& part : rows_of_range(sizes, shard)) {
                add_rows(ratios, components[part.set], part.rows, sums);
            }
            mine.add(sums);
        }
    });
    const std::vector<double> sums = mpi::exact_sum(comm, std::move(mine));
    ReferenceMeans means;
    for (std::size_t j = 0; j < p; ++j) {
        const double mean = sums[3 * j];
        const double variance =
            sums[3 * j + 1] - 2.0 * mean * sums[3 * j + 2] + mean * mean * sums.back();
        means.mean.push_back(mean);
        means.error.push_back(std::sqrt(std::max(0.0, variance)));
    }
    mpi::together(comm, [&] {
        for (std::size_t j = 0; j < p; ++j) {
            if (means.mean[j] > 0.0 && std::isfinite(means.mean[j])) continue;
            throw DataError(fmt::format(
                "'{}': the ratios of process '{}' average to {:.4g} over the reference (must be > "
                "0)",
                ratios.path().string(), ratios.header().processes[j].name, means.mean[j]));
        }
    });
    return means;
}

bool lacks_normalisation(const UnbinnedRegion& region, const RatioFile& ratios) {
    const bool has_shapes = std::ranges::any_of(region.processes, [](const ProcessModel& process) {
        return std::ranges::any_of(process.systematics,
                                   [](const SystematicEffect& effect) { return effect.shape; });
    });
    return region.shape_norm != ShapeNorm::none && !has_shapes &&
           ratios.header().shape_norm == ShapeNorm::none && !ratios.header().reference.empty();
}

}  // namespace ratiofarm
