#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/physics/shape_norm.hpp"
#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "simulation/model_variation.hpp"

#include "binned_section.hpp"
#include "finite_mc_section.hpp"
#include "gates.hpp"
#include "preselection_section.hpp"
#include "search_section.hpp"
#include "systematic_section.hpp"
#include "unfolding_section.hpp"

namespace ratiofarm {

struct EventsSection {
    std::string file;  ///< as written; relative to the campaign file. Empty: the campaign
                       ///< trains nothing, its ratios come from elsewhere
    std::vector<std::string> features;  ///< columns the nets see, in this order
    bool operator==(const EventsSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, EventsSection>& value) {
    visit("file", value.file,
          Key{.required = "the HDF5 file with the events, for example file = \"events.h5\""});
    visit("features", value.features,
          Key{.required = "the columns the nets see, for example features = [\"mass\", \"pt\"]"});
}

struct ProcessSection {
    std::string name;
    std::string sample;  ///< group of the events file; default: the name
    std::string weight;  ///< column of /<sample>/weights; empty: the weights of the sample
    Coefficient coefficient;
    std::optional<double> yield;  ///< default: the sum of the sample's weights
    bool operator==(const ProcessSection&) const = default;

    /// Whose events these are, as events files are asked for them: "S", or "pool@sm" of the sample
    /// "pool" with its column "sm" as weights.
    std::string events() const { return events_with_weight(sample, weight); }
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ProcessSection>& value) {
    visit("name", value.name, Key{.required = "for example name = \"S\"", .by_hand = true});
    visit("sample", value.sample, Key{.by_hand = true});
    visit("weight", value.weight, Key{.written = false, .by_hand = true});
    visit("coefficient", value.coefficient, Key{.by_hand = true});
    visit("yield", value.yield,
          Key{.number = {.low = 0.0,
                         .low_allowed = false,
                         .hint = "; the sign belongs to the coefficient"},
              .otherwise = "the sum of the sample's weights"});
}

/// p_ref = sum_k pi_k p_k over the samples of these processes.
struct ReferenceSection {
    /// An entry of `mixture` as it was written.
    struct Prior {
        enum class Kind : std::uint8_t {
            number,  ///< relative to the other numbers and yields
            yield,   ///< the yield of the process
            cap,     ///< pi_k = 1 / value, so that r_k <= value
        };
        std::string process;
        Kind kind = Kind::number;
        double value = 0.0;  ///< of a number or a cap
        bool operator==(const Prior&) const = default;
    };
    std::vector<std::pair<std::string, double>> mixture;  ///< process name, pi_k normalised to 1
    std::vector<Prior> priors = {};  ///< what they were solved from; empty: only numbers
    double max_ratio = 0.0;          ///< events of the trained region with a larger one (as the
                             ///< preselection says) are counted in a bin instead; 0: no limit
    bool operator==(const ReferenceSection&) const = default;
};

struct EnsembleSection {
    std::uint32_t members = 4;  ///< per process; of each fold
    Combine combine = Combine::mean_log_ratio;
    std::uint32_t replicas = 0;       ///< nets on bootstrap samples, per process; of each fold
    std::uint32_t replacements = 2;   ///< of an excluded net, at most
    double until_spread = 0.0;        ///< more members until their spread / sqrt(members) of
                                      ///< log r is at most this; 0: `members` are trained
    std::uint32_t max_members = 100;  ///< with until_spread, >= members
    bool keep_members = false;        ///< log r of every member goes into the ratio file
    bool operator==(const EnsembleSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, EnsembleSection>& value) {
    const bool grows = value.until_spread > 0.0;
    visit("members", value.members, Key{.whole = {1, most_ensemble_nets}});
    visit("replicas", value.replicas, Key{.whole = {0, most_ensemble_nets}});
    visit("combine", value.combine);
    visit("replacements", value.replacements, Key{.whole = {0, 100}});
    visit("until_spread", value.until_spread,
          Key{.number = {.low = 0.0, .high = 1000.0, .low_allowed = false},
              .otherwise = "none",
              .written = grows});
    visit("max_members", value.max_members,
          Key{.whole = {value.members, most_ensemble_nets}, .written = grows, .by_hand = true});
    visit("keep_members", value.keep_members);
}

/// Where the events of the fit come from.
enum class AsimovSource : std::uint8_t {
    samples,    ///< inference-split events of the processes with (signed) weights f_j w: tests bias
    reference,  ///< reference events with weights D(x): closes by construction
};
template <>
inline constexpr auto enum_words<AsimovSource> = words("samples", "reference");

/// A further truth that is fitted, to see that it comes out.
struct Injection {
    std::string name;    ///< default: "mu = 2"
    std::string sample;  ///< events with their weights; empty: Asimov data as [data] makes them
    std::vector<std::pair<std::string, double>> values;  ///< parameter values that should come out
    bool operator==(const Injection&) const = default;
};

/// What happens to data events where the reference has no simulated event.
enum class OutsideSupport : std::uint8_t {
    refuse,  ///< an error that says how many
    drop,    ///< they are left out, counted and reported
};
template <>
inline constexpr auto enum_words<OutsideSupport> = words("refuse", "drop");

struct DataSection {
    std::vector<std::pair<std::string, double>>
        asimov;  ///< parameter values; others at their start
    AsimovSource source = AsimovSource::samples;
    std::string sample;     ///< not empty: fit the events of this sample with weight 1 instead
    bool observed = false;  ///< fit what binned regions observed; always so with a sample
    OutsideSupport outside = OutsideSupport::refuse;
    bool blind = false;  ///< Asimov data are fitted until `--unblind` is given, once, on record
    std::vector<Injection> injections = {};
    bool operator==(const DataSection&) const = default;

    /// Sample whose events are fitted; empty while Asimov data are. The data sample of a blind
    /// campaign is never used: it is neither read nor counted.
    std::string fitted_sample() const { return blind ? std::string() : sample; }
    /// Whether what was observed is fitted: events, contents of bins, global observables.
    bool fits_observed() const { return observed && !blind; }
};

/// What happens where the likelihood needs a guard. Counted and reported in either case.
enum class GuardPolicy : std::uint8_t {
    go_on,   ///< the documented continuation
    refuse,  ///< an error that says how many events need it
};
template <>
inline constexpr auto enum_words<GuardPolicy> = words("continue", "refuse");

struct InferenceSection {
    std::string poi = "mu";
    ShapeNorm shape_norm = ShapeNorm::reference;        ///< on the inference-split reference
    GuardPolicy negative_mixture = GuardPolicy::go_on;  ///< D_i below its floor at the minimum
    GuardPolicy extreme_anchors = GuardPolicy::go_on;   ///< g beyond a factor of 20: clipped
    std::vector<double> scan;  ///< points of the t_mu scan; empty: chosen from the fit
    bool operator==(const InferenceSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, InferenceSection>& value) {
    visit("poi", value.poi, Key{.otherwise = "the first parameter"});
    visit("shape_norm", value.shape_norm);
    visit("negative_mixture", value.negative_mixture);
    visit("extreme_anchors", value.extreme_anchors);
    visit("scan", value.scan, Key{.by_hand = true});
}

/// Systematics that move the means of the closed-form model along random directions.
struct TiltsSection {
    std::string name = "tilt";  ///< of the first: "tilt_0"
    std::uint64_t count = 0;
    double size = 0.1;  ///< in standard deviations
    bool operator==(const TiltsSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, TiltsSection>& value) {
    visit("name", value.name, Key{.is_name = true});
    visit("count", value.count, Key{.whole = {0, 10'000}});
    visit("size", value.size, Key{.number = {.low = 0.0, .high = 10.0}});
}

/// Input of `ratiofarm simulate`.
struct SimulateSection {
    InterferenceModel model;
    std::vector<ModelVariation> systematics;  ///< named as those of the campaign
    TiltsSection tilts;
    std::uint64_t events = 100000;  ///< per sample
    std::uint64_t seed = 1;
    bool operator==(const SimulateSection&) const = default;
};

/// A campaign file, validated: names resolve, numbers are in range, fractions are normalised.
struct Campaign {
    std::string name;
    std::uint64_t seed = 1;
    std::filesystem::path
        folder;  ///< of the campaign file; relative paths start there; not part of the identity
    EventsSection events;
    Split split;
    std::vector<Parameter> parameters;
    std::vector<ProcessSection> processes;
    std::vector<SystematicSection> systematics;
    SystematicsSection systematic_nets;
    std::vector<UnbinnedRegionSection> unbinned;
    std::vector<BinnedRegionSection> binned;
    LabelsSection labels;
    ReferenceSection reference;
    Network network;
    TrainingOptions training;
    EnsembleSection ensemble;
    GatesSection gates;
    DataSection data;
    InferenceSection inference;
    std::optional<SimulateSection> simulate;
    std::optional<PreselectionSection> preselection;
    std::optional<SearchSection> search;
    FiniteMcSection finite_mc;
    std::optional<UnfoldingSection> unfolding;
    bool operator==(const Campaign&) const = default;

    /// \throws DataError with the nearest name if there is no such process
    const ProcessSection& process(std::string_view process_name) const;

    std::filesystem::path events_path() const;
    bool has_events() const { return !events.file.empty(); }
};

/// Of [campaign]; the other sections are structs of their own.
template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Campaign>& value) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();  // of TOML
    visit("name", value.name,
          Key{.required = "for example name = \"interference\"", .is_name = true});
    visit("seed", value.seed, Key{.whole = {0, largest}});
}

/// What could be read from a campaign file that may have mistakes.
struct CampaignDraft {
    Campaign campaign;                  ///< usable as a campaign only if there are no mistakes
    std::vector<std::string> mistakes;  ///< one line each, "campaign.toml:12:9: key = value (why)"
};

/// Reads as much as can be read, so that `check` can go on to the events file.
/// \param source name of the file, for the messages
/// \throws ConfigError if the text is not TOML
CampaignDraft draft_campaign(std::string_view toml,
                             const std::filesystem::path& folder,
                             std::string_view source = "campaign.toml");

/// \throws ConfigError with every mistake of the file, one per line: place, key, value, what is
/// allowed
Campaign parse_campaign(std::string_view toml,
                        const std::filesystem::path& folder,
                        std::string_view source = "campaign.toml");

/// One text for some mistakes: a line that counts them, if they are several, then one line each.
std::string mistakes_text(const std::vector<std::string>& mistakes, std::string_view source);

/// The text of a campaign file. \throws ConfigError if that is a folder; SystemError
std::string read_campaign_text(const std::filesystem::path& path);

/// \throws ConfigError; DataError if the file cannot be read
Campaign read_campaign(const std::filesystem::path& path);

/// The resolved campaign with every default written out: valid input again, parses to an equal
/// value.
std::string campaign_toml(const Campaign& campaign);

/// The campaign with absolute paths, readable from any folder: for the copy in a run directory.
Campaign with_absolute_paths(Campaign campaign);

}  // namespace ratiofarm
