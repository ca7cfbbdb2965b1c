#include <cmath>

#include <fmt/format.h>

#include "results/finite_mc_record.hpp"

#include "fit_text.hpp"
#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

std::string spread_line(const EstimateSpread& spread, const char* what) {
    const auto n = static_cast<double>(spread.estimates.size());
    std::string text = fmt::format("  {} {}: spread {:.4g} +- {:.2g}, mean {:.5g}", n, what,
                                   spread.sigma, spread.sigma_error, spread.mean);
    if (spread.not_converged > 0) text += fmt::format(", {} not converged", spread.not_converged);
    return text;
}

}  // namespace

std::string finite_mc_text(const FiniteMcRecord& record, const std::string& poi) {
    std::string text = fmt::format(
        "finite number of simulated events ({}, used as {}): sigma({}) = {:.4g}; with the error "
        "{:.4g} of the fit {} = {}\n",
        word_of(record.method), word_of(record.use), poi, record.sigma, record.fit_error, poi,
        with_error(record.fit_value, record.total_error));
    if (record.use == FiniteMcUse::nuisance) {
        text +=
            fmt::format("  alpha_mc carries {:.4g} of it; t is divided by {:.4g} for the rest\n",
                        record.direction_sigma, record.inflation);
    }
    if (record.replicas) text += spread_line(*record.replicas, "replicas") + "\n";
    if (record.wifi) {
        text += fmt::format("  weighted members: sigma {:.4g}, {} = {}{}\n", record.wifi->sigma,
                            poi, with_error(record.wifi->estimate, record.wifi->error),
                            record.wifi->converged ? "" : " (NOT CONVERGED)");
    }
    if (record.members) {
        const auto n = static_cast<double>(record.members->estimates.size());
        text += spread_line(*record.members, "members") +
                fmt::format("; error of their mean {:.4g}, from the noise of the training\n",
                            record.members->sigma / std::sqrt(n));
    }
    for (const auto& warning : record.warnings) text += "  warning: " + warning + "\n";
    return text;
}

namespace {

std::vector<Cell> row(std::string_view what,
                      double sigma,
                      const std::string& estimate,
                      std::string_view remark) {
    return {text_cell(what), number_cell(fmt::format("{:.4g}", sigma)), number_cell(estimate),
            text_cell(remark)};
}

std::string remark_of(const EstimateSpread& spread) {
    std::string text =
        fmt::format("{} nets; +- {:.2g}", spread.estimates.size(), spread.sigma_error);
    if (spread.not_converged > 0) text += fmt::format("; {} not converged", spread.not_converged);
    return text;
}

}  // namespace

std::string finite_mc_table(const FitRecord& record) {
    if (!record.finite_mc) return {};
    const FiniteMcRecord& found = *record.finite_mc;
    std::vector<std::vector<Cell>> rows;
    rows.push_back(row("the fit without it", found.fit_error,
                       with_error(found.fit_value, found.fit_error), "error from the Hessian"));
    if (found.replicas) {
        rows.push_back(row("bootstrap replicas", found.replicas->sigma,
                           fmt::format("{:.5g}", found.replicas->mean),
                           remark_of(*found.replicas)));
    }
    if (found.wifi) {
        rows.push_back(row("weighted members", found.wifi->sigma,
                           with_error(found.wifi->estimate, found.wifi->error),
                           found.wifi->converged ? "" : "NOT CONVERGED"));
    }
    if (found.members) {
        const auto n = static_cast<double>(found.members->estimates.size());
        rows.push_back(row("mean of the members", found.members->sigma / std::sqrt(n),
                           fmt::format("{:.5g}", found.members->mean), "noise of the training"));
    }
    rows.push_back(row("total", found.total_error, with_error(found.fit_value, found.total_error),
                       word_of(found.method) + ", used as " + word_of(found.use)));
    return table_html("Finite number of simulated events",
                      {"from", "sigma of " + record.fit.poi, record.fit.poi, ""}, rows);
}

}  // namespace ratiofarm
