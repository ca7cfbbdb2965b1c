#include "fitted_campaign.hpp"

#include <utility>

#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"
#include "measurement/finite_mc_fit.hpp"

namespace ratiofarm {

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
    LikelihoodOptions options = request.likelihood;
    options.threads = place.threads();
    Likelihood likelihood(model, data, world, options);
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
