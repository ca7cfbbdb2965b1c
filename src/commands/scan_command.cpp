
#include <fmt/format.h>

#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/statistic_text.hpp"
#include "results/fit_json.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

/// Points along one parameter; \param n of them unless the command line says otherwise
std::vector<double> parse_points(const Arguments& arguments,
                                 const StatisticalModel& model,
                                 const FitResult& result,
                                 const std::string& parameter,
                                 std::uint64_t n) {
    if (arguments.has("points")) n = arguments.integer("points", 3, 100000);
    if (!arguments.has("from") && !arguments.has("to")) {
        return default_scan_points(model, result, n, parameter);
    }
    if (!arguments.has("from") || !arguments.has("to")) {
        throw ConfigError("scan: --from and --to go together");
    }
    const double from = arguments.number("from", -1e300, 1e300);
    const double to = arguments.number("to", from, 1e300);
    std::vector<double> points;
    for (std::uint64_t i = 0; i < n; ++i) {
        points.push_back(from + (to - from) * static_cast<double>(i) / static_cast<double>(n - 1));
    }
    return points;
}

/// The parameters of the command line, one or two.
std::vector<std::string> parse_parameters(const Arguments& arguments,
                                          const StatisticalModel& model) {
    std::vector<std::string> names{model.parameter_of_interest};
    if (arguments.has("parameter")) names = names_in_list(arguments, "parameter");
    if (names.size() > 2) throw ConfigError("scan: --parameter takes one name or two");
    for (const auto& name : names) parameter_index(model, name);
    if (names.size() == 2 && (arguments.has("from") || arguments.has("to"))) {
        throw ConfigError("scan: --from and --to are for one parameter");
    }
    return names;
}

/// Fills the scan of the record.
void fill_scan(const mpi::Communicator& world, const Arguments& arguments, FittedCampaign& fitted) {
    FitResult& result = fitted.record.fit;
    std::vector<std::string> names;
    std::vector<std::vector<double>> points;
    mpi::together(world, [&] {
        names = parse_parameters(arguments, fitted.model);
        for (const auto& name : names) {
            points.push_back(
                parse_points(arguments, fitted.model, result, name, names.size() == 1 ? 41 : 15));
        }
    });
    if (names.size() == 1) {
        ScanOptions options{.parameter = names[0]};
        if (arguments.has("exact")) options.tolerance = 0.0;
        result.scan = scan(fitted.likelihood, result, points[0], options);
        if (names[0] == result.poi) {
            for (ScanPoint& point : result.scan) point.t /= inflation_of(fitted.record);
        }
        result.scan_parameter = names[0] == result.poi ? "" : names[0];
    } else {
        result.scan =
            scan_grid(fitted.likelihood, result, {names[0], points[0]}, {names[1], points[1]});
        result.scan_parameter = names[0] + "," + names[1];
    }
}

ExitCode run_scan(RunContext& context, const Arguments& arguments) {
    const Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::fit);
    FittedCampaign fitted =
        fitted_campaign(context, workspace.planned, workspace.place, workspace.books.blinding);
    const std::uint64_t before = fitted.likelihood.passes();
    const std::vector<ScanPoint> kept = fitted.record.fit.scan;
    fill_scan(context.world, arguments, fitted);
    constexpr int most_rounds = 3;
    for (int round = 0; round < most_rounds && deeper_point(fitted.record.fit.scan); ++round) {
        const std::vector<double> place = deeper_point(fitted.record.fit.scan)->parameters;
        fitted.record.fit.scan = kept;
        fitted.record.fit.scan_parameter.clear();
        take_over(context, workspace.place.directory, place, fitted);
        fill_scan(context.world, arguments, fitted);
    }
    warn_of_scan(fitted.record.fit, context.log);
    context.log.info("scanned",
                     {{"points", static_cast<std::uint64_t>(fitted.record.fit.scan.size())},
                      {"passes", fitted.likelihood.passes() - before}});
    fitted.record.comparisons.clear();
    if (context.world.is_root()) {
        fmt::print("{}", arguments.has("json") ? fit_json(fitted.record)
                                               : on_screen(scan_text(fitted.record)));
    }
    return exit_code_of(fitted.record, context.log);
}

}  // namespace

Command scan_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    options.push_back(
        {"parameter", "NAMES",
         "parameter to scan (default: the parameter of interest), or two separated by a comma"});
    options.push_back({"from", "VALUE", "first point (default: around the fitted value)"});
    options.push_back({"to", "VALUE", "last point"});
    options.push_back(
        {"points", "N", "number of points (default: 41; for two parameters 15 of each)"});
    options.push_back(
        {"exact", "", "fit at every point; otherwise some are interpolated, to about 1e-5 in t"});
    options.push_back({"json", "", "print JSON instead of columns"});
    return {.name = "scan",
            .group = Group::result,
            .summary = "Profile scan t of one parameter or two",
            .details = "t = 2 (NLL(point) - NLL(minimum)). Fits first if that is not done yet.",
            .examples = {"scan campaign.toml --parameter mu --from 0 --to 3"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_scan};
}

}  // namespace ratiofarm
