#include "fit_request.hpp"

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/mpi/together.hpp"

namespace ratiofarm {

std::vector<Option> fit_request_options() {
    return {
        {"starts", "N", "probes for further minima along each parameter (default: 4)"},
        {"minos", "NAMES", "asymmetric errors of these parameters, separated by commas, or 'all'"}};
}

std::vector<std::string> names_in_list(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> names(1);
    for (const char c : arguments.text(option)) {
        if (c == ',') {
            names.emplace_back();
        } else if (c != ' ') {
            names.back() += c;
        }
    }
    for (const auto& name : names) {
        if (!name.empty()) continue;
        throw ConfigError("--" + std::string(option) + " = '" + arguments.text(option) +
                          "': must be names separated by commas");
    }
    return names;
}

FitRequest fit_request(const Arguments& arguments) {
    FitRequest request;
    if (arguments.has("starts")) {
        request.starts = static_cast<unsigned>(arguments.integer("starts", 0, 1000));
    }
    if (arguments.has("minos")) {
        request.all_intervals = arguments.text("minos") == "all";
        if (!request.all_intervals) request.intervals = names_in_list(arguments, "minos");
    }
    return request;
}

FittedCampaign fitted_campaign(CommandContext& context,
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
        record = parse_fit_json(read_text(workspace.directory.fit_json()));
        ratios = open_ratio_files(workspace.campaign, workspace.ratios);
        model = model_for_ratios(workspace.campaign, ratios);
    });
    LikelihoodData data = load_data(world, workspace.campaign, model, ratios);
    Likelihood likelihood(model, data, world, {.threads = workspace.threads()});
    return {std::move(record), std::move(ratios), std::move(model), std::move(data),
            std::move(likelihood)};
}

void publish_fit(CommandContext& context, const Workspace& workspace, const FitRecord& record) {
    mpi::together(context.world, [&] {
        if (context.world.is_root()) publish(workspace.directory.fit_json(), fit_json(record));
    });
}

}  // namespace ratiofarm
