#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "fit_text.hpp"

namespace ratiofarm {
namespace {

std::string cell(const std::optional<double>& value) {
    return value ? fmt::format(" {:>+12.5f}", *value) : fmt::format(" {:>12}", "-");
}

std::string breakdown_text(const FitResult& fit) {
    const ErrorBreakdown& parts = fit.breakdown;
    std::string text = fmt::format("\nerror of {}: {:.5f}\n", fit.poi, parts.total);
    text += fmt::format("{:<24} {:>18} {:>14}\n", "", "global observables", "fixed");
    text += fmt::format("{:<24} {:>18.5f} {:>14.5f}\n", "statistical", parts.statistical,
                        parts.statistical_frozen);
    text += fmt::format("{:<24} {:>18.5f}\n", "systematic", parts.systematic);
    for (const GroupError& group : parts.groups) {
        text += fmt::format("{:<24} {:>18.5f} {:>14.5f}\n", "  " + group.group,
                            group.global_observables, group.frozen);
    }
    text +=
        "global observables: sums of squares of the impacts by global_observable; statistical "
        "is\nthe rest of the total. fixed: statistical is the error with all "
        "constrained\nparameters fixed; a group, root of total^2 minus the error^2 with the group "
        "fixed\n";
    return text;
}

}  // namespace

std::string impacts_text(const FitRecord& record, ImpactDefinition order) {
    const FitResult& fit = record.fit;
    if (fit.impacts.empty()) {
        return fmt::format("no impacts: no other parameter moves with {}\n", fit.poi);
    }
    const bool refitted = std::any_of(fit.impacts.begin(), fit.impacts.end(), [](const auto& i) {
        return i.refit_down || i.refit_up || i.observable_down || i.observable_up;
    });
    std::string text = fmt::format("impacts on {}, ordered by {}\n{:<24} {:>12} {:>12} {:>12}",
                                   fit.poi, impact_definition_name(order), "parameter",
                                   "others_fixed", "refit_shift", "global_obs.");
    if (refitted) {
        text += fmt::format(" {:>12} {:>12} {:>12} {:>12}", "refit_down", "refit_up", "obs_down",
                            "obs_up");
    }
    text += '\n';
    for (const Impact& impact : ranked(fit.impacts, order)) {
        text += fmt::format("{:<24}", impact.parameter) + cell(impact.others_fixed) +
                cell(impact.refit_shift) + cell(impact.global_observable);
        if (refitted) {
            text += cell(impact.refit_down) + cell(impact.refit_up) + cell(impact.observable_down) +
                    cell(impact.observable_up);
        }
        text += '\n';
    }
    text += fmt::format(
        "others_fixed: -H_mu,a / H_mu,mu delta_a, all other parameters held (mu: {})\n"
        "refit_shift: V_mu,a / sqrt(V_aa), a moved by its post-fit error, to first order\n"
        "global_obs.: V_mu,a / delta_a, the global observable of a moved by its width; these add\n"
        "in quadrature to the systematic error\n",
        fit.poi);
    if (refitted) {
        text +=
            "refit_*: a held at value -+ error and fitted again; obs_*: its global observable\n"
            "moved by -+ its width and fitted again\n";
    }
    return text + breakdown_text(fit);
}

}  // namespace ratiofarm
