#include "gof_bins.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/fit/goodness_of_fit.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "protocol/list_quantities.hpp"
#include "tables/events/event_rows.hpp"

#include "toys_events.hpp"

namespace ratiofarm {
namespace {

constexpr double fewest_expected = 5.0;

/// How far the parameter of interest is moved for a derivative.
double derivative_step(const Parameter& parameter) {
    return 1e-4 * (parameter.high - parameter.low);
}

/// Rates of a region with the parameter of interest moved by some steps, inside its range.
std::vector<double> moved_rates(const StatisticalModel& model,
                                std::size_t region,
                                std::vector<double> theta,
                                double steps) {
    const std::size_t poi = parameter_index(model, model.parameter_of_interest);
    const Parameter& parameter = model.parameters[poi];
    const double step = derivative_step(parameter);
    theta[poi] = std::clamp(theta[poi], parameter.low + step, parameter.high - step);
    theta[poi] += steps * step;
    return rates_at(model, model.unbinned[region], theta);
}

/// A column of the events file at the rows of some sets of a ratio file, one after the other.
/// \return empty if the events are not available
std::vector<double> feature_values(const RatioFile& ratios,
                                   std::span<const FittedSet> sets,
                                   const FitSource& source,
                                   const std::string& feature) {
    std::vector<double> values;
    for (const FittedSet& set : sets) {
        const auto sample =
            std::find_if(source.samples.begin(), source.samples.end(),
                         [&](const SampleInfo& info) { return info.name == set.sample; });
        if (sample == source.samples.end()) return {};
        const auto rows = ratios.read_columns(set.sample, {0, set.events}).row;
        if (rows.size() != set.events) return {};
        const auto column = column_at_rows(*sample, rows, feature);
        if (!column) return {};
        values.insert(values.end(), column->begin(), column->end());
    }
    return values;
}

/// The sets that the events of a region come from: those that toys are drawn from, and the data.
struct Sets {
    std::vector<FittedSet> list;
    std::vector<FittedSet> data;
};

Sets sets_of(const ToyPlan& plan, const Campaign& campaign, std::size_t region) {
    const StatisticalModel& model = plan.exact_model();
    const RatioFile& ratios = *plan.ratios()[region];
    Campaign of_reference = campaign;
    of_reference.data = {};
    of_reference.data.source = AsimovSource::reference;
    return {fitted_sets(of_reference, model, model.unbinned[region], ratios),
            fitted_sets(campaign, model, model.unbinned[region], ratios)};
}

/// Bins from the values of both lists, by what is expected at the Asimov point.
ObservableBins bins_from(const std::vector<double>& list,
                         const std::vector<double>& data,
                         const std::vector<double>& expected,
                         std::size_t bins) {
    double total = 0.0;
    for (const double weight : expected) total += std::max(weight, 0.0);
    const auto most = static_cast<std::size_t>(std::max(1.0, std::floor(total / fewest_expected)));
    ObservableBins result;
    result.edges = weighted_quantiles(list, expected, std::min(bins, most));
    for (const double value : list) result.list.push_back(bin_of(result.edges, value));
    for (const double value : data) result.data.push_back(bin_of(result.edges, value));
    return result;
}

}  // namespace

std::vector<double> optimal_observable(const StatisticalModel& model,
                                       std::size_t region,
                                       std::span<const double> theta,
                                       const EventSet& events) {
    const auto above = moved_rates(model, region, {theta.begin(), theta.end()}, 1.0);
    const auto below = moved_rates(model, region, {theta.begin(), theta.end()}, -1.0);
    const double step =
        derivative_step(model.parameters[parameter_index(model, model.parameter_of_interest)]);
    const std::size_t width = above.size();
    std::vector<double> values;
    values.reserve(events.size());
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        double change = 0.0;
        double sum = 0.0;
        for (std::size_t j = 0; j < width; ++j) {
            const double r = std::exp(events.log_r[i * width + j]);
            change += (above[j] - below[j]) * r;
            sum += (above[j] + below[j]) * r;
        }
        // A mixture that is not positive has no logarithm; such events share the outer bins.
        constexpr double limit = 1e6;
        const double value = change / (step * sum);
        values.push_back(std::isfinite(value) ? std::clamp(value, -limit, limit) : 0.0);
    }
    return values;
}

std::vector<ObservableBins> observable_bins(const ToyPlan& plan,
                                            const FitSource& source,
                                            std::size_t bins) {
    const mpi::Communicator alone;
    const Likelihood likelihood(plan.exact_model(), plan.reference(), alone);
    const auto expected = likelihood.expected_data(
        plan.reference(), likelihood.coordinates().to_internal(plan.asimov()));
    const auto columns = shown_columns(source.campaign.events.features, source.samples);
    std::vector<ObservableBins> all;
    for (std::size_t r = 0; r < plan.ratios().size(); ++r) {
        const std::vector<double> weights = weights_of(expected.data.unbinned[r]);
        const auto data = whole_list(plan.data().unbinned[r]);
        const auto add = [&](const std::string& name, const std::vector<double>& list,
                             const std::vector<double>& observed) {
            if (list.empty() || observed.size() != data->size()) return;
            all.push_back(bins_from(list, observed, weights, bins));
            all.back().region = r;
            all.back().observable = name;
        };
        const auto optimal = [&](const EventSet& events) {
            return optimal_observable(plan.exact_model(), r, plan.asimov(), events);
        };
        add("d ln D / d " + plan.exact_model().parameter_of_interest, optimal(plan.signed_list(r)),
            optimal(*data));
        const Sets sets = sets_of(plan, source.campaign, r);
        for (const std::string& feature : columns) {
            const RatioFile& ratios = *plan.ratios()[r];
            add(feature, feature_values(ratios, sets.list, source, feature),
                feature_values(ratios, sets.data, source, feature));
        }
    }
    return all;
}

}  // namespace ratiofarm
