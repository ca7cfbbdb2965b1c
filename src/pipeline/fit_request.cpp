#include "fit_request.hpp"

#include "ratiofarm/mpi/together.hpp"

#include "core/sealed_text.hpp"
#include "measurement/finite_mc_fit.hpp"

namespace ratiofarm {

FittedCampaign fitted_campaign(RunContext& context,
                               Workspace& workspace,
                               const FitRequest& request) {
    const mpi::Communicator& world = context.world;
    const StageEnd fitted =
        in_context("fit", [&] { return fit_stage(context, workspace, request); });
    if (fitted.state == StageEnd::State::done) context.log.info("fitted first");

    FitRecord record;
    RatioFiles ratios;
    StatisticalModel model;
    mpi::together(world, [&] {
        record = parse_fit_json(read_sealed(workspace.directory.fit_json()));
        ratios = open_ratio_files(workspace.campaign, workspace.ratios);
        model = model_for_ratios(workspace.campaign, ratios);
    });
    LikelihoodData data =
        finite_mc_data(world, workspace.campaign, model, ratios, record.finite_mc);
    model = finite_mc_model(std::move(model), record.finite_mc);
    LikelihoodOptions options = request.likelihood;
    options.threads = workspace.threads();
    Likelihood likelihood(model, data, world, options);
    return {std::move(record), std::move(ratios), std::move(model), std::move(data),
            std::move(likelihood)};
}

void publish_fit(RunContext& context, const Workspace& workspace, const FitRecord& record) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        publish_sealed(workspace.directory.fit_json(), fit_json(record));
    });
}

}  // namespace ratiofarm
