#include <fmt/format.h>

#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "pipeline/blinding.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/fit_text.hpp"
#include "report/report_age.hpp"
#include "results/fit_json.hpp"

#include "command.hpp"
#include "hessian_check.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

bool wants_rows(const Arguments& arguments) {
    if (!arguments.has("hessian")) return false;
    const std::string how = arguments.text("hessian");
    if (how == "rows") return true;
    if (how == "closed") return false;
    throw ConfigError("--hessian = '" + how + "': must be closed or rows");
}

/// Collective over the context's world.
void compare_hessians(RunContext& context, const FittedCampaign& fitted) {
    const HessianCheck check = check_hessian(context, fitted);
    context.log.info("Hessian by rows and in closed form",
                     {{"largest_relative_difference", check.largest_difference},
                      {"seconds_by_rows", check.seconds_by_rows},
                      {"seconds_closed_form", check.seconds_closed_form}});
}

ExitCode run_fit(RunContext& context, const Arguments& arguments) {
    const Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::fit);
    const PlannedCampaign& planned = workspace.planned;
    const RunPlace& place = workspace.place;
    const FitRequest request = fit_request(arguments);
    const bool rows = wants_rows(arguments);
    CampaignFit fit = in_context("fit", [&] {
        return fit_campaign(context, planned, place, workspace.books.blinding, request);
    });
    if (rows) {
        if (!fit.fitted) fit.fitted = read_fit(context, planned, place, request);
        compare_hessians(context, *fit.fitted);
    }
    if (!context.world.is_root()) return ExitCode::done;
    if (fit.end.state == StageEnd::State::up_to_date) context.log.info("fit.json is up to date");
    const std::string json = read_sealed(place.directory.fit_json());
    const FitRecord record = parse_fit_json(json);
    fmt::print("{}", arguments.has("json") ? json : on_screen(fit_text(record)));
    tell_old_report(place.directory, context.log);
    return exit_code_of(record, context.log);
}

}  // namespace

Command fit_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    for (const Option& option : fit_request_options()) options.push_back(option);
    options.push_back(unblind_option());
    options.push_back(
        {"hessian", "HOW",
         "'rows': also compute the Hessian at the minimum row by row, by Hessian-vector products "
         "on all ranks, and show the difference and both times",
         "closed"});
    options.push_back({"json", "", "print fit.json instead of text"});
    return {.name = "fit",
            .group = Group::stage,
            .summary = "Fits the model to the events of ratios.h5 and writes fit.json",
            .examples = {"fit campaign.toml", "fit model.toml --ratios exact.h5 --out exact.run"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .trainers = Trainers::for_sums,
            .run = run_fit};
}

}  // namespace ratiofarm
