#include <cmath>

#include <fmt/format.h>

#include "fit_text.hpp"
#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
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
                       found.method + ", used as " + found.use));
    std::string text = table_html("Finite number of simulated events",
                                  {"from", "sigma of " + record.fit.poi, record.fit.poi, ""}, rows);
    for (const auto& warning : found.warnings) {
        text += "<p class=\"note\">" + escape_html(warning) + "</p>\n";
    }
    return text;
}

}  // namespace ratiofarm
