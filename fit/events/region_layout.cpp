#include "region_layout.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

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
                        "' (give both columns, or make the systematic one of the yield alone)";
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

}  // namespace ratiofarm
