#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/limits.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "pipeline/fitted_campaign.hpp"
#include "report/report_age.hpp"
#include "report/statistic_text.hpp"
#include "results/fit_json.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

/// What Asimov data are made from: the fit with the events of the reference in every region. A fit
/// that holds them already is used as it is.
class ReferenceModel {
public:
    /// Collective over the world. \param fitted must outlive this
    ReferenceModel(const mpi::Communicator& world,
                   const Campaign& campaign,
                   const FittedCampaign& fitted,
                   unsigned threads)
        : fitted_(fitted) {
        bool complete = true;
        mpi::together(world, [&] { complete = has_reference_rows(fitted.data); });
        if (complete) return;
        Campaign of_reference = campaign;
        of_reference.data = {.asimov = {}, .source = AsimovSource::reference, .sample = {}};
        data_ = finite_mc_data(world, of_reference, model_for_ratios(campaign, fitted.ratios),
                               fitted.ratios, fitted.record.finite_mc, ReferenceRows::always);
        likelihood_.emplace(fitted.model, *data_, world, LikelihoodOptions{.threads = threads});
    }

    const LikelihoodData& data() const { return data_ ? *data_ : fitted_.data; }
    const Likelihood& likelihood() const { return likelihood_ ? *likelihood_ : fitted_.likelihood; }

private:
    const FittedCampaign& fitted_;
    std::optional<LikelihoodData> data_;
    std::optional<Likelihood> likelihood_;
};

/// Asimov data at the best parameters for a value of the parameter of interest, and their fit.
class AsimovFit {
public:
    /// Collective over the world.
    AsimovFit(const mpi::Communicator& world,
              const ReferenceModel& reference,
              std::vector<double> theta,
              double inflation,
              unsigned threads)
        : expected_(reference.likelihood().expected_data(
              reference.data(), reference.likelihood().coordinates().to_internal(theta))),
          likelihood_(starting_at(reference.likelihood().model(), theta),
                      expected_.data,
                      world,
                      {.threads = threads}) {
        likelihood_.set_observed(expected_.observed);
        result_ = fit(likelihood_, {.interval = false}, Log());  // tests follow other minima, too
        statistics_.emplace(likelihood_, result_, inflation);
    }
    AsimovFit(const AsimovFit&) = delete;
    AsimovFit& operator=(const AsimovFit&) = delete;

    TestStatistics& statistics() { return *statistics_; }

private:
    static StatisticalModel starting_at(StatisticalModel model, const std::vector<double>& theta) {
        for (std::size_t a = 0; a < theta.size(); ++a) model.parameters[a].start = theta[a];
        return model;
    }

    ExpectedData expected_;
    Likelihood likelihood_;
    FitResult result_;
    std::optional<TestStatistics> statistics_;
};

struct Wanted {
    LimitOptions limits;
    std::size_t points = 0;
    double expected_at = 1.0;
};

Wanted parse_limits(const Arguments& arguments) {
    Wanted wanted;
    wanted.limits.level = arguments.number("level", 1e-6, 1.0 - 1e-6);
    wanted.limits.statistic = parse_test_statistic(arguments.text("statistic"));
    wanted.points = arguments.integer("points", 0, 10000);
    wanted.expected_at = arguments.number("expected-at", -1e300, 1e300);
    return wanted;
}

/// The table of tests reaches a little beyond the limits.
std::vector<double> table_points(const UpperLimits& limits, const Parameter& poi, std::size_t n) {
    double reach = limits.observed.value_or(poi.low);
    for (const auto& limit : limits.expected) reach = std::max(reach, limit.value_or(poi.high));
    const double high = std::min(poi.high, reach + 0.1 * (reach - poi.low));
    const double low = std::max(poi.low, 0.0);
    std::vector<double> points;
    for (std::size_t k = 1; k <= n; ++k) {
        points.push_back(low + (high - low) * static_cast<double>(k) / static_cast<double>(n));
    }
    return points;
}

/// What should be known before the numbers are believed.
std::vector<std::string> limit_warnings(const FittedCampaign& fitted, std::size_t poi) {
    std::vector<std::string> warnings;
    if (fitted.likelihood.coordinates().is_root(poi)) {
        warnings.emplace_back(
            "a coefficient contains the root of the parameter of interest: the asymptotic formulae "
            "fail near 0; take thresholds from toys");
    }
    const ShapeRecord& shapes = fitted.record.shapes;
    if (!shapes.untreated.empty() && !shapes.left_out_error) {
        warnings.push_back(
            fmt::format("the limits hold nothing of what the shapes of {} parameter(s) that were "
                        "left out could do",
                        shapes.untreated.size()));
    }
    return warnings;
}

/// Data far below what the model expects without signal test the model, not the signal.
void add_deficit_warning(const ClsTest& at_limit, LimitRecord& record) {
    constexpr double far = 5.0;
    if (at_limit.observed.p_b >= normal_tail(far)) return;
    record.warnings.push_back(
        fmt::format("the data are more than {:g} standard deviations below what is expected "
                    "without signal (p_b = {:.2g} at the limit): the limit says little about the "
                    "signal; look at 'ratiofarm gof'",
                    far, at_limit.observed.p_b));
}

/// \param deeper a place below the minimum of the fit if the tests came to one
LimitRecord limits_of(RunContext& context,
                      const Campaign& campaign,
                      const FittedCampaign& fitted,
                      const Wanted& wanted,
                      unsigned threads,
                      std::optional<std::vector<double>>& deeper) {
    const std::size_t index = parameter_index(fitted.model, fitted.record.fit.poi);
    const Parameter& poi = fitted.model.parameters[index];
    const double inflation = inflation_of(fitted.record);
    TestStatistics observed(fitted.likelihood, fitted.record.fit, inflation);
    const ReferenceModel reference(context.world, campaign, fitted, threads);
    AsimovFit background(context.world, reference, observed.conditional(0.0), inflation, threads);
    LimitRecord record;
    record.warnings = limit_warnings(fitted, index);
    record.limits = upper_limits(observed, background.statistics(), poi, wanted.limits);
    for (const double point : table_points(record.limits, poi, wanted.points)) {
        record.limits.scan.push_back(
            cls_test(observed, background.statistics(), point, wanted.limits.statistic));
    }
    if (record.limits.observed) {
        add_deficit_warning(cls_test(observed, background.statistics(), *record.limits.observed,
                                     wanted.limits.statistic),
                            record);
    }
    std::optional<AsimovFit> signal;
    if (wanted.expected_at >= poi.low && wanted.expected_at <= poi.high) {
        signal.emplace(context.world, reference, observed.conditional(wanted.expected_at),
                       inflation, threads);
        record.expected_at = wanted.expected_at;
    }
    record.discovery = discovery_test(observed, signal ? &signal->statistics() : nullptr);
    record.asimov = fmt::format(
        "Asimov data of the model at {} = 0, other parameters at their best for it", poi.name);
    deeper = observed.deeper();
    return record;
}

ExitCode run_limits(RunContext& context, const Arguments& arguments) {
    const Wanted wanted = parse_limits(arguments);
    const Workspace workspace = open_workspace(context, arguments, Needs::campaign, Product::fit);
    FittedCampaign fitted =
        fitted_campaign(context, workspace.planned, workspace.place, workspace.books.blinding);
    if (!fitted.record.fit.converged) {
        throw mpi::AgreedError(ExitCode::tasks_failed,
                               "no limits: the fit did not converge ('ratiofarm fit' shows it)");
    }
    std::optional<std::vector<double>> deeper;
    const auto compute = [&] {
        return limits_of(context, as_fitted(workspace.planned, {}), fitted, wanted,
                         workspace.place.threads(), deeper);
    };
    LimitRecord limits = in_context("limits", compute);
    if (deeper) {
        take_over(context, workspace.place.directory, *deeper, fitted);
        limits = in_context("limits", compute);
    }
    if (deeper) {
        throw mpi::AgreedError(ExitCode::tasks_failed,
                               "no limits: their tests come below the minimum of the fit again and "
                               "again ('ratiofarm scan' shows where)");
    }
    fitted.record.limits = std::move(limits);
    for (const std::string& warning : fitted.record.limits->warnings) context.log.warning(warning);
    publish_fit(context, workspace.place.directory, fitted.record);
    if (context.world.is_root()) {
        fmt::print("{}", arguments.has("json") ? fit_json(fitted.record)
                                               : on_screen(limits_text(fitted.record)));
        tell_old_report(workspace.place.directory, context.log);
    }
    return exit_code_of(fitted.record, context.log);
}

}  // namespace

Command limits_command() {
    auto options = workspace_options();
    add_ratios_options(options);
    options.push_back({"level", "CL", "confidence level of the limits", "0.95"});
    options.push_back({"statistic", "NAME", "q_tilde or q", "q_tilde"});
    options.push_back({"points", "N", "rows in the table of tests; 0: no table", "12"});
    options.push_back(
        {"expected-at", "VALUE",
         "signal strength of the expected significance; outside the range of the parameter: none",
         "1"});
    options.push_back({"json", "", "print fit.json instead of text"});
    return {.name = "limits",
            .group = Group::result,
            .summary = "CLs upper limits with expected bands, and the significance",
            .details = "Asymptotic; kept in fit.json. Fits first if that is not done yet.",
            .examples = {"limits campaign.toml"},
            .positional = {"CAMPAIGN.toml"},
            .options = std::move(options),
            .ranks = Ranks::all,
            .run = run_limits};
}

}  // namespace ratiofarm
