#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/report/fit_json.hpp"
#include "ratiofarm/report/fit_text.hpp"

#include "fit_input.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

std::vector<double> wanted_points(const Arguments& arguments,
                                  const StatisticalModel& model,
                                  const FitResult& result) {
    const auto n = arguments.integer("points", 3, 100000);
    if (!arguments.has("from") && !arguments.has("to")) {
        return default_scan_points(model, result, n);
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

ExitCode run(CommandContext& context, const Arguments& arguments) {
    const mpi::Communicator& world = context.world;
    Workspace workspace = open_workspace(context, arguments, Needs::campaign);
    const StageEnd fitted = in_context("fit", [&] { return fit_stage(context, workspace); });
    if (fitted.state == StageEnd::State::done) context.log.info("fitted first");

    FitRecord record;
    std::optional<RatioFile> ratios;
    StatisticalModel model;
    std::vector<double> points;
    mpi::together(world, [&] {
        record = parse_fit_json(read_text(workspace.directory.fit_json()));
        ratios.emplace(workspace.ratios);
        model = model_for_ratios(workspace.campaign, *ratios);
        points = wanted_points(arguments, model, record.fit);
    });
    const Likelihood likelihood(model, load_data(workspace.campaign, model, *ratios), world, {.threads = workspace.threads()});
    record.fit.scan = scan(likelihood, record.fit, points);
    record.comparisons.clear();
    if (world.is_root()) {
        fmt::print("{}", arguments.has("json") ? fit_json(record) : scan_text(record));
    }
    return ExitCode::done;
}

}  // namespace

Command scan_command() {
    auto options = workspace_options();
    options.push_back({"from", "VALUE", "first point (default: around the fitted value)"});
    options.push_back({"to", "VALUE", "last point"});
    options.push_back({"points", "N", "number of points", "41"});
    options.push_back({"json", "", "print JSON instead of columns"});
    return {.name = "scan",
            .summary =
                "Prints the profile scan t_mu = 2 (NLL(mu) - NLL(mu-hat)) of the parameter of "
                "interest; fits first where that is not done.",
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run};
}

}  // namespace ratiofarm
