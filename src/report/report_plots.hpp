#pragma once

#include <string_view>

#include "plot.hpp"
#include "report_inputs.hpp"

namespace ratiofarm {

/// CLs against the parameter of interest with its expected bands.
Plot limits_plot(const FitRecord& record);

/// Share of the workers that were busy, over the time of a farm.
Plot utilisation_plot(const FarmProfile& profile);

/// Training and validation loss of every member.
Plot loss_plot(const EnsembleSummary& ensemble);

/// Observed against predicted fraction, and their difference below.
Plot calibration_plot(const Calibration& calibration, std::string_view process);

/// The calibration curve of every net of an ensemble on its validation events.
Plot net_calibration_plot(const EnsembleQuality& ensemble);

/// ln r of one net in the events that trained it and in its validation events, for both classes.
/// \pre scores has shares
Plot score_plot(const ScoreHistograms& scores, std::string_view numerator);

/// log r in the reference and in the sample.
Plot ratio_plot(const RatioDistribution& ratios, std::string_view process);

/// Sample, reference and reweighted reference in one feature, and their ratio below.
/// \param label of the x axis
Plot closure_plot(const FeatureClosure& closure, std::string_view process, std::string_view label);

}  // namespace ratiofarm
