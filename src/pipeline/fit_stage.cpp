#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/reference_range.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "core/sealed_text.hpp"
#include "measurement/comparison_fits.hpp"
#include "measurement/data_yields.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "measurement/fit_input.hpp"
#include "measurement/injection_fits.hpp"
#include "measurement/left_out_shapes.hpp"
#include "measurement/shape_fits.hpp"
#include "measurement/shown_information.hpp"
#include "measurement/used_samples.hpp"
#include "mpi/value_on_root.hpp"
#include "results/fit_json.hpp"

#include "fitted_campaign.hpp"

namespace ratiofarm {
namespace {

/// Raised when the same ratios give another fit.json.
constexpr std::uint64_t fit_algorithm = 16;

/// Digest of everything the fit is made from.
/// \param made_from of the campaign as it is fitted
Digest fit_digest(const MadeFrom& made_from,
                  const std::optional<Blinding>& blinding,
                  const FitRequest& request) {
    const LikelihoodOptions& options = request.likelihood;
    Hasher hasher;
    hasher.number(fit_algorithm).text(text_of(made_from));
    if (blinding) hasher.text(blinding->measurement).text(blinding_text(*blinding));
    hasher.number(static_cast<std::uint64_t>(options.storage));
    hasher.number(static_cast<std::uint64_t>(options.precision));
    const bool textbook = options.instructions == InstructionSet::textbook;
    hasher.number(request.on_device ? 2 : (textbook ? 1 : 0));  // kernels: same bits
    return hasher.finish();
}

/// True if a fit has what is asked for; an interval is asked for once it is known to be missing.
bool satisfies(const FitRecord& record, const FitRequest& request) {
    if (request.starts && *request.starts != record.starts) return false;
    return std::all_of(
        record.fit.parameters.begin(), record.fit.parameters.end(), [&](const auto& parameter) {
            const auto& names = request.intervals;
            const bool wanted = request.all_intervals || std::find(names.begin(), names.end(),
                                                                   parameter.name) != names.end();
            return !wanted || parameter.fixed || parameter.error_low || parameter.error_high;
        });
}

/// What fit.json holds; nothing if it is missing or damaged.
std::optional<FitRecord> find_fit(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return std::nullopt;
    try {
        return parse_fit_json(read_sealed(path));
    } catch (const Error&) {
        return std::nullopt;
    }
}

FitOptions fit_options(const StatisticalModel& model, const FitRequest& request) {
    FitOptions options{.intervals = request.intervals};
    if (request.starts) options.starts = *request.starts;
    for (const Parameter& parameter : model.parameters) {
        if (request.all_intervals) options.intervals.push_back(parameter.name);
    }
    for (const auto& name : options.intervals) parameter_index(model, name);
    return options;
}

/// The policies of the campaign for what needed a guard.
/// \throws DataError naming what it was and how often
void apply_guard_policies(const InferenceSection& policies, const GuardCounts& counts) {
    std::string problems;
    const auto add = [&](const std::string& problem) {
        problems += (problems.empty() ? "" : "\n") + problem;
    };
    if (policies.negative_mixture == GuardPolicy::refuse && counts.non_positive_mixture > 0) {
        add(
            fmt::format("{} of {} events have a mixture below its floor at the minimum "
                        "(inference.negative_mixture = \"refuse\")",
                        counts.non_positive_mixture, counts.events));
    }
    if (policies.extreme_anchors == GuardPolicy::refuse) {
        for (const ClippedAnchorCount& clipped : counts.clipped_anchors) {
            add(
                fmt::format("region '{}', process '{}': {} ratios g are beyond a factor of 20 "
                            "(inference.extreme_anchors = \"refuse\")",
                            clipped.region, clipped.process, clipped.count));
        }
    }
    if (!problems.empty()) throw DataError(problems);
}

/// What a fit is made from; the same on every rank.
struct FitInputs {
    RatioFiles ratios;
    StatisticalModel model;
    MadeFrom made_from;
    Digest digest;
    FitOptions options;
    LikelihoodOptions likelihood;
    bool up_to_date = false;                 ///< fit.json is of just these
    std::vector<std::string> warnings = {};  ///< of the data; on rank 0
};

/// Whether fit.json is of these inputs and has what is asked for. Says what changed if it is not.
bool fit_is_up_to_date(const FitInputs& inputs,
                       const RunPlace& place,
                       const FitRequest& request,
                       const Log& log) {
    const auto path = place.directory.fit_json();
    const auto record = find_fit(path);
    if (!record) {
        if (std::filesystem::exists(path)) {
            log.warning("damaged, or of another version: made again", {{"file", path.string()}});
        }
        return false;
    }
    const auto changes = differences(record->made_from, inputs.made_from);
    if (!record->made_from.empty() && !changes.empty()) {
        log.info("what fit.json was made from has changed",
                 {{"changes", first_of(changes, "; ").substr(2)}});
    }
    return know_their_inputs(inputs.ratios) && record->inputs == inputs.digest.hex() &&
           satisfies(*record, request);
}

/// \throws DataError where the nets' own ratios are needed and nothing has made them yet
void expect_ratios(const Campaign& campaign, const RunPlace& place) {
    const bool own = campaign.has_events() && place.ratios == place.directory.ratios();
    if (!own || std::filesystem::exists(place.ratios)) return;
    if (std::filesystem::exists(place.directory.root())) {
        throw DataError(
            fmt::format("there are no ratios yet ('{}' does not exist): 'ratiofarm run' trains the "
                        "nets and makes "
                        "them; --ratios names a ratio file from elsewhere",
                        place.ratios.string()));
    }
}

/// Collective over the context's world. \param blinding on rank 0
FitInputs fit_inputs(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     const std::optional<Blinding>& blinding,
                     const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    const Campaign campaign = as_fitted(planned, request);
    FitInputs inputs;
    bool stale = false;
    mpi::together(world, [&] {
        expect_ratios(campaign, place);
        inputs.ratios = open_ratio_files(campaign, place.ratios);
        inputs.model = model_for_ratios(campaign, inputs.ratios);
        inputs.made_from = made_from(planned.campaign, inputs.ratios);
        inputs.digest = fit_digest(made_from(campaign, inputs.ratios), blinding, request);
        inputs.options = fit_options(inputs.model, request);
        if (!needs_selection(planned.written)) {
            inputs.warnings = data_beyond_reference(planned.campaign, planned.samples);
        }
        if (world.is_root()) stale = !fit_is_up_to_date(inputs, place, request, context.log);
    });
    inputs.up_to_date = mpi::value_on_root(world, stale) == 0;
    if (!inputs.up_to_date) inputs.likelihood = likelihood_of_rank(context, place, request);
    return inputs;
}

/// Collective over the context's world. [finite_mc]: its record, and another fit where that has
/// other ratios or a parameter more; then one goes on from that one.
void add_finite_mc(RunContext& context,
                   const Campaign& campaign,
                   const FitInputs& inputs,
                   FittedCampaign& fitted) {
    FitRecord& record = fitted.record;
    const FittedPoint point{campaign,
                            inputs.ratios,
                            inputs.model,
                            fitted.data,
                            fitted.likelihood.coordinates().to_internal(best_values(record.fit)),
                            inputs.likelihood};
    record.finite_mc = finite_mc_record(context.world, point, record.fit, context.log);
    if (!changes_fit(record.finite_mc)) return;
    fitted.data =
        finite_mc_data(context.world, campaign, inputs.model, inputs.ratios, record.finite_mc);
    fitted.model = finite_mc_model(inputs.model, record.finite_mc);
    fitted.likelihood = Likelihood(fitted.model, fitted.data, context.world, inputs.likelihood);
    record.fit = fit(fitted.likelihood, inputs.options, context.log);
    record.model = summary_of(fitted.model);
}

/// Collective over the context's world. What shapes that were left out could do, and what the noise
/// of the others does, becomes part of the error of the parameter of interest.
void add_shape_errors(RunContext& context,
                      const Campaign& campaign,
                      const FitInputs& inputs,
                      FittedCampaign& fitted) {
    FitRecord& record = fitted.record;
    const double error = find_fitted(record.fit, record.fit.poi)->error;
    const bool left_out = campaign.systematic_nets.null_shapes == InsignificantShapes::as_error &&
                          !record.shapes.untreated.empty();
    if (!(error > 0.0) || !(left_out || any_noise_known(inputs.ratios, fitted.model))) return;
    const LikelihoodData data = finite_mc_data(context.world, campaign, inputs.model, inputs.ratios,
                                               record.finite_mc, ReferenceRows::always);
    const FittedPoint point{campaign,
                            inputs.ratios,
                            fitted.model,
                            data,
                            fitted.likelihood.coordinates().to_internal(best_values(record.fit)),
                            inputs.likelihood};
    find_shape_errors(context.world, point, record.fit, left_out, record.shapes);
    const double held = record.shapes.held_error();
    widen(record.fit, held);
    if (record.finite_mc) {
        record.finite_mc->fit_error = std::hypot(record.finite_mc->fit_error, held);
        record.finite_mc->total_error = std::hypot(record.finite_mc->total_error, held);
    }
    context.log.info("error for learned shapes",
                     {{"parameter", record.fit.poi},
                      {"left_out", record.shapes.left_out_error.value_or(0.0)},
                      {"noise", record.shapes.noise_error.value_or(0.0)},
                      {"fit", error}});
}

/// A warning that any minimum of these ratios and data has.
void add_doubt(std::string warning, FitRecord& record) {
    record.doubts.push_back(warning);
    record.fit.warnings.push_back(std::move(warning));
}

/// Collective over the context's world. What data, nets and their noise do to the fit, in the order
/// in which it is told.
void add_warnings(RunContext& context,
                  const Campaign& campaign,
                  const FitInputs& inputs,
                  FittedCampaign& fitted) {
    FitRecord& record = fitted.record;
    std::vector<std::string> first_of_all = inputs.warnings;
    HeldOut held_out = held_out_events(campaign, inputs.ratios, fitted.likelihood, record.fit);
    record.simulation = held_out.noise;
    std::ranges::move(warnings_of(held_out.information), std::back_inserter(first_of_all));
    if (auto noisy = noisy_simulation(campaign, record)) first_of_all.push_back(*std::move(noisy));
    add_finite_mc(context, campaign, inputs, fitted);
    record.fit.warnings.insert(record.fit.warnings.begin(), first_of_all.begin(),
                               first_of_all.end());
    for (const std::string& warning : first_of_all) context.log.warning(warning);
    record.doubts = std::move(first_of_all);
    add_shape_errors(context, campaign, inputs, fitted);
    for (std::string& warning : shape_warnings(record.shapes, inputs.model)) {
        add_doubt(std::move(warning), record);
    }
    expect_expansion(inputs.model, record.fit);
    for (std::string& warning : noise_of_free_parameters(record.shapes, inputs.model, record.fit)) {
        record.fit.warnings.push_back(std::move(warning));
    }
}

/// Collective over the context's world. The fit with all that is said of it but the comparisons.
FittedCampaign fit_anew(RunContext& context,
                        const Campaign& campaign,
                        const std::optional<Blinding>& blinding,
                        const FitInputs& inputs) {
    const mpi::Communicator& world = context.world;
    const auto& [ratios, model, made_from, digest, options, likelihood_options, up_to_date,
                 data_warnings] = inputs;
    LikelihoodData data = load_data(world, campaign, model, ratios);
    Likelihood first(model, data, world, likelihood_options);
    FittedCampaign fitted{{campaign.name,
                           digest.hex(),
                           data_description(campaign, model),
                           fit(first, options, context.log),
                           {},
                           summary_of(model),
                           options.starts},
                          ratios,
                          model,
                          std::move(data),
                          std::move(first)};
    FitRecord& record = fitted.record;
    record.made_from = made_from;
    const Likelihood& likelihood = fitted.likelihood;
    record.shapes = shape_record(campaign, ratios, likelihood, record.fit, likelihood_options);
    add_warnings(context, campaign, inputs, fitted);
    mpi::together(world, [&] { apply_guard_policies(campaign.inference, record.fit.guards); });
    record.blinding = blinding;
    record.injections = injection_fits(
        world, campaign, ratios, {likelihood_options, options.starts, record.shapes.held_error()});
    if (auto missed = missed_truths(campaign, model, record)) {
        context.log.warning(*missed);
        add_doubt(*std::move(missed), record);
    }
    const std::vector<double>& given = campaign.inference.scan;
    record.fit.scan =
        scan(likelihood, record.fit,
             given.empty() ? default_scan_points(likelihood.model(), record.fit) : given);
    inflate(likelihood, inflation_of(record), record.fit);
    return fitted;
}

/// Collective over the context's world. As fit_anew(); where the scan comes below the minimum, all
/// of it again from there.
FittedCampaign fit_to_the_end(RunContext& context,
                              const Campaign& campaign,
                              const std::optional<Blinding>& blinding,
                              FitInputs inputs) {
    constexpr int most_rounds = 3;
    for (int round = 0;; ++round) {
        FittedCampaign fitted = fit_anew(context, campaign, blinding, inputs);
        FitResult& fit = fitted.record.fit;
        const ScanPoint* deeper = deeper_point(fit.scan);
        warn_of_scan(fit, context.log);
        if (round > 0) {
            fit.warnings.insert(fit.warnings.begin(),
                                "a scan came below the minimum that the search had found, and the "
                                "fit went on from there");
        }
        if (deeper == nullptr) return fitted;
        if (round + 1 == most_rounds) {
            fit.converged = false;
            return fitted;
        }
        context.log.warning("the scan came below the minimum: the fit goes on from there",
                            {{"t", deeper->t}});
        inputs.options.places.push_back(deeper->parameters);
    }
}

/// A nuisance parameter that [finite_mc] asks for and that turned out to be of no use leaves the
/// fit without the reference events that its data have.
bool can_go_on_from(const FitRecord& record) {
    const auto& finite_mc = record.finite_mc;
    return !finite_mc || finite_mc->use != FiniteMcUse::nuisance || changes_fit(finite_mc);
}

}  // namespace

StageEnd fit_stage(RunContext& context,
                   const PlannedCampaign& planned,
                   const RunPlace& place,
                   const std::optional<Blinding>& blinding) {
    StageEnd end = fit_campaign(context, planned, place, blinding, FitRequest{}).end;
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        const auto record = find_fit(place.directory.fit_json());
        if (!record) {
            throw SystemError(
                fmt::format("'{}' was whole a moment ago, and is now gone or damaged: run the same "
                            "command again, which makes it again",
                            place.directory.fit_json().string()));
        }
        end.failures = not_converged(*record);
    });
    if (mpi::value_on_root(context.world, end.failures.size()) > 0) {
        end.state = StageEnd::State::tasks_failed;
    }
    return end;
}

void tell_doubts_of_fit(const RunContext& context,
                        const RunDirectory& directory,
                        const MadeFrom& made_from) {
    if (!context.world.is_root()) return;
    const auto record = find_fit(directory.fit_json());
    if (!record || !differences(record->made_from, made_from).empty()) return;
    for (const std::string& warning : record->fit.warnings) context.log.warning("fit: " + warning);
}

CampaignFit fit_campaign(RunContext& context,
                         const PlannedCampaign& planned,
                         const RunPlace& place,
                         const std::optional<Blinding>& blinding,
                         const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    const Campaign campaign = as_fitted(planned, request);
    const FitInputs inputs = fit_inputs(context, planned, place, blinding, request);
    if (inputs.up_to_date) return {{StageEnd::State::up_to_date, 0.0, {}}, std::nullopt};
    if (world.is_root()) {
        for (const std::string& warning : input_warnings(campaign, inputs.ratios)) {
            context.log.warning(warning);
        }
    }
    CampaignFit fit{{StageEnd::State::done, 0.0, {}},
                    fit_to_the_end(context, campaign, blinding, inputs)};
    FitRecord& record = fit.fitted->record;
    mpi::together(world, [&] {
        if (world.is_root()) {
            UsedSamples used = used_samples(campaign, inputs.model, inputs.ratios);
            record.samples = std::move(used.samples);
            auto yields = yield_warnings(campaign, inputs.model, inputs.ratios, record.fit);
            std::ranges::move(yields, std::back_inserter(used.warnings));
            for (std::string& warning : used.warnings) {
                context.log.warning(warning);
                add_doubt(std::move(warning), record);
            }
        }
        if (world.is_root() && !planned.samples.empty()) {
            std::vector<double> points;
            for (const ScanPoint& point : record.fit.scan) points.push_back(point.poi);
            record.comparisons = comparison_fits(campaign, inputs.model, inputs.ratios,
                                                 planned.samples, points, context.log);
        }
        const std::string json = fit_json(record);
        if (world.is_root()) publish_sealed(place.directory.fit_json(), json);
        record = parse_fit_json(json);  // one goes on from what the file says
    });
    if (!can_go_on_from(record)) fit.fitted.reset();
    return fit;
}

}  // namespace ratiofarm
