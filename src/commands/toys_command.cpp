#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "measurement/toys_results.hpp"
#include "pipeline/farm_stage.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/report_age.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

[[noreturn]] void refuse(const Arguments& arguments, const char* option, const char* allowed) {
    throw ConfigError(
        fmt::format("--{} = '{}': must be {}", option, arguments.text(option), allowed));
}

double number_in(const std::string& text,
                 const Arguments& arguments,
                 const char* option,
                 const char* allowed) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        refuse(arguments, option, allowed);
    }
    return value;
}

std::vector<std::pair<std::string, double>> parse_truth(const Arguments& arguments) {
    constexpr auto allowed = "NAME=VALUE, several separated by commas";
    std::vector<std::pair<std::string, double>> at;
    if (!arguments.has("at")) return at;
    for (const std::string& part : parts_of(arguments.text("at"), ',')) {
        const auto sides = parts_of(part, '=');
        if (sides.size() != 2) refuse(arguments, "at", allowed);
        at.emplace_back(sides[0], number_in(sides[1], arguments, "at", allowed));
    }
    return at;
}

std::vector<double> parse_grid(const Arguments& arguments) {
    constexpr auto allowed = "FROM:TO:N with FROM < TO and N from 2 to 10000";
    std::vector<double> grid;
    if (!arguments.has("grid")) return grid;
    const auto parts = parts_of(arguments.text("grid"), ':');
    if (parts.size() != 3) refuse(arguments, "grid", allowed);
    const double from = number_in(parts[0], arguments, "grid", allowed);
    const double to = number_in(parts[1], arguments, "grid", allowed);
    const double n = number_in(parts[2], arguments, "grid", allowed);
    if (!(from < to) || !(n >= 2.0 && n <= 1e4) || n != std::floor(n)) {
        refuse(arguments, "grid", allowed);
    }
    for (double i = 0.0; i < n; i += 1.0) grid.push_back(from + (to - from) * i / (n - 1.0));
    return grid;
}

std::vector<double> parse_levels(const Arguments& arguments, std::uint64_t toys) {
    constexpr auto allowed = "probabilities between 0 and 1, separated by commas";
    std::vector<double> levels;
    for (const std::string& part : parts_of(arguments.text("neyman"), ',')) {
        const double level = number_in(part, arguments, "neyman", allowed);
        if (!(level > 0.0 && level < 1.0)) refuse(arguments, "neyman", allowed);
        const double needed = std::ceil(level / (1.0 - level));
        if (static_cast<double>(toys) < needed) {
            throw ConfigError(
                fmt::format("--neyman {:g} needs at least --toys {} (10 times that "
                            "for a useful threshold)",
                            level, needed));
        }
        levels.push_back(level);
    }
    return levels;
}

ShapeNorm parse_norm(const Arguments& arguments) {
    if (const auto norm = enumerator_of<ShapeNorm>(arguments.text("shape-norm"))) return *norm;
    refuse(arguments, "shape-norm", "reference_quadratic, reference or none");
}

ToyRequest parse_toys(const Arguments& arguments) {
    ToyRequest request;
    request.at = parse_truth(arguments);
    request.grid = parse_grid(arguments);
    if (arguments.has("test")) request.test = arguments.number("test", -1e300, 1e300);
    if (request.test && !request.grid.empty()) {
        throw ConfigError("--test and --grid do not go together: a grid tests its own values");
    }
    request.toys = arguments.integer("toys", 1, 100'000'000);
    request.block = arguments.integer("block", 1, 1'000'000);
    request.levels = parse_levels(arguments, request.toys);
    request.statistics.clear();
    for (const std::string& name : parts_of(arguments.text("statistic"), ',')) {
        request.statistics.push_back(parse_test_statistic(name));
    }
    request.shape_norm = parse_norm(arguments);
    request.profiled = arguments.has("profiled");
    request.unit_weights = arguments.has("unit-weight-samples");
    return request;
}

/// Rank 0: all toys, read from the results of the tasks.
std::vector<std::vector<ToyOutcome>> finished_toys(const ToyPlan& plan,
                                                   const RunDirectory& directory) {
    std::vector<std::vector<ToyOutcome>> outcomes(plan.points().size());
    for (const Task& task : plan.tasks()) {
        auto block = take_result<ToyBlock>(directory.result(task.digest), task.digest);
        auto& to = outcomes[decode<ToyTask>(task.payload).point];
        for (ToyOutcome& outcome : block.outcomes) to.push_back(std::move(outcome));
    }
    return outcomes;
}

ExitCode run_toys(RunContext& context, const Arguments& arguments) {
    const mpi::Communicator& world = context.world;
    ToyRequest request;
    mpi::together(world, [&] { request = parse_toys(arguments); });
    Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::toys);
    if (workspace.planned.campaign.finite_mc.use != FiniteMcUse::report) {
        context.log.warning(
            "toys are thrown from the ratios as they are and fitted with them: they do not include "
            "the uncertainty of [finite_mc]");
    }
    const ToyPlan plan(world, fit_source(workspace), std::move(request));
    for (const std::string& warning : plan.warnings()) context.log.warning(warning);
    tell_doubts_of_fit(context, workspace.place.directory, plan.made_from());
    const StageEnd end = farm_stage(context, workspace.place, workspace.books, plan.tasks(),
                                    TaskFileKind::toy_block, [&] {
                                        return std::make_unique<ToyRunner>(
                                            [&](const ToyTask& task) { return plan.run_toy(task); },
                                            workspace.place.directory, workspace.place.threads());
                                    });
    ExitCode code = ExitCode::done;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        if (!ended_well(end)) {
            code = report_end(end);
            return;
        }
        const ToyResults results = summarise(plan, workspace.planned.campaign.name,
                                             finished_toys(plan, workspace.place.directory));
        const std::string json = toys_json(plan, results);
        publish_sealed(workspace.place.directory.toys_json(), json);
        fmt::print("{}", arguments.has("json") ? json : on_screen(toys_text(plan, results)));
        tell_old_report(workspace.place.directory, context.log);
    });
    return code;
}

}  // namespace

Command toys_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    options.push_back(
        {"at", "NAME=VALUE,...",
         "truth (default: the parameters of the Asimov data, or the best fit of the data)"});
    options.push_back({"toys", "N", "toys at each truth", "1000"});
    options.push_back(
        {"test", "VALUE", "tested value of the parameter of interest (default: the truth)"});
    options.push_back(
        {"grid", "FROM:TO:N",
         "N truths of the parameter of interest, each tested with its own toys: a Neyman "
         "construction. Equal steps, in the root where a coefficient has one"});
    options.push_back({"neyman", "LEVELS", "probabilities of the thresholds", "0.6827,0.95"});
    options.push_back(
        {"statistic", "NAMES", "t, t_tilde, q0, q or q_tilde; several separated by commas", "t"});
    options.push_back({"profiled", "", "profile the other parameters on the data at each truth"});
    options.push_back({"unit-weight-samples", "",
                       "throw real events of the samples instead of the mixture by weight"});
    options.push_back({"shape-norm", "WORD",
                       "normalisation in the fits: reference_quadratic expands it once; reference "
                       "sums over all reference events in every toy; or none",
                       "reference_quadratic"});
    options.push_back({"block", "N", "toys per task", "100"});
    options.push_back(time_budget_option());
    for (Option& option : join_options()) options.push_back(std::move(option));
    options.push_back({"json", "", "print toys.json instead of a table"});
    return {.name = "toys",
            .group = Group::result,
            .summary = "Pseudo-experiments: thresholds, p-values, pulls, intervals",
            .details = "Thrown and fitted on all ranks; kept in toys.json.",
            .examples = {"toys campaign.toml --toys 1000"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_toys};
}

}  // namespace ratiofarm
