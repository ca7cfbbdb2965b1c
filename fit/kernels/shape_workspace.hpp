#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "fit/events/region_layout.hpp"

#include "aligned_array.hpp"

namespace ratiofarm {

/// What one thread needs to sum shards: the memory behind a ShapeWork. Matrices belong to groups
/// of processes (mixture) or to processes (reference); the last one of a mixture is that of z.
template <class Real>
class ShapeWorkspace {
public:
    /// \param widths of the matrices
    ShapeWorkspace(const RegionPlan& plan, std::vector<std::size_t> widths)
        : widths_(std::move(widths)) {
        const std::size_t s = plan.n_processes();
        const std::size_t c = plan.n_columns();
        const std::size_t z = plan.n_parameters() + s;
        std::size_t matrices = 0;
        for (const std::size_t n : widths_) {
            matrix_at_.push_back(matrices);
            matrices += padded_width(n) * padded_width(n);
        }
        work_.gradient = real((c + transposed_spare) * shape_block);
        work_.curvature = real(c * shape_block);
        work_.ratio = number(s * shape_block);
        work_.share = real(s * shape_block);
        work_.scaled = real(padded_width(z) * product_rows);
        work_.rows = real(padded_width(z) * product_rows);
        if constexpr (sizeof(Real) != sizeof(double)) work_.product = real(matrices);
        const std::size_t n_scratch = arrays_.size();
        work_.value = number(shape_lanes);
        work_.below_floor = number(1);
        work_.clipped = number(s);
        work_.process = number(s * shape_lanes);
        work_.column_gradient = number(c * shape_lanes);
        work_.column_curvature = number(c * shape_lanes);
        work_.matrices = number(matrices);
        sums_from_ = n_scratch;
        work_.matrix_at = matrix_at_.data();
        if (!matrix_at_.empty()) work_.outer_at = matrix_at_.back();
    }

    const ShapeWork<Real>& work() const { return work_; }

    void clear() {
        for (std::size_t k = sums_from_; k < arrays_.size(); ++k) {
            std::fill_n(arrays_[k].data(), arrays_[k].size(), std::byte{0});
        }
    }

    /// The sum over the lanes of one quantity.
    static double joined(const double* lanes) {
        return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
               ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }

    /// An element of a matrix, b <= a.
    double element(std::size_t matrix, std::size_t a, std::size_t b) const {
        return work_.matrices[matrix_at_[matrix] + a * padded_width(widths_[matrix]) + b];
    }

private:
    std::byte* bytes(std::size_t n) {
        arrays_.emplace_back(std::max<std::size_t>(n, 64));
        std::fill_n(arrays_.back().data(), arrays_.back().size(), std::byte{0});
        return arrays_.back().data();
    }
    Real* real(std::size_t n) { return reinterpret_cast<Real*>(bytes(n * sizeof(Real))); }
    double* number(std::size_t n) { return reinterpret_cast<double*>(bytes(n * sizeof(double))); }

    std::vector<std::size_t> widths_;
    std::vector<std::size_t> matrix_at_;
    std::vector<AlignedArray<std::byte>> arrays_;
    std::size_t sums_from_ = 0;
    ShapeWork<Real> work_;
};

}  // namespace ratiofarm
