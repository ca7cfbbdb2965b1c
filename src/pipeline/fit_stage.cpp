#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"
#include "measurement/comparison_fits.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "measurement/fit_input.hpp"
#include "measurement/injection_fits.hpp"
#include "measurement/shape_fits.hpp"
#include "results/fit_json.hpp"

#include "fit_request.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

/// Raised when the same ratios give another fit.json.
constexpr std::uint64_t fit_algorithm = 3;

void add_region(const UnbinnedRegion& region, Hasher& hasher) {
    hasher.text(region.name).number(static_cast<std::uint64_t>(region.shape_norm));
    for (const ProcessModel& p : region.processes) {
        hasher.text(fmt::format("{} {} {}", p.name, p.yield, p.coefficient.text()));
        for (const SystematicEffect& effect : p.systematics) {
            const Anchors yield = effect.yield.value_or(Anchors{});
            hasher.text(fmt::format("{} {} {} {} {} {}", effect.parameter, yield.up, yield.down,
                                    effect.shape, static_cast<int>(effect.yield_code),
                                    static_cast<int>(effect.shape_code)));
        }
    }
}

/// Of everything the fit is made from.
Digest fit_digest(const Workspace& workspace,
                  const RatioFiles& ratios,
                  const StatisticalModel& model,
                  const LikelihoodOptions& options) {
    const Campaign& campaign = workspace.campaign;
    Hasher hasher;
    hasher.number(fit_algorithm).text(campaign.name).digest(inputs_digest(campaign, ratios));
    hasher.text(model.parameter_of_interest).text(data_description(campaign, model));
    if (workspace.blinding) hasher.text(blinding_text(*workspace.blinding));
    for (const Injection& injection : campaign.data.injections) {
        hasher.text(injection.name).text(injection.sample);
        hasher.number(static_cast<std::uint64_t>(campaign.data.source));
        for (const auto& [name, value] : injection.values) {
            hasher.text(fmt::format("{} {}", name, value));
        }
    }
    for (const Parameter& p : model.parameters) {
        hasher.text(fmt::format("{} {} {} {} {} {} {} {} {}", p.name, p.start, p.low, p.high,
                                p.fixed, static_cast<int>(p.constraint.kind), p.constraint.observed,
                                p.constraint.width, p.group));
    }
    for (const UnbinnedRegion& region : model.unbinned) add_region(region, hasher);
    hasher.number(static_cast<std::uint64_t>(options.storage));
    hasher.number(static_cast<std::uint64_t>(options.precision));
    hasher.number(options.instructions == InstructionSet::textbook ? 1 : 0);  // others: same bits
    for (const double point : campaign.inference.scan) hasher.text(fmt::format("{}", point));
    hasher.number(static_cast<std::uint64_t>(campaign.inference.negative_mixture));
    hasher.number(static_cast<std::uint64_t>(campaign.inference.extreme_anchors));
    hasher.text(finite_mc_toml(campaign.finite_mc));
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

bool fit_is_up_to_date(const std::filesystem::path& path,
                       const Digest& wanted,
                       const FitRequest& request) {
    if (!std::filesystem::exists(path)) return false;
    try {
        const FitRecord record = parse_fit_json(read_sealed(path));
        return record.inputs == wanted.hex() && satisfies(record, request);
    } catch (const Error&) {
        return false;
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

/// Collective over the context's world. [finite_mc]: its record, and another fit where that has
/// other ratios or a parameter more. \param likelihood of the fit; replaced by that of the new one
void add_finite_mc(RunContext& context,
                   const FittedPoint& point,
                   const FitOptions& options,
                   FitRecord& record,
                   Likelihood& likelihood) {
    record.finite_mc = finite_mc_record(context.world, point, record.fit, context.log);
    if (!changes_fit(record.finite_mc)) return;
    const LikelihoodData data =
        finite_mc_data(context.world, point.campaign, point.model, point.ratios, record.finite_mc);
    likelihood = Likelihood(finite_mc_model(point.model, record.finite_mc), data, context.world,
                            point.options);
    record.fit = fit(likelihood, options, context.log);
    record.model = summary_of(likelihood.model());
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
    Digest digest;
    FitOptions options;
    LikelihoodOptions likelihood;
    bool up_to_date = false;  ///< fit.json is of just these
};

/// Collective over the context's world.
FitInputs fit_inputs(const RunContext& context,
                     const Workspace& workspace,
                     const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    const Campaign& campaign = workspace.campaign;
    FitInputs inputs;
    std::uint64_t stale = 0;
    mpi::together(world, [&] {
        inputs.ratios = open_ratio_files(campaign, workspace.ratios);
        inputs.model = model_for_ratios(campaign, inputs.ratios);
        inputs.digest = fit_digest(workspace, inputs.ratios, inputs.model, request.likelihood);
        inputs.options = fit_options(inputs.model, request);
        if (!world.is_root()) return;
        const bool known = inputs_digest(campaign, inputs.ratios) != Digest{};
        stale =
            !known || !fit_is_up_to_date(workspace.directory.fit_json(), inputs.digest, request);
    });
    mpi::all_sum(world, std::span(&stale, 1));
    inputs.up_to_date = stale == 0;
    inputs.likelihood = request.likelihood;
    inputs.likelihood.threads = workspace.threads();
    return inputs;
}

/// Collective over the context's world. The fit with all that is said of it but the comparisons.
FitRecord fit_record(RunContext& context, const Workspace& workspace, const FitInputs& inputs) {
    const mpi::Communicator& world = context.world;
    const Campaign& campaign = workspace.campaign;
    const auto& [ratios, model, digest, options, likelihood_options, up_to_date] = inputs;
    Likelihood likelihood(model, load_data(world, campaign, model, ratios), world,
                          likelihood_options);
    FitRecord record{campaign.name,
                     digest.hex(),
                     data_description(campaign, model),
                     fit(likelihood, options, context.log),
                     {},
                     summary_of(model),
                     options.starts};
    record.shapes = shape_record(campaign, ratios, likelihood, record.fit, likelihood_options);
    const FittedPoint point{campaign, ratios, model,
                            likelihood.coordinates().to_internal(best_values(record.fit)),
                            likelihood_options};
    add_finite_mc(context, point, options, record, likelihood);
    for (std::string& warning : shape_warnings(record.shapes, model)) {
        record.fit.warnings.push_back(std::move(warning));
    }
    mpi::together(world, [&] { apply_guard_policies(campaign.inference, record.fit.guards); });
    record.blinding = workspace.blinding;
    record.injections =
        injection_fits(world, campaign, ratios, {likelihood_options, options.starts});
    const std::vector<double>& given = campaign.inference.scan;
    record.fit.scan =
        scan(likelihood, record.fit,
             given.empty() ? default_scan_points(likelihood.model(), record.fit) : given);
    if (record.finite_mc) inflate(likelihood, *record.finite_mc, record.fit);
    return record;
}

}  // namespace

StageEnd fit_stage(RunContext& context, Workspace& workspace) {
    return fit_stage(context, workspace, FitRequest{});
}

StageEnd fit_stage(RunContext& context, Workspace& workspace, const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    if (request.keep_null_shapes) {
        workspace.campaign.systematic_nets.null_shapes = NullShapes::keep;
    }
    const FitInputs inputs = fit_inputs(context, workspace, request);
    if (inputs.up_to_date) return {StageEnd::State::up_to_date, 0.0, {}};
    if (world.is_root()) {
        for (const std::string& warning : input_warnings(workspace.campaign, inputs.ratios)) {
            context.log.warning(warning);
        }
    }
    FitRecord record = fit_record(context, workspace, inputs);
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        if (!workspace.samples.empty()) {
            std::vector<double> points;
            for (const ScanPoint& point : record.fit.scan) points.push_back(point.poi);
            record.comparisons = comparison_fits(workspace.campaign, inputs.model, inputs.ratios,
                                                 workspace.samples, points, context.log);
        }
        publish_sealed(workspace.directory.fit_json(), fit_json(record));
    });
    return {StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm
