#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/made_from.hpp"

/// unfold.json: histograms of what an unfolding found, with their errors, and how it went. See
/// docs/formats.md.
namespace ratiofarm {

/// d^T V^-1 d, see measurement/unfolding/unfolding_metrics.hpp.
struct ChiSquare {
    double value = 0.0;
    std::uint32_t rank = 0;
    double factor = 1.0;
    double p_value = 0.0;
};

struct UnfoldCovariance {
    std::string source;                     ///< "data", "mc", "members", or the name of a variation
    std::uint32_t replicas = 0;             ///< that it is the spread of; 0: a difference
    std::vector<std::vector<double>> rows;  ///< [bins][bins]
};

/// After an iteration of the nominal chains.
struct UnfoldIteration {
    std::uint32_t iteration = 0;
    std::vector<double> contents;
    double discriminator = 0.0;         ///< 1000 times that of this iteration and the one before
    double wasserstein = 0.0;           ///< from the one before, in units of the column
    double change = 0.0;                ///< rms of (contents - before) / error; NaN without errors
    std::vector<double> refolded = {};  ///< simulation at the reconstruction, [bins]
    std::optional<double> refolding = {};  ///< 1000 times that of the refolded and the data
    std::optional<ChiSquare> refolding_chi2 = {};
};

/// Whether the unfolded data exclude the prior by no more than the data do at the reconstruction.
struct BottomLine {
    ChiSquare reco;
    ChiSquare truth;
};

/// The truth of another sample beside the result.
struct UnfoldComparison {
    std::string sample;
    std::vector<double> contents;
    std::vector<double> error;           ///< root of the sums of squared weights
    std::optional<ChiSquare> chi2 = {};  ///< of unfolded and sample, with both errors
};

struct UnfoldedObservable {
    std::string column;
    std::string reco;  ///< empty: none
    std::vector<double> edges;
    std::vector<double> prior;     ///< of the simulation as it was generated
    std::vector<double> unfolded;  ///< after the last iteration, mean of the members
    std::vector<double> error;     ///< root of the diagonal of `total`; NaN without any source
    double below = 0.0;            ///< unfolded weight below the first edge
    double above = 0.0;
    std::vector<UnfoldCovariance> covariances;
    std::vector<std::vector<double>> total;  ///< their sum
    std::vector<UnfoldIteration> iterations;
    std::vector<double> data = {};        ///< at the reconstruction
    std::vector<double> data_error = {};  ///< root of the sums of squared weights
    std::vector<double> simulation = {};  ///< as it was generated, at the reconstruction
    std::optional<BottomLine> bottom_line = {};
    std::vector<UnfoldComparison> compared = {};
};

/// Of one iteration of the nominal chains.
struct UnfoldProgress {
    std::uint32_t iteration = 0;
    double yield = 0.0;             ///< sum of w nu over events that pass at the truth
    double effective_events = 0.0;  ///< (sum w nu)^2 / sum (w nu)^2
    double change = 0.0;            ///< mean of |nu / nu before - 1|, weighted by w
    // Of both steps and all chains.
    double clipped_share = 0.0;  ///< of the weight where a net was clipped, the largest
    std::optional<double> effective_share = {};       ///< of the events' worth, the smallest
    std::optional<std::uint32_t> trained_again = {};  ///< nets that were, with other seeds
};

/// Shares of the generated weight by ln nu; events beyond the edges are in the outer bins.
struct NuDistribution {
    std::vector<double> edges;
    std::vector<double> shares;
};

struct UnfoldRecord {
    std::string campaign;
    std::string misses, fakes;
    std::uint32_t iterations = 0, members = 0, replicas_data = 0, replicas_mc = 0;
    std::uint64_t events = 0;          ///< that are published: they pass at the truth, and no net
                                       ///< learned from them
    double generated = 0.0;            ///< sum of w of all events that pass at the truth
    double generated_effective = 0.0;  ///< (sum w)^2 / sum w^2 of those that are published
    double yield = 0.0;                ///< unfolded
    double beyond_matched = 0.0;       ///< share of the truth's weight where no matched event is
    double data_outside = 0.0;         ///< share of the data outside the simulation's range
    std::vector<UnfoldProgress> progress;
    std::optional<NuDistribution> ln_nu = {};  ///< after the last iteration
    std::vector<UnfoldedObservable> observables;
    std::vector<std::string> warnings;
    MadeFrom made_from = {};
    MadeFrom samples = {};  ///< digests of their events, by name
};

/// JSON text, to be sealed.
std::string unfold_json(const UnfoldRecord& record);

/// \throws DataError if it is another format or a key is missing
UnfoldRecord parse_unfold_json(std::string_view text);

/// A few lines for people.
std::string unfold_text(const UnfoldRecord& record);

}  // namespace ratiofarm
