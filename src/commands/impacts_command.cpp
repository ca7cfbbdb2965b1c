#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ratiofarm/fit/impacts.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/fit_text.hpp"
#include "report/report_age.hpp"
#include "results/fit_json.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

constexpr std::array definitions{ImpactDefinition::others_fixed, ImpactDefinition::refit_shift,
                                 ImpactDefinition::global_observable};

ImpactDefinition parse_order(const Arguments& arguments) {
    const std::string name = arguments.text("order");
    std::string allowed;
    for (const ImpactDefinition definition : definitions) {
        const std::string word = impact_definition_name(definition);
        if (word == name) return definition;
        allowed += (allowed.empty() ? "" : ", ") + word;
    }
    throw ConfigError(fmt::format("--order = '{}' (allowed: {})", name, allowed));
}

/// Refits the largest impacts and those that first order does not tell, and puts them into the
/// record. \return how many
std::size_t refit(FittedCampaign& fitted,
                  ImpactDefinition order,
                  std::size_t count,
                  const Log& log) {
    std::vector<Impact> largest;
    for (Impact& impact : ranked(fitted.record.fit.impacts, order)) {
        const bool known = impact.refit_down || impact.refit_up;
        if (largest.size() < count || (impact.not_linear && !known)) {
            largest.push_back(std::move(impact));
        }
    }
    if (largest.empty()) return 0;
    const std::uint64_t before = fitted.likelihood.passes();
    refit_impacts(fitted.likelihood, fitted.record.fit, largest, log);
    log.info("impacts refitted", {{"parameters", static_cast<std::uint64_t>(largest.size())},
                                  {"passes", fitted.likelihood.passes() - before}});
    for (const Impact& impact : largest) {
        for (Impact& entry : fitted.record.fit.impacts) {
            if (entry.parameter == impact.parameter) entry = impact;
        }
    }
    return largest.size();
}

/// The poi with each of the parameters that move it most, and have an error.
void find_contours(FittedCampaign& fitted,
                   ImpactDefinition order,
                   std::size_t count,
                   const Log& log) {
    const std::array levels{contour_level(0.6827), contour_level(0.95)};
    FitResult& fit = fitted.record.fit;
    const std::uint64_t before = fitted.likelihood.passes();
    fit.contours.clear();
    std::size_t found = 0;
    for (const Impact& impact : ranked(fit.impacts, order)) {
        if (found == count) break;
        if (!(find_fitted(fit, impact.parameter)->error > 0.0)) continue;
        for (Contour& contour :
             contours(fitted.likelihood, fit, fit.poi, impact.parameter, levels)) {
            const auto failed = static_cast<std::uint64_t>(
                std::ranges::count(contour.points, false, &Contour::Point::converged));
            if (failed > 0) {
                log.warning("points of a contour did not converge",
                            {{"parameter", impact.parameter}, {"points", failed}});
            }
            fit.contours.push_back(std::move(contour));
        }
        ++found;
    }
    log.info("contours profiled", {{"parameters", static_cast<std::uint64_t>(found)},
                                   {"passes", fitted.likelihood.passes() - before}});
}

ExitCode run_impacts(RunContext& context, const Arguments& arguments) {
    const ImpactDefinition order = parse_order(arguments);
    const std::size_t count = arguments.integer("top", 1, 1000000);
    const Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::fit);
    FittedCampaign fitted =
        fitted_campaign(context, workspace.planned, workspace.place, workspace.books.blinding);
    const std::size_t refitted =
        refit(fitted, order, arguments.has("refit") ? count : 0, context.log);
    if (arguments.has("contours")) {
        find_contours(fitted, order, arguments.integer("contours", 1, 1000), context.log);
    }
    if (refitted > 0 || arguments.has("contours"))
        publish_fit(context, workspace.place.directory, fitted.record);
    if (context.world.is_root()) {
        fmt::print("{}", arguments.has("json") ? fit_json(fitted.record)
                                               : on_screen(impacts_text(fitted.record, order)));
        tell_old_report(workspace.place.directory, context.log);
    }
    return exit_code_of(fitted.record, context.log);
}

}  // namespace

Command impacts_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    options.push_back({"order", "DEFINITION",
                       "order by others_fixed, refit_shift or global_observable", "refit_shift"});
    options.push_back({"refit", "",
                       "also move each parameter by its error, and each global observable by its "
                       "width, and fit again; kept in fit.json. Done in any case for parameters "
                       "whose impact is not linear"});
    options.push_back({"top", "N", "refit only the N largest", "1000000"});
    options.push_back({"contours", "N",
                       "also profile the 68.27 and 95 % contours of the parameter of interest and "
                       "each of the N largest; kept in fit.json, drawn by the report"});
    options.push_back({"json", "", "print fit.json instead of text"});
    return {.name = "impacts",
            .group = Group::result,
            .summary = "How each systematic moves the parameter of interest",
            .details =
                "By all three definitions, and the parts of its error. Fits first if that is not "
                "done yet.",
            .examples = {"impacts campaign.toml --refit --contours 2"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_impacts};
}

}  // namespace ratiofarm
