#include <cmath>

#include <fmt/format.h>

#include "results/finite_mc_record.hpp"

#include "fit_text.hpp"

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

}  // namespace ratiofarm
