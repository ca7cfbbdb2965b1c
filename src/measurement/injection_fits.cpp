#include "injection_fits.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "event_sums.hpp"
#include "finite_mc_fit.hpp"
#include "gof_bins.hpp"
#include "left_out_shapes.hpp"

namespace ratiofarm {
namespace {

constexpr double missed_by = 0.2;  // of the error; 2 % of the sum in quadrature

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
    InjectionFit fit{injection.name, data, result.converged, {}, 0.0};
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

/// A truth that the fit misses.
struct MissedTruth {
    InjectedParameter found;
    std::string of_chance;  ///< what the numbers of events do, if that is known

    double errors() const { return std::abs(found.value - found.injected) / found.error; }
};

/// Whether the nets are the campaign's own, and not those behind ratio files of others.
bool trains_its_nets(const Campaign& campaign) {
    return campaign.has_events() && std::ranges::all_of(campaign.unbinned, [](const auto& region) {
               return region.ratios.empty();
           });
}

/// Of the training events where they are as many as [split] says, and not those of other folds.
std::string chance_text(const Campaign& campaign, double spread) {
    const Split& split = campaign.split;
    std::string text =
        fmt::format(" (the finite number of fitted events alone makes about {:.2g}", spread);
    if (trains_its_nets(campaign) && split.folds == 0) {
        text += fmt::format(", that of training events {:.2g}",
                            spread * std::sqrt(split.inference / split.train));
    }
    return text + ")";
}

/// What to do about biased ratios.
std::string advice(const Campaign& campaign) {
    if (!trains_its_nets(campaign)) return "look at how the ratio files were made";
    return fmt::format(
        "look at the closures in the report. Where they are bad train longer, larger or more nets; "
        "where they are good the training events fluctuate: use more{}",
        campaign.split.folds == 0 ? ", or 'folds = 2' in [split], which trains with all of them"
                                  : "");
}

std::string sentence_on(const std::vector<MissedTruth>& missed, const Campaign& campaign) {
    const MissedTruth& worst = *std::ranges::max_element(missed, {}, &MissedTruth::errors);
    const InjectedParameter& found = worst.found;
    std::string text = fmt::format(
        "the fit does not find what was put into the samples: {} = {:g} gives {:.3g} +- {:.2g}, "
        "{:.2g} errors away{}",
        found.name, found.injected, found.value, found.error, worst.errors(), worst.of_chance);
    if (missed.size() == 2) text += "; another truth is missed as well";
    if (missed.size() > 2) text += fmt::format("; {} others are missed as well", missed.size() - 1);
    return text +
           ". The ratios are biased: results of data will be off by as much, and no error "
           "holds that; " +
           advice(campaign);
}

}  // namespace

double sampling_spread(const mpi::Communicator& comm,
                       const Campaign& campaign,
                       const StatisticalModel& model,
                       const RatioFiles& ratios) {
    const LikelihoodData data = load_data(comm, campaign, model, ratios);
    const std::vector<double> truth = asimov_point(campaign, model);
    double information = 0.0;
    double variance = 0.0;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const auto sets = fitted_sets(campaign, model, model.unbinned[r], *ratios[r]);
        const EventNumbers score{1, [&](const FittedSet&, const EventSet& events) {
                                     return std::vector<std::vector<double>>{
                                         optimal_observable(model, r, truth, events)};
                                 }};
        const auto sums = event_sums(comm, data.unbinned[r], sets, score);
        for (const SumsOfSets& of : sums.front()) {
            information += of.wyy;
            variance += of.variance();
        }
    }
    return information > 0.0 ? std::sqrt(std::max(0.0, variance) / information) : 0.0;
}

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
            if (injection.sample.empty() && injected.data.source == AsimovSource::samples) {
                fits.back().sampling_spread = sampling_spread(comm, injected, model, ratios);
            }
        });
    }
    return fits;
}

std::optional<std::string> missed_truths(const Campaign& campaign,
                                         const StatisticalModel& model,
                                         const FitRecord& record) {
    std::vector<MissedTruth> missed;
    const auto look = [&](MissedTruth truth, double most) {
        if (truth.found.error > 0.0 && truth.errors() > most) missed.push_back(std::move(truth));
    };
    const auto look_at_expected = [&](const InjectedParameter& found, double spread) {
        constexpr double by_chance = 2.0;
        look({found, chance_text(campaign, spread)}, std::max(missed_by, by_chance * spread));
    };
    const DataSection& data = campaign.data;
    const FittedParameter& poi = *find_fitted(record.fit, record.fit.poi);
    if (is_asimov_of_samples(campaign.data)) {
        const double truth = asimov_point(campaign, model)[parameter_index(model, poi.name)];
        const double scatter =
            record.simulation ? record.simulation->asimov.value_or(0.0) / poi.error : 0.0;
        look_at_expected(injected_parameter(poi, truth), scatter);
    }
    for (std::size_t i = 0; i < record.injections.size(); ++i) {
        const InjectionFit& injection = record.injections[i];
        for (const InjectedParameter& parameter : injection.parameters) {
            if (parameter.name != record.fit.poi) continue;
            constexpr double thrown_events = 3.0;  // errors: they fluctuate as data do
            if (data.injections[i].sample.empty()) {
                look_at_expected(parameter, injection.sampling_spread);
            } else {
                look({parameter, ""}, thrown_events);
            }
        }
    }
    if (missed.empty()) return std::nullopt;
    return sentence_on(missed, campaign);
}

}  // namespace ratiofarm
