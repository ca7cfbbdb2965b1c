#include "left_out_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/impacts.hpp"

#include "fit/finite_mc/ratio_response.hpp"

#include "shape_fits.hpp"

namespace ratiofarm {
namespace {

/// A shape that is left out.
struct LeftOutShape {
    std::size_t region = 0;
    std::size_t column = 0;  ///< of the ratio file
    std::string parameter;
};

std::vector<LeftOutShape> left_out_shapes(const RatioFiles& ratios, const StatisticalModel& model) {
    std::vector<LeftOutShape> shapes;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const RatioHeader& header = ratios[r]->header();
        for (std::size_t i = 0; i < header.significances.size(); ++i) {
            if (!is_left_out(header, i, model, r)) continue;
            shapes.push_back({r, i, header.shapes[i].parameter});
        }
    }
    return shapes;
}

/// Halves of sum and difference of both sides of some columns, for the events of a list of sets.
/// \return [2 columns, n]: all differences, then all sums
std::vector<float> odd_and_even(const RatioFile& ratios,
                                const std::vector<FittedSet>& sets,
                                const std::vector<std::size_t>& columns,
                                Range range) {
    const std::uint64_t n = range.size();
    const std::size_t width = ratios.header().processes.size();
    std::vector<std::uint64_t> sizes;
    for (const FittedSet& set : sets) sizes.push_back(set.events);
    std::vector<double> weight(n);
    std::vector<double> log_r(n * width);
    std::vector<float> log_g(2 * columns.size() * n);
    std::uint64_t position = 0;
    for (const SetRows& part : rows_of_range(sizes, range)) {
        const std::uint64_t rows = part.rows.size();
        ratios.read_events(sets[part.set].sample, part.rows,
                           {std::span(weight).subspan(position, rows),
                            std::span(log_r).subspan(position * width, rows * width), columns,
                            std::span(log_g).subspan(position), n});
        position += rows;
    }
    std::vector<float> values(log_g.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
        for (std::uint64_t i = 0; i < n; ++i) {
            const float up = log_g[2 * c * n + i];
            const float down = log_g[(2 * c + 1) * n + i];
            values[c * n + i] = 0.5F * (up - down);
            values[(columns.size() + c) * n + i] = 0.5F * (up + down);
        }
    }
    return values;
}

std::size_t process_of(const UnbinnedRegion& region, const RatioShape& shape) {
    const auto found =
        std::find_if(region.processes.begin(), region.processes.end(),
                     [&](const ProcessModel& process) { return process.name == shape.process; });
    RATIOFARM_EXPECT(found != region.processes.end());
    return static_cast<std::size_t>(found - region.processes.begin());
}

/// Shifts of mu per unit of a parameter.
struct Shifts {
    double odd = 0.0;
    double even = 0.0;
};

/// Collective over comm. Adds what some shapes do, all of one region.
void add_shifts(const mpi::Communicator& comm,
                const FittedPoint& point,
                std::span<const LeftOutShape> shapes,
                std::map<std::string, Shifts>& shifts) {
    const std::size_t region = shapes.front().region;
    const RatioFile& ratios = *point.ratios[region];
    std::vector<std::size_t> columns;
    std::vector<RatioDirections> directions(point.ratios.size());
    RatioDirections& of_region = directions[region];
    for (const LeftOutShape& shape : shapes) {
        columns.push_back(shape.column);
        of_region.process.push_back(
            process_of(point.model.unbinned[region], ratios.header().shapes[shape.column]));
    }
    const std::vector<std::size_t> once = of_region.process;
    of_region.process.insert(of_region.process.end(), once.begin(), once.end());
    const auto sets = sets_of(point, ReferenceRows::always)[region];
    of_region.read = [&ratios, sets, columns](Range range) {
        return odd_and_even(ratios, sets, columns, range);
    };
    const auto moved =
        ratio_response(point.model, point.data, comm, point.u, directions).direction[region];
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        Shifts& sum = shifts[shapes[k].parameter];
        sum.odd += moved[k];
        sum.even += moved[shapes.size() + k];
    }
}

/// Collective over comm.
std::map<std::string, Shifts> shifts_by_parameter(const mpi::Communicator& comm,
                                                  const FittedPoint& point) {
    constexpr std::size_t at_once = 12;  // two directions each: one pass over the events
    const std::vector<LeftOutShape> shapes = left_out_shapes(point.ratios, point.model);
    std::map<std::string, Shifts> shifts;
    for (auto first = shapes.begin(); first != shapes.end();) {
        auto last = first;
        while (last != shapes.end() && last->region == first->region &&
               last - first < static_cast<std::ptrdiff_t>(at_once)) {
            ++last;
        }
        add_shifts(comm, point, std::span(first, last), shifts);
        first = last;
    }
    return shifts;
}

}  // namespace

double left_out_error(std::span<const LeftOutShift> shifts) {
    double largest = 0.0;
    double sum = 0.0;
    double variance = 0.0;
    double with_yields = 0.0;
    for (const LeftOutShift& left_out : shifts) {
        const double square = left_out.shift * left_out.shift;
        const double noise = left_out.noise * left_out.noise;
        largest = std::max(largest, square);
        sum += square - noise;
        variance += square * noise;
        with_yields += 2.0 * left_out.shift * left_out.observable;
    }
    return std::sqrt(std::max(largest, sum + 2.0 * std::sqrt(variance)) +
                     std::max(0.0, with_yields));
}

void find_left_out_error(const mpi::Communicator& comm,
                         const FittedPoint& point,
                         const FitResult& fitted,
                         ShapeRecord& record) {
    const auto per_unit = shifts_by_parameter(comm, point);
    const std::size_t poi = parameter_index(point.model, fitted.poi);
    std::vector<LeftOutShift> shifts;
    for (ShapeRecord::Untreated& entry : record.untreated) {
        const std::size_t a = parameter_index(point.model, entry.parameter);
        const FittedParameter& alpha = fitted.parameters[a];
        if (alpha.fixed) continue;
        const auto constraint = constraint_width(point.model.parameters[a], alpha.value);
        const double width = constraint.value_or(alpha.error);
        const Shifts& moved = per_unit.at(entry.parameter);
        entry.shift = width * moved.odd;
        entry.shift_noise = width * std::abs(moved.even) / std::sqrt(3.0);
        const double observable =
            constraint && width > 0.0 ? fitted.covariance[poi][a] / width : 0.0;
        shifts.push_back({entry.shift, entry.shift_noise, observable});
    }
    record.error_without = fitted.parameters[poi].error;
    record.left_out_error = left_out_error(shifts);
}

void widen(FitResult& fitted, double left_out_error) {
    for (std::size_t a = 0; a < fitted.parameters.size(); ++a) {
        FittedParameter& poi = fitted.parameters[a];
        if (poi.name != fitted.poi || !(poi.error > 0.0)) continue;
        const double wider = std::hypot(poi.error, left_out_error);
        for (std::size_t b = 0; b < fitted.parameters.size(); ++b) {
            if (b == a) continue;
            fitted.correlation[a][b] *= poi.error / wider;
            fitted.correlation[b][a] *= poi.error / wider;
        }
        fitted.covariance[a][a] = wider * wider;
        poi.error = fitted.breakdown.total = wider;
    }
}

std::vector<std::string> left_out_parameters(const RatioFiles& ratios,
                                             const StatisticalModel& model) {
    std::set<std::string> names;
    for (const LeftOutShape& shape : left_out_shapes(ratios, model)) names.insert(shape.parameter);
    return {names.begin(), names.end()};
}

}  // namespace ratiofarm
