#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measurement/spectra.hpp"

#include "plot.hpp"

namespace ratiofarm {

/// Edges to draw: outer ones that are infinite lie as far out as their neighbours are wide; without
/// any the bins are numbered.
std::vector<double> drawn_edges(const Spectrum& spectrum);

/// "SR_mass", "SR_optimal", "CR_bins": what files of its plots are named after.
std::string name_of(const Spectrum& spectrum);

/// Data against the fitted processes, stacked where none is negative, and the total before the fit;
/// below their ratio with the errors before and after the fit; below that the pulls,
/// (data - fit) / sqrt(fit). \param label of the x axis
Plot spectrum_plot(const Spectrum& spectrum, std::string_view label);

/// The total before the fit and with one parameter moved up and down, and their ratio below.
Plot variation_plot(const Spectrum& spectrum,
                    const Spectrum::Variation& variation,
                    std::string_view label);

/// How visible a variation is: sum of ((up - down) / 2)^2 / total over the bins.
double visibility(const Spectrum& spectrum, const Spectrum::Variation& variation);

}  // namespace ratiofarm
