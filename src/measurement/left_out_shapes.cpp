#include "left_out_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <boost/math/distributions/students_t.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/impacts.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "fit/finite_mc/ratio_response.hpp"

#include "shape_fits.hpp"

namespace ratiofarm {
namespace {

/// A learned shape whose parameter the model knows: left out, or in the likelihood with what the
/// halves of its nets differ by.
struct LearnedShape {
    std::size_t region = 0;
    std::size_t column = 0;  ///< of the ratio file
    std::string parameter;
    bool left_out = false;
};

std::vector<LearnedShape> learned_shapes(const RatioFiles& ratios, const StatisticalModel& model) {
    std::vector<LearnedShape> shapes;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const RatioHeader& header = ratios[r]->header();
        for (std::size_t i = 0; i < header.significances.size(); ++i) {
            const bool left_out = is_left_out(header, i, model, r);
            const bool noisy =
                header.shape_nets > 0 && uses_shape(model.unbinned[r], header.shapes[i]);
            if (!left_out && !noisy) continue;
            shapes.push_back({r, i, header.shapes[i].parameter, left_out});
        }
    }
    return shapes;
}

/// What the halves of the nets of some shapes differ by, for some events of a list of sets.
struct HalfRows {
    Range events;
    std::vector<float> up;  ///< [shapes, events]
    std::vector<float> down;
};

/// For the events of this rank; empty where the file does not have it.
HalfRows half_rows(const mpi::Communicator& comm,
                   const RatioFile& ratios,
                   const std::vector<FittedSet>& sets,
                   std::span<const LearnedShape> shapes) {
    std::vector<std::uint64_t> sizes;
    std::uint64_t total = 0;
    for (const FittedSet& set : sets) {
        sizes.push_back(set.events);
        total += set.events;
    }
    HalfRows rows{events_of_rank(comm, total), {}, {}};
    if (ratios.header().shape_nets == 0) return rows;
    const auto append = [&](NetRatios lines, std::size_t column, std::vector<float>& to) {
        for (const SetRows& part : rows_of_range(sizes, rows.events)) {
            const auto read =
                ratios.read_net_ratios(sets[part.set].sample, lines, column, part.rows);
            to.insert(to.end(), read.begin(), read.end());
        }
    };
    for (const LearnedShape& shape : shapes) {
        append(NetRatios::up_halves, shape.column, rows.up);
        append(NetRatios::down_halves, shape.column, rows.down);
    }
    return rows;
}

/// Two directions of some shapes, for the events of a list of sets. Left out: the shape, half of
/// the difference of both sides, and the noise in that, by the halves or else by half of the sum.
/// In the likelihood: the noise of either side. \return [2 shapes, n]: all first ones, then all
/// second ones
std::vector<float> two_directions(const RatioFile& ratios,
                                  const std::vector<FittedSet>& sets,
                                  std::span<const LearnedShape> shapes,
                                  const HalfRows& halves,
                                  Range range) {
    const std::uint64_t n = range.size();
    const std::size_t width = ratios.header().processes.size();
    std::vector<std::uint64_t> sizes;
    for (const FittedSet& set : sets) sizes.push_back(set.events);
    std::vector<std::size_t> columns;
    for (const LearnedShape& shape : shapes) columns.push_back(shape.column);
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
    RATIOFARM_EXPECT(range.first >= halves.events.first && range.last <= halves.events.last);
    const float of_even = 1.0F / std::sqrt(3.0F);
    std::vector<float> values(log_g.size());
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        for (std::uint64_t i = 0; i < n; ++i) {
            float& first = values[k * n + i];
            float& second = values[(shapes.size() + k) * n + i];
            const bool known = !halves.up.empty();
            const std::uint64_t at =
                k * halves.events.size() + (range.first - halves.events.first) + i;
            if (!shapes[k].left_out) {
                first = halves.up[at];
                second = halves.down[at];
                continue;
            }
            const float up = log_g[2 * k * n + i];
            const float down = log_g[(2 * k + 1) * n + i];
            first = 0.5F * (up - down);
            second =
                known ? 0.5F * (halves.up[at] - halves.down[at]) : 0.5F * of_even * (up + down);
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

/// Shifts of mu per unit of a parameter, by both directions.
struct Shifts {
    double first = 0.0;
    double second = 0.0;
};

/// By parameter.
struct AllShifts {
    std::map<std::string, Shifts> left_out;
    std::map<std::string, Shifts> noise;
};

/// Collective over comm. Adds what some shapes do, all of one region.
void add_shifts(const mpi::Communicator& comm,
                const FittedPoint& point,
                std::span<const LearnedShape> shapes,
                AllShifts& shifts) {
    const std::size_t region = shapes.front().region;
    const RatioFile& ratios = *point.ratios[region];
    std::vector<RatioDirections> directions(point.ratios.size());
    RatioDirections& of_region = directions[region];
    for (const LearnedShape& shape : shapes) {
        of_region.process.push_back(
            process_of(point.model.unbinned[region], ratios.header().shapes[shape.column]));
    }
    const std::vector<std::size_t> once = of_region.process;
    of_region.process.insert(of_region.process.end(), once.begin(), once.end());
    const auto sets = sets_of(point, ReferenceRows::always)[region];
    HalfRows halves;
    mpi::together(comm, [&] { halves = half_rows(comm, ratios, sets, shapes); });
    of_region.read = [&](Range range) {
        return two_directions(ratios, sets, shapes, halves, range);
    };
    const auto moved =
        ratio_response(point.model, point.data, comm, point.u, directions).direction[region];
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        auto& all = shapes[k].left_out ? shifts.left_out : shifts.noise;
        Shifts& sum = all[shapes[k].parameter];
        sum.first += moved[k];
        sum.second += moved[shapes.size() + k];
    }
}

/// Collective over comm.
AllShifts shifts_by_parameter(const mpi::Communicator& comm, const FittedPoint& point) {
    constexpr std::size_t at_once = 12;  // two directions each: one pass over the events
    const std::vector<LearnedShape> shapes = learned_shapes(point.ratios, point.model);
    AllShifts shifts;
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

/// A root of the mean of alpha^2, by the fit.
double size_of(const FittedParameter& alpha, const Parameter& parameter) {
    const bool unknown = !alpha.fixed && !(alpha.error > 0.0);
    return std::hypot(alpha.value, unknown ? parameter.constraint.width : alpha.error);
}

/// Half the width that holds as much of Student's t as one standard deviation of a normal one.
double student_width(double degrees_of_freedom) {
    constexpr double below = 0.841344746068543;
    constexpr double many = 1e6;  // a normal distribution
    return boost::math::quantile(boost::math::students_t(std::min(degrees_of_freedom, many)),
                                 below);
}

void add_noises(const StatisticalModel& model,
                const FitResult& fitted,
                const std::map<std::string, Shifts>& per_unit,
                ShapeRecord& record) {
    double variance = 0.0;
    double squares = 0.0;  // of the parts of it: each is one difference, squared
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const Parameter& parameter = model.parameters[a];
        const auto moved = per_unit.find(parameter.name);
        if (moved == per_unit.end()) continue;
        const double size = size_of(fitted.parameters[a], parameter);
        const double by_up = 0.5 * std::pow(size * moved->second.first, 2);
        const double by_down = 0.5 * std::pow(size * moved->second.second, 2);
        record.noises.push_back({parameter.name, std::sqrt(by_up + by_down)});
        variance += by_up + by_down;
        squares += by_up * by_up + by_down * by_down;
    }
    if (record.noises.empty()) return;
    record.noise_error = noise_error(record.error_without, variance, squares);
}

}  // namespace

double noise_error(double fit_error, double variance, double squares) {
    const double fit_variance = fit_error * fit_error;
    const double sum = fit_variance + variance;
    if (!(squares > 0.0)) return std::sqrt(variance);
    const double width = student_width(sum * sum / squares);
    return std::sqrt(width * width * sum - fit_variance);
}

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

void find_shape_errors(const mpi::Communicator& comm,
                       const FittedPoint& point,
                       const FitResult& fitted,
                       bool of_left_out,
                       ShapeRecord& record) {
    const AllShifts per_unit = shifts_by_parameter(comm, point);
    const std::size_t poi = parameter_index(point.model, fitted.poi);
    record.error_without = fitted.parameters[poi].error;
    add_noises(point.model, fitted, per_unit.noise, record);
    if (!of_left_out || record.untreated.empty()) return;
    std::vector<LeftOutShift> shifts;
    for (ShapeRecord::Untreated& entry : record.untreated) {
        const std::size_t a = parameter_index(point.model, entry.parameter);
        const FittedParameter& alpha = fitted.parameters[a];
        if (alpha.fixed) continue;
        const auto constraint = constraint_width(point.model.parameters[a], alpha.value);
        const double width = constraint.value_or(alpha.error);
        const Shifts& moved = per_unit.left_out.at(entry.parameter);
        entry.shift = width * moved.first;
        entry.shift_noise = width * std::abs(moved.second);
        const double observable =
            constraint && width > 0.0 ? fitted.covariance[poi][a] / width : 0.0;
        shifts.push_back({entry.shift, entry.shift_noise, observable});
    }
    record.left_out_error = left_out_error(shifts);
}

void widen(FitResult& fitted, double held_error) {
    for (std::size_t a = 0; a < fitted.parameters.size(); ++a) {
        FittedParameter& poi = fitted.parameters[a];
        if (poi.name != fitted.poi || !(poi.error > 0.0)) continue;
        const double wider = std::hypot(poi.error, held_error);
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
    for (const LearnedShape& shape : learned_shapes(ratios, model)) {
        if (shape.left_out) names.insert(shape.parameter);
    }
    return {names.begin(), names.end()};
}

bool any_noise_known(const RatioFiles& ratios, const StatisticalModel& model) {
    const auto shapes = learned_shapes(ratios, model);
    return std::any_of(shapes.begin(), shapes.end(),
                       [](const LearnedShape& shape) { return !shape.left_out; });
}

}  // namespace ratiofarm
