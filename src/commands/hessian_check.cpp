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
    // The rows are only those of the events.
    const std::vector<double> rest = fitted.likelihood.evaluate(u, LikelihoodPart::rest).hessian;
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
