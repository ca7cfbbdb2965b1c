#include "hessian_check.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "fit/results/hessian_rows.hpp"

namespace ratiofarm {
namespace {

template <class Action>
double seconds_of(const Action& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of binned regions and constraints, which the rows do not contain.
std::vector<double> hessian_without_events(const FittedCampaign& fitted,
                                           const mpi::Communicator& world,
                                           std::span<const double> u) {
    StatisticalModel model = fitted.model;
    // Regions without events keep the meaning of the parameters, roots included; nu is left out by
    // their yields, which cannot be zero and are made negligible.
    LikelihoodData data{{}, fitted.data.binned};
    for (UnbinnedRegion& region : model.unbinned) {
        EventSource none;
        for (ProcessModel& process : region.processes) {
            none.processes.push_back(process.name);
            process.yield = 1e-300;
            process.systematics.clear();
        }
        none.read = [none](Range range) {
            EventSet empty;
            empty.processes = none.processes;
            empty.offset = range.first;
            return empty;
        };
        data.unbinned.push_back(std::move(none));
    }
    return Likelihood(std::move(model), data, world).evaluate(u).hessian;
}

}  // namespace

HessianCheck check_hessian(RunContext& context, const FittedCampaign& fitted) {
    const std::vector<double> u =
        fitted.likelihood.coordinates().to_internal(best_values(fitted.record.fit));

    HessianCheck check;
    std::vector<double> closed_form;
    std::vector<double> rows;
    check.seconds_closed_form =
        seconds_of([&] { closed_form = fitted.likelihood.evaluate(u).hessian; });
    check.seconds_by_rows = seconds_of(
        [&] { rows = unbinned_hessian_by_rows(fitted.model, fitted.data, context.world, u); });
    const std::vector<double> rest = hessian_without_events(fitted, context.world, u);
    double largest = 0.0;
    for (std::size_t ab = 0; ab < rows.size(); ++ab) {
        largest = std::max(largest, std::abs(closed_form[ab]));
        check.largest_difference =
            std::max(check.largest_difference, std::abs(rows[ab] + rest[ab] - closed_form[ab]));
    }
    if (largest > 0.0) check.largest_difference /= largest;
    return check;
}

}  // namespace ratiofarm
