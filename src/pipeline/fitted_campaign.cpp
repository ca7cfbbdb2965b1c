#include "fitted_campaign.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "measurement/left_out_shapes.hpp"

#include "trainer_sums.hpp"

namespace ratiofarm {

LikelihoodOptions likelihood_of_rank(RunContext& context,
                                     const RunPlace& place,
                                     const FitRequest& request) {
    LikelihoodOptions options = request.likelihood;
    options.threads = place.threads();
    if (!request.on_device) return options;
    mpi::together(context.world, [&] { options.device = trainer_sums(context, place); });
    context.log.info("events are summed by the trainer",
                     {{"device", device_class_name(place.device)}});
    return options;
}

FittedCampaign read_fit(RunContext& context,
                        const PlannedCampaign& planned,
                        const RunPlace& place,
                        const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    const Campaign campaign = as_fitted(planned, request);
    FitRecord record;
    RatioFiles ratios;
    StatisticalModel model;
    mpi::together(world, [&] {
        record = parse_fit_json(read_sealed(place.directory.fit_json()));
        ratios = open_ratio_files(campaign, place.ratios);
        model = model_for_ratios(campaign, ratios);
    });
    LikelihoodData data = finite_mc_data(world, campaign, model, ratios, record.finite_mc);
    model = finite_mc_model(std::move(model), record.finite_mc);
    Likelihood likelihood(model, data, world, likelihood_of_rank(context, place, request));
    return {std::move(record), std::move(ratios), std::move(model), std::move(data),
            std::move(likelihood)};
}

FittedCampaign fitted_campaign(RunContext& context,
                               const PlannedCampaign& planned,
                               const RunPlace& place,
                               const std::optional<Blinding>& blinding) {
    const FitRequest request;
    CampaignFit fit =
        in_context("fit", [&] { return fit_campaign(context, planned, place, blinding, request); });
    if (fit.end.state == StageEnd::State::done) context.log.info("fitted first");
    if (fit.fitted) return std::move(*fit.fitted);
    return read_fit(context, planned, place, request);
}

void expect_expansion(const StatisticalModel& model, FitResult& fit) {
    constexpr double allowed = 0.05;  // of ln Z
    for (const FittedNormalisation& one : fit.normalisations) {
        const auto region = std::ranges::find(model.unbinned, one.region, &UnbinnedRegion::name);
        const bool expanded =
            region != model.unbinned.end() && region->shape_norm == ShapeNorm::reference_quadratic;
        if (!expanded || std::abs(std::log(one.z / one.z_of_reference)) <= allowed) continue;
        fit.converged = false;
        fit.warnings.insert(
            fit.warnings.begin(),
            fmt::format("the expansion of shape_norm = \"reference_quadratic\" fails at the "
                        "minimum: it gives Z = {:.4g} for process '{}', where the reference has "
                        "{:.4g}; use \"reference\"",
                        one.z, one.process, one.z_of_reference));
    }
}

void warn_of_scan(FitResult& fit, const Log& log) {
    std::uint64_t most = 0;
    for (const ScanPoint& point : fit.scan) most = std::max(most, point.below_floor);
    if (most <= std::max(fit.guards.non_positive_mixture, fit.guards.below_floor_on_profiles))
        return;
    fit.guards.below_floor_on_profiles = most;
    fit.warnings.push_back(
        fmt::format("up to {} of {} events have a mixture below their floor at points of the scan: "
                    "these events alone make t rise there (are their ratios right?)",
                    most, fit.guards.events));
    log.warning(fit.warnings.back());
}

void take_over(RunContext& context,
               const RunDirectory& directory,
               const std::vector<double>& place,
               FittedCampaign& fitted) {
    FitResult& before = fitted.record.fit;
    FitOptions options{.starts = fitted.record.starts};
    for (const FittedParameter& parameter : before.parameters) {
        if (parameter.error_low || parameter.error_high)
            options.intervals.push_back(parameter.name);
    }
    for (const Minimum& minimum : before.minima) options.places.push_back(minimum.parameters);
    options.places.push_back(place);
    std::vector<double> points;
    if (before.scan_parameter.empty()) {
        for (const ScanPoint& point : before.scan) points.push_back(point.poi);
    }
    FitResult fit = ratiofarm::fit(fitted.likelihood, options, context.log);
    fit.scan = scan(fitted.likelihood, fit, points);
    warn_of_scan(fit, context.log);
    fit.warnings.insert(
        fit.warnings.begin(),
        fmt::format("the fit had missed the minimum, which is deeper by {:.4g} in t: "
                    "a scan or a test came there, and the fit went on from it",
                    2.0 * (before.nll - fit.nll)));
    context.log.warning(fit.warnings.front());
    expect_expansion(fitted.model, fit);
    const auto& doubts = fitted.record.doubts;
    fit.warnings.insert(fit.warnings.end(), doubts.begin(), doubts.end());
    widen(fit, fitted.record.shapes.held_error());
    inflate(fitted.likelihood, inflation_of(fitted.record), fit);
    before = std::move(fit);
    fitted.record.limits.reset();
    publish_fit(context, directory, fitted.record);
}

ExitCode exit_code_of(const FitRecord& record, const Log& log) {
    const std::vector<std::string> lines = not_converged(record);
    for (const std::string& line : lines) log.warning(line);
    return lines.empty() ? ExitCode::done : ExitCode::tasks_failed;
}

void publish_fit(RunContext& context, const RunDirectory& directory, const FitRecord& record) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        publish_sealed(directory.fit_json(), fit_json(record));
    });
}

Campaign as_fitted(const PlannedCampaign& planned, const FitRequest& request) {
    Campaign campaign = planned.campaign;
    if (request.keep_null_shapes) campaign.systematic_nets.null_shapes = InsignificantShapes::keep;
    return campaign;
}

}  // namespace ratiofarm
