#include "region_sums.hpp"

#include "fit/kernels/packed_sums.hpp"

namespace ratiofarm {

MixtureSums mixture_of(std::span<const double> sums, const RegionPlan& plan) {
    const std::size_t s = plan.n_processes();
    const std::size_t p = plan.n_parameters();
    const std::size_t c = plan.n_columns();
    SumReader reader(sums);
    MixtureSums result;
    result.value = reader.one();
    result.below_floor = static_cast<std::uint64_t>(reader.one());
    for (const double count : reader.take(s)) {
        result.clipped.push_back(static_cast<std::uint64_t>(count));
    }
    result.slope = reader.list(s);
    result.shape_slope = reader.list(c);
    result.shape_bend = square_of(reader.take(triangle(p)), p);
    result.outer = square_of(reader.take(triangle(p + s)), p + s);
    return result;
}

ReferenceSums reference_of(std::span<const double> sums, const RegionPlan& plan) {
    const std::size_t s = plan.n_processes();
    SumReader reader(sums);
    ReferenceSums result;
    result.weight = reader.one();
    result.value = reader.list(s);
    result.slope = reader.list(plan.n_columns());
    for (std::size_t j = 0; j < s; ++j) {
        const std::vector<std::size_t> place = plan.places_of(j);
        const std::size_t n = place.size();
        const std::span<const double> lower = reader.take(triangle(n));
        std::vector<double>& bend = result.bend.emplace_back(n * n);
        for (std::size_t a = 0; a < n; ++a) {
            for (std::size_t b = 0; b < n; ++b) {
                bend[place[a] * n + place[b]] = lower[in_triangle(a, b)];
            }
        }
    }
    return result;
}

}  // namespace ratiofarm
