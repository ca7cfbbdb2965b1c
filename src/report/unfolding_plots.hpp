#pragma once

#include <string>

#include "results/unfold_json.hpp"

#include "plot.hpp"

namespace ratiofarm {

/// "< 3", "3 to 5", ">= 5"
std::string bin_text(const UnfoldedObservable& of, std::size_t bin);

/// The result with its errors beside the simulation and what it is compared with, ratios below.
/// \param label of the x axis, here and below
Plot truth_plot(const UnfoldedObservable& of, const std::string& label);

/// The data beside the simulation before and after it was weighted, ratios below.
/// \pre there are data and iterations
Plot reco_plot(const UnfoldedObservable& of, const std::string& label);

/// Each iteration over the last one, with its errors.
Plot iterations_plot(const UnfoldedObservable& of, const std::string& label);

/// Errors of the bins in % by source. \pre there is a total
Plot sources_plot(const UnfoldedObservable& of, const std::string& label);

/// Correlations of the bins in %, all sources. \pre there is a total
Plot bins_correlation_plot(const UnfoldedObservable& of);

/// Share of the weight by ln nu.
Plot nu_plot(const NuDistribution& ln_nu);

}  // namespace ratiofarm
