#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/protocol/net_quality.hpp"

#include "campaign/binned_section.hpp"
#include "campaign/gates.hpp"
#include "measurement/spectra.hpp"
#include "measurement/toys_results.hpp"
#include "results/fit_json.hpp"
#include "results/gof_json.hpp"
#include "results/search_record.hpp"
#include "results/selection_record.hpp"
#include "results/unfold_json.hpp"
#include "store/farm_times.hpp"

#include "calibration.hpp"
#include "closure.hpp"
#include "ratio_checks.hpp"

namespace ratiofarm {

/// How the training of one net went.
struct MemberHistory {
    std::vector<double> training_loss;    ///< per epoch
    std::vector<double> validation_loss;  ///< per epoch
    std::uint32_t best_epoch = 0;         ///< whose weights were kept, counted from 1
    double best_validation_loss = 0.0;
};

/// One net as it was measured on its validation events.
struct NetRow {
    std::string name;
    std::uint32_t attempts = 1;  ///< nets trained for its place
    double validation_loss = 0.0;
    NetQuality quality;
    ScoreHistograms scores;
    std::vector<GateCheck> checks;  ///< the limits of the campaign
};

/// A net that was trained and is not used.
struct ExcludedRow {
    std::string name;
    std::string reason;
};

/// The nets of one ensemble.
struct EnsembleQuality {
    std::string name;
    std::vector<std::string> features = {};  ///< that its nets see
    std::vector<NetRow> nets = {};           ///< while it is not complete all that are trained
    std::vector<ExcludedRow> excluded = {};
    std::vector<std::string> failures = {};  ///< why it will never be complete
    std::uint64_t planned = 0;               ///< nets it is to have; 0: it is complete
    double spread = 0.0;                     ///< mean_spread(); NaN for one net
};

/// The ensemble of one process.
struct EnsembleSummary {
    std::vector<MemberHistory> members;
    std::string combine;                   ///< "mean log ratio"
    std::uint64_t parameters_per_net = 0;  ///< trainable
    std::uint64_t training_events = 0;     ///< of one net, both classes
    std::uint64_t validation_events = 0;
    std::uint64_t negative_weights = 0;  ///< events of either part with weight < 0
    double spread = 0.0;  ///< root mean square over the reference of the members' standard
                          ///< deviation of log r; NaN without ratios
};

/// How far the training of an ensemble without ratios is.
struct UnderWay {
    std::string name;
    EnsembleSummary summary;
};

/// Closure in one feature.
struct FeatureClosure {
    std::string feature;
    Closure closure;
    double plot_low = 0.0;  ///< range worth showing; all events are in the bins
    double plot_high = 0.0;
};

/// All that is known about the ratio of one process.
struct ProcessSummary {
    std::string name;
    std::string sample;
    double yield = 0.0;
    std::string coefficient;
    double reference_fraction = 0.0;   ///< pi_j; 0 if no part of the reference
    std::uint64_t events = 0;          ///< inference-split events of its sample
    std::uint64_t zero_ratios = 0;     ///< with r = 0, of its sample and of the reference
    std::uint64_t seen_events = 0;     ///< of its sample and of the reference
    NormalisationCheck normalisation;  ///< before normalisation
    double log_z = 0.0;                ///< subtracted from log r by the normalisation
    std::optional<Calibration> calibration;
    std::optional<RatioDistribution> ratios;
    std::optional<Closure> score_closure;  ///< closure in quantile bins of log r itself
    std::vector<FeatureClosure> closures;
    std::optional<RatioAccuracy> accuracy;    ///< only if exact ratios are known
    std::optional<EnsembleSummary> ensemble;  ///< absent for ratios from elsewhere
};

struct StageTime {
    std::string stage;
    double seconds = 0.0;
};

/// What the workers of a farm did with their time.
struct FarmUtilisation {
    std::string stage;
    FarmProfile profile;
};

/// One row of a table of two columns.
struct Fact {
    std::string name;
    std::string value;
};

/// What the selection of events found, and for which campaign.
struct SelectionInputs {
    SelectionRecord record;
    Campaign written;  ///< with the cuts of the regions
};

/// Everything a report shows, as values.
struct ReportInputs {
    std::string campaign;       ///< name
    std::string shown = {};     ///< shown_results() of the run directory; none: not known
    std::vector<Fact> facts;    ///< about campaign and inputs: digests, split, network
    std::string campaign_toml;  ///< resolved campaign; may be empty
    std::optional<FitRecord> fit;
    std::optional<GofRecord> gof;    ///< of what was fitted
    std::optional<ToyResults> toys;  ///< likewise
    std::optional<SelectionInputs> selection;
    std::optional<SearchRecord> search;
    std::optional<UnfoldRecord> unfolding;
    bool unfolds = false;  ///< the campaign has no fit, but an unfolding
    std::vector<Spectrum> spectra;
    LabelsSection labels;
    std::vector<ProcessSummary> processes;
    std::vector<EnsembleQuality> ensembles;      ///< in the order of the campaign
    std::vector<UnderWay> under_way;             ///< ensembles without ratios, by their loss
    std::vector<std::string> farms_at_work;      ///< what they are doing now
    std::optional<IdentityCheck> identity;       ///< of the ratios as the fit sees them
    std::optional<double> identity_mean_before;  ///< mean of sum_k pi_k r_k before normalisation
    std::vector<StageTime> stages;
    std::vector<FarmUtilisation> farms;
    std::vector<Fact> files;  ///< path and what it is
    std::vector<std::string> warnings;
};

}  // namespace ratiofarm
