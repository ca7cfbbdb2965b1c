#pragma once

#include <span>
#include <vector>

#include "results/unfold_json.hpp"

#include "unfolded_sample.hpp"
#include "unfolding_metrics.hpp"

namespace ratiofarm {

/// Events that pass at the truth by bins of an observable. \param weights of all events of `of`
WeightedBins truth_bins(const UnfoldedSample& of,
                        const UnfoldedObservable& observable,
                        std::span<const double> weights);

/// As it is written down.
ChiSquare written_chi2(const Chi2& chi2);

/// How the nominal chains went from iteration to iteration.
struct UnfoldedSpectra {
    std::vector<UnfoldProgress> progress;
    NuDistribution ln_nu;  ///< after the last one
    /// At the truth and at the reconstruction, and the truth of the samples to compare with;
    /// without errors; the reconstruction's half of the bottom line.
    std::vector<UnfoldedObservable> observables;
};
UnfoldedSpectra unfolded_spectra(const UnfoldedSamples& samples, const ChainGroup& nominal);

}  // namespace ratiofarm
