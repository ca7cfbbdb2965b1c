#include "region_layout.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

#include "fit/kernels/guards.hpp"

namespace ratiofarm {
namespace {

void expect_processes(const UnbinnedRegion& region, const EventSource& source) {
    RATIOFARM_EXPECT(source.processes.size() == region.processes.size());
    for (std::size_t j = 0; j < region.processes.size(); ++j) {
        RATIOFARM_EXPECT(source.processes[j] == region.processes[j].name);
    }
}

const SystematicEffect* find_shape(const ProcessModel& process, const std::string& parameter) {
    const auto found = std::find_if(
        process.systematics.begin(), process.systematics.end(),
        [&](const auto& effect) { return effect.shape && effect.parameter == parameter; });
    return found == process.systematics.end() ? nullptr : &*found;
}

void check_every_shape_has_columns(const UnbinnedRegion& region, const EventSource& source) {
    std::string problems;
    for (const ProcessModel& process : region.processes) {
        for (const SystematicEffect& effect : process.systematics) {
            const ShapeColumn wanted{process.name, effect.parameter};
            const auto& have = source.shapes;
            if (!effect.shape || std::find(have.begin(), have.end(), wanted) != have.end()) {
                continue;
            }
            problems += (problems.empty() ? "" : "\n") + ("region '" + region.name) +
                        "': the events have no ratios g(x) of '" + effect.parameter +
                        "' for process '" + process.name +
                        "' (give both columns, or let the systematic change only the yield)";
        }
    }
    if (!problems.empty()) throw ConfigError(problems);
}

}  // namespace

NamedLayout region_layout(const UnbinnedRegion& region,
                          const StatisticalModel& model,
                          const EventSource& source) {
    expect_processes(region, source);
    check_every_shape_has_columns(region, source);
    NamedLayout named;
    for (const ShapeColumn& column : source.shapes) {
        named.shape_parameters.push_back(parameter_index(model, column.parameter));
    }
    auto& parameters = named.shape_parameters;
    std::sort(parameters.begin(), parameters.end());
    parameters.erase(std::unique(parameters.begin(), parameters.end()), parameters.end());

    named.layout.n_processes = region.processes.size();
    named.layout.n_shape_parameters = parameters.size();
    for (const ProcessModel& process : region.processes) {
        named.layout.yields.push_back(process.yield);
    }
    for (const ShapeColumn& column : source.shapes) {
        const auto process =
            std::find(source.processes.begin(), source.processes.end(), column.process);
        RATIOFARM_EXPECT(process != source.processes.end());
        const auto j = static_cast<std::size_t>(process - source.processes.begin());
        const SystematicEffect* effect = find_shape(region.processes[j], column.parameter);
        RATIOFARM_EXPECT(effect != nullptr);  // columns without use are left out when loading
        const auto place = std::lower_bound(parameters.begin(), parameters.end(),
                                            parameter_index(model, column.parameter));
        named.layout.columns.push_back(
            {j, static_cast<std::size_t>(place - parameters.begin()), effect->shape_code});
    }
    return named;
}

namespace {

template <class Real>
ColumnWeights<Real> as_kernel_wants(const InterpolationWeights& weights) {
    ColumnWeights<Real> result{};
    for (std::size_t q = 0; q < 3; ++q) {
        result.constant[q] = static_cast<Real>(weights.constant[q]);
        for (std::size_t k = 0; k < 6; ++k) {
            result.weight[q][k] = static_cast<Real>(weights.weight[q][k]);
        }
    }
    result.power = static_cast<Real>(weights.power);
    result.smallest = static_cast<Real>(smallest_g);
    using Form = InterpolationWeights::Form;
    if (weights.form == Form::power_of_up) result.side = 1;
    if (weights.form == Form::power_of_down) result.side = -1;
    if (weights.form == Form::power_of_both) result.side = 2;
    return result;
}

}  // namespace

RegionPlan::RegionPlan(const RegionLayout& layout)
    : n_parameters_(layout.n_shape_parameters),
      columns_(layout.columns.size()),
      first_column_{0},
      first_of_parameter_{0},
      first_of_group_{0},
      yields_(layout.yields) {
    RATIOFARM_EXPECT(yields_.size() == layout.n_processes);
    std::iota(columns_.begin(), columns_.end(), std::size_t{0});
    const auto key = [&](std::size_t c) {
        return std::pair(layout.columns[c].process, layout.columns[c].parameter);
    };
    std::sort(columns_.begin(), columns_.end(),
              [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    for (std::size_t k = 0; k < columns_.size(); ++k) {
        const auto [process, parameter] = key(columns_[k]);
        RATIOFARM_EXPECT(process < layout.n_processes && parameter < n_parameters_);
        RATIOFARM_EXPECT(k == 0 || key(columns_[k - 1]) != key(columns_[k]));
        process_of_.push_back(process);
        parameter_.push_back(static_cast<std::uint32_t>(parameter));
    }
    for (std::size_t j = 0; j < layout.n_processes; ++j) {
        const auto end = std::upper_bound(process_of_.begin(), process_of_.end(), j);
        first_column_.push_back(static_cast<std::size_t>(end - process_of_.begin()));
    }
    for (std::size_t m = 0; m < n_parameters_; ++m) {
        for (std::size_t k = 0; k < columns_.size(); ++k) {
            if (parameter_[k] != m) continue;
            column_of_parameter_.push_back(k);
            process_of_parameter_.push_back(process_of_[k]);
        }
        first_of_parameter_.push_back(column_of_parameter_.size());
    }
    std::vector<bool> placed(layout.n_processes);
    const auto parameters_of = [&](std::size_t j) {
        return std::span(parameter_).subspan(first_column_[j], columns_of(j));
    };
    for (std::size_t j = 0; j < layout.n_processes; ++j) {
        if (placed[j]) continue;
        for (std::size_t k = j; k < layout.n_processes; ++k) {
            if (placed[k] || !std::ranges::equal(parameters_of(j), parameters_of(k))) continue;
            placed[k] = true;
            process_of_group_.push_back(k);
        }
        first_of_group_.push_back(process_of_group_.size());
    }
}

ShapePlan RegionPlan::view() const {
    return {.n_processes = n_processes(),
            .n_parameters = n_parameters_,
            .n_columns = columns_.size(),
            .first_column = first_column_.data(),
            .first_of_parameter = first_of_parameter_.data(),
            .column_of_parameter = column_of_parameter_.data(),
            .process_of_parameter = process_of_parameter_.data(),
            .n_groups = n_groups(),
            .first_of_group = first_of_group_.data(),
            .process_of_group = process_of_group_.data(),
            .yields = yields_.data()};
}

std::vector<std::size_t> RegionPlan::places_of(std::size_t process) const {
    const auto mine = columns().subspan(first_column_[process], columns_of(process));
    std::vector<std::size_t> places;
    for (const std::size_t column : mine) {
        places.push_back(static_cast<std::size_t>(
            std::ranges::count_if(mine, [column](std::size_t other) { return other < column; })));
    }
    return places;
}

std::span<const std::size_t> RegionPlan::group(std::size_t group) const {
    return std::span(process_of_group_)
        .subspan(first_of_group_[group], first_of_group_[group + 1] - first_of_group_[group]);
}

template <class Real>
std::vector<ColumnWeights<Real>> column_weights(const RegionLayout& layout,
                                                const RegionPlan& plan,
                                                std::span<const double> alpha) {
    std::vector<ColumnWeights<Real>> result;
    for (const std::size_t c : plan.columns()) {
        const ShapeIndex& column = layout.columns[c];
        result.push_back(
            as_kernel_wants<Real>(interpolation_weights(column.code, alpha[column.parameter])));
    }
    return result;
}

template std::vector<ColumnWeights<double>> column_weights(const RegionLayout&,
                                                           const RegionPlan&,
                                                           std::span<const double>);
template std::vector<ColumnWeights<float>> column_weights(const RegionLayout&,
                                                          const RegionPlan&,
                                                          std::span<const double>);

bool needs_double(const RegionLayout& layout, std::span<const double> alpha) {
    // Four factors of up to e^20 are multiplied in single precision.
    constexpr double largest = 20.0 / 3.0;
    return std::ranges::any_of(layout.columns, [&](const ShapeIndex& column) {
        const double size = std::abs(alpha[column.parameter]);
        const bool squared = column.code == Interpolation::exp_quadratic && size > 1.0;
        return (squared ? size * size : size) > largest;
    });
}

}  // namespace ratiofarm
