#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "report/report_inputs.hpp"

#include "gaussian_mixture.hpp"
#include "sample_record.hpp"

namespace ratiofarm::test {

/// Three nets that learned something in thirty epochs.
inline EnsembleSummary sample_ensemble() {
    EnsembleSummary ensemble;
    ensemble.combine = "mean log ratio";
    ensemble.parameters_per_net = 12801;
    ensemble.training_events = 450000;
    ensemble.validation_events = 90000;
    ensemble.spread = 0.0123;
    PhiloxSequence random(11);
    for (int member = 0; member < 3; ++member) {
        MemberHistory history;
        for (int epoch = 0; epoch < 30; ++epoch) {
            const double trend = 0.61 + 0.08 * std::exp(-0.2 * epoch);
            history.training_loss.push_back(trend + 0.0004 * random.normal());
            history.validation_loss.push_back(trend + 0.002 + 0.001 * random.normal());
        }
        history.best_epoch = 25;
        history.best_validation_loss = history.validation_loss[24];
        ensemble.members.push_back(history);
    }
    return ensemble;
}

/// Two nets on their validation events, and one that was excluded.
inline EnsembleQuality sample_quality() {
    EnsembleQuality ensemble{.name = "S", .nets = {}, .excluded = {}, .spread = 0.0321};
    for (const double excess : {0.0123, -0.0456}) {
        NetRow net;
        net.name = "S/member " + std::to_string(ensemble.nets.size());
        net.attempts = 1 + static_cast<std::uint32_t>(ensemble.nets.size());
        net.validation_loss = 0.612;
        net.quality.excess = excess;
        net.quality.excess_error = 0.0031;
        net.quality.calibration_slope = 1.0123;
        net.quality.calibration_predicted = {0.2, 0.5, 0.8};
        net.quality.calibration_observed = {0.25, 0.5, 0.75};
        net.quality.closure = {0.011, 0.022};
        net.quality.overtraining = 0.01 * net.attempts;
        net.scores = {-3.0, 2.0, std::vector<float>(4 * score_histogram_bins, 0.05F),
                      std::vector<float>(4 * score_histogram_bins, 0.01F)};
        const bool passes = excess > 0.0;
        net.checks = {{"excess", std::abs(excess), 0.03, passes}};
        ensemble.nets.push_back(net);
    }
    ensemble.excluded = {{"S/member 1 <first>", "S/member 1: constant = 0"}};
    return ensemble;
}

/// A report on a mixture, with everything that a report can show.
inline ReportInputs sample_report(std::size_t events) {
    ReportInputs inputs;
    inputs.campaign = "interference <toy>";
    inputs.facts = {{"campaign digest", "0123456789abcdef0123456789abcdef"},
                    {"split", "0.5, 0.1, 0.4"}};
    inputs.campaign_toml = "[campaign]\nname = \"interference <toy>\"\n";
    inputs.fit = sample_record();
    for (auto* fit : {&inputs.fit->fit, &inputs.fit->comparisons[0].fit}) {
        const double width = fit == &inputs.fit->fit ? 0.48 : 0.5;
        fit->scan.clear();
        for (int i = 0; i <= 40; ++i) {
            const double mu = 0.07 * i;
            fit->scan.push_back(
                {mu, std::pow((mu - 1.0333333333) / width, 2), {mu, 2.0, 0.1}, true});
        }
    }
    inputs.stages = {{"training", 312.4}, {"fit", 2.25}};
    inputs.files = {{"fit.json", "result of the fit"}, {"ratios.h5", "ratios of every event"}};
    inputs.warnings = {"the ensemble of S has only 3 members & one is slow"};

    const GaussianMixture mixture{.shift = 0.7, .fraction = 0.5, .distortion = 0.02};
    const auto samples = mixture.draw(17, events, true);
    const auto views = view(samples);
    ProcessSummary process;
    process.name = "S";
    process.sample = "S";
    process.yield = 100.0;
    process.coefficient = "mu - sqrt(mu)";
    process.reference_fraction = 0.5;
    process.events = events;
    process.normalisation = check_normalisation(views);
    process.log_z = std::log1p(process.normalisation.deviation);
    process.calibration = calibration(views, 0, 20);
    process.ratios = ratio_distribution(views, 0, ratio_binning(views, 0, 50, 0.0005));
    const Binning binning = Binning::halved(samples[0].feature, samples[0].weight, 24, 10.0);
    process.score_closure = closure(views, 0, binning, RatioScale::normalised);
    process.closures = {{"mass [GeV]", *process.score_closure, binning.edges()[1],
                         binning.edges()[binning.bins() - 1]}};
    process.accuracy = RatioAccuracy{.mean = 0.001,
                                     .rms = 0.012,
                                     .slope = 1.003,
                                     .intercept = -0.002,
                                     .events = events,
                                     .not_finite = 1};
    process.ensemble = sample_ensemble();
    inputs.processes = {process};
    inputs.ensembles = {sample_quality()};
    inputs.identity = IdentityCheck{
        .mean = 1.00012, .rms = 0.0043, .smallest = 0.93, .largest = 1.21, .events = 2 * events};
    inputs.identity_mean_before = 1.0023;
    return inputs;
}

}  // namespace ratiofarm::test
