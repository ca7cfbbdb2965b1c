#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/physics/interpolation.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

#include "fit/kernels/shape_kernel.hpp"

namespace ratiofarm {

/// One column of a region's shapes, with names resolved.
struct ShapeIndex {
    std::size_t process = 0;    ///< j
    std::size_t parameter = 0;  ///< m, among the shape parameters of the region (not theta)
    Interpolation code = Interpolation::code4;
};

/// How a region's events are arranged: S processes, P shape parameters, C shape columns.
struct RegionLayout {
    std::size_t n_processes = 0;
    std::size_t n_shape_parameters = 0;
    std::vector<ShapeIndex> columns;  ///< [C], in the order of EventSet::shapes
    std::vector<double> yields;       ///< [S], nu_j: the scale of each event's floor
};

/// The layout of a region's events, and which parameters its shapes belong to.
struct NamedLayout {
    RegionLayout layout;
    std::vector<std::size_t> shape_parameters;  ///< [P], positions in theta, ascending
};

/// \throws ConfigError if the events have no columns for a shape of the model
NamedLayout region_layout(const UnbinnedRegion& region,
                          const StatisticalModel& model,
                          const EventSource& source);

/// The columns of a region in the order of the kernels, by process, then by parameter, and which
/// processes share their parameters.
class RegionPlan {
public:
    explicit RegionPlan(const RegionLayout& layout);

    ShapePlan view() const;

    std::size_t n_processes() const { return yields_.size(); }
    std::size_t n_parameters() const { return n_parameters_; }
    std::size_t n_columns() const { return columns_.size(); }
    std::size_t n_groups() const { return first_of_group_.size() - 1; }
    std::size_t columns_of(std::size_t process) const {
        return first_column_[process + 1] - first_column_[process];
    }
    /// [C] in kernel order: places in RegionLayout::columns
    std::span<const std::size_t> columns() const { return columns_; }
    std::span<const std::size_t> process_of() const { return process_of_; }   ///< [C]
    std::span<const std::uint32_t> parameters() const { return parameter_; }  ///< [C]
    std::size_t first_column(std::size_t process) const { return first_column_[process]; }
    /// Where the columns of a process stand among those of it in the layout.
    std::vector<std::size_t> places_of(std::size_t process) const;
    std::span<const std::size_t> group(std::size_t group) const;

private:
    std::size_t n_parameters_ = 0;
    std::vector<std::size_t> columns_;
    std::vector<std::size_t> process_of_;
    std::vector<std::uint32_t> parameter_;
    std::vector<std::size_t> first_column_;
    std::vector<std::size_t> first_of_parameter_;
    std::vector<std::size_t> column_of_parameter_;
    std::vector<std::size_t> process_of_parameter_;
    std::vector<std::size_t> first_of_group_;
    std::vector<std::size_t> process_of_group_;
    std::vector<double> yields_;
};

/// interpolation_weights() of every column at one point, in kernel order.
/// \param alpha [P]
template <class Real>
std::vector<ColumnWeights<Real>> column_weights(const RegionLayout& layout,
                                                const RegionPlan& plan,
                                                std::span<const double> alpha);

/// True if some exponent is too large for single precision at this point.
bool needs_double(const RegionLayout& layout, std::span<const double> alpha);

}  // namespace ratiofarm
