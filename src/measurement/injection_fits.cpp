#include "injection_fits.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "finite_mc_fit.hpp"
#include "left_out_shapes.hpp"

namespace ratiofarm {
namespace {

InjectedParameter injected_parameter(const FittedParameter& fitted, double injected) {
    InjectedParameter parameter{fitted.name,  injected,         fitted.value,
                                fitted.error, fitted.error_low, fitted.error_high};
    if (fitted.error > 0.0) parameter.pull = (fitted.value - injected) / fitted.error;
    return parameter;
}

InjectionFit summary(const Injection& injection,
                     const std::string& data,
                     const std::vector<double>& truth,
                     const FitResult& result) {
    InjectionFit fit{injection.name, data, result.converged, {}};
    for (std::size_t a = 0; a < result.parameters.size(); ++a) {
        const FittedParameter& parameter = result.parameters[a];
        const bool named =
            std::any_of(injection.values.begin(), injection.values.end(),
                        [&](const auto& value) { return value.first == parameter.name; });
        if (!named && parameter.name != result.poi) continue;
        fit.parameters.push_back(injected_parameter(parameter, truth[a]));
    }
    return fit;
}

}  // namespace

Campaign injected_campaign(const Campaign& campaign, const Injection& injection) {
    Campaign injected = campaign;
    DataSection& data = injected.data;
    data.asimov = injection.values;
    data.sample = injection.sample;
    data.observed = false;  // of a sample: its events have their own weights
    data.blind = false;
    data.injections.clear();
    if (!data.sample.empty()) data.source = AsimovSource::samples;
    return injected;
}

std::vector<InjectionFit> injection_fits(const mpi::Communicator& comm,
                                         const Campaign& campaign,
                                         const RatioFiles& ratios,
                                         const InjectionOptions& options) {
    std::vector<InjectionFit> fits;
    for (const Injection& injection : campaign.data.injections) {
        in_context("injection '" + injection.name + "'", [&] {
            const Campaign injected = injected_campaign(campaign, injection);
            StatisticalModel model;
            mpi::together(comm, [&] { model = model_for_ratios(injected, ratios); });
            const Likelihood likelihood(model, load_data(comm, injected, model, ratios), comm,
                                        options.likelihood);
            FitResult result = fit(likelihood, {.starts = options.starts}, Log());
            if (options.held_error > 0.0) {
                const double fit_error = find_fitted(result, result.poi)->error;
                widen(result, options.held_error);
                if (fit_error > 0.0) {
                    inflate(likelihood, 1.0 + std::pow(options.held_error / fit_error, 2), result);
                }
            }
            fits.push_back(summary(injection, data_description(injected, model),
                                   asimov_point(injected, model), result));
        });
    }
    return fits;
}

std::vector<std::string> missed_truths(const Campaign& campaign,
                                       const StatisticalModel& model,
                                       const FitRecord& record) {
    // Errors: Asimov data have no fluctuation of their own, the events of a sample may have one.
    constexpr double expected_events = 1.0;
    constexpr double thrown_events = 3.0;
    std::vector<std::string> missed;
    const auto look = [&](const InjectedParameter& found, double most) {
        const double away = std::abs(found.value - found.injected);
        if (!(found.error > 0.0) || !(away > most * found.error)) return;
        missed.push_back(fmt::format(
            "the fit does not find what was put into the samples: {} = {:g} gives {:.3g} +- "
            "{:.2g}, "
            "{:.1f} errors away. The ratios are biased: look at their closure in the report, train "
            "better",
            found.name, found.injected, found.value, found.error, away / found.error));
    };
    const DataSection& data = campaign.data;
    const FittedParameter& poi = *find_fitted(record.fit, record.fit.poi);
    if (!data.fits_observed() && data.fitted_sample().empty() &&
        data.source == AsimovSource::samples) {
        const double truth = asimov_point(campaign, model)[parameter_index(model, poi.name)];
        look(injected_parameter(poi, truth), expected_events);
    }
    for (std::size_t i = 0; i < record.injections.size(); ++i) {
        const bool own_events = !data.injections[i].sample.empty();
        for (const InjectedParameter& parameter : record.injections[i].parameters) {
            if (parameter.name != record.fit.poi) continue;
            look(parameter, own_events ? thrown_events : expected_events);
        }
    }
    return missed;
}

}  // namespace ratiofarm
