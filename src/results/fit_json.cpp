#include "fit_json.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "core/program_version.hpp"

#include "fit_record_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

/// Which definition each number follows.
Json definitions() {
    return {
        {"error",
         "square root of the diagonal of the inverse Hessian of the NLL at the minimum, for the "
         "poi "
         "with shapes.left_out_error and noise_error in quadrature, as in covariance and "
         "correlation; fixed "
         "parameters and parameters at a bound are held; 0 where no_error says why there is none"},
        {"error_low, error_high", "distances from the value to the nearest points where t = 1"},
        {"no_error",
         "kink: the minimum is at the kink of an interpolation; root: less than an error of the "
         "root from 0; undetermined: not determined within its range"},
        {"impacts.not_linear",
         "true: both sides of the variation act alike or meet in a kink; only refit_* and "
         "observable_* measure it"},
        {"pull", "(value - global observable) / width of the constraint"},
        {"constraint", "error / width of the constraint"},
        {"nll",
         "unbinned regions: nu(theta) - sum_i w_i ln(sum_j R_j(theta) r_j(x_i) prod_m g_jm(x_i, "
         "alpha_m)), R_j = f_j nu_j prod_m G_jm / Z_j; binned regions: sum_b nu_b - n_b ln nu_b; "
         "and the constraints. Constants dropped, so only differences have a meaning"},
        {"t",
         "2 (NLL(poi, others profiled) - NLL(minimum)): two-sided t_mu of arXiv:1007.1727; of the "
         "poi divided by finite_mc.inflation + (shapes.left_out_error^2 + shapes.noise_error^2) / "
         "shapes.error_without^2"},
        {"edm", "g^T H^-1 g / 2 at the minimum"},
        {"condition_number",
         "largest over smallest eigenvalue of the Hessian with unit diagonal; null if singular"},
        {"passes", "evaluations of the likelihood over all events"},
        {"impacts",
         "shift of the poi, V the covariance, H its inverse, delta_a the width of the constraint. "
         "others_fixed: -H_mu,a / H_mu,mu delta_a (post-fit error where a is not constrained); "
         "refit_shift: V_mu,a / sqrt(V_aa); global_observable: V_mu,a / delta_a; refit_down and "
         "refit_up: a held at value -+ error and fitted again; observable_down and observable_up: "
         "its global observable moved by -+ delta_a and fitted again"},
        {"breakdown",
         "of the error of the poi. systematic: root of the sum of squares of global_observable; "
         "statistical: root of total^2 - systematic^2 - shapes.left_out_error^2 - "
         "shapes.noise_error^2; "
         "statistical_frozen: error with all constrained parameters fixed, without these two; "
         "groups alike, frozen: root of the error^2 less that with the group fixed"},
        {"scan.interpolated",
         "true: between computed points by quintics in value, slope and curvature of the profile"},
        {"contours",
         "points (x, y) of two parameters where t = level, others profiled: 2.30 and 5.99 hold "
         "68.27 "
         "and 95 %; t is not divided as that of scan is. A t below its level: a range ends there"},
        {"guards",
         "events in the likelihood; skipped for zero weight; with a mixture below its floor at the "
         "minimum; factors g held above their floor; anchors of g clipped to a factor of 20"},
        {"samples",
         "weights of the simulated events in the ratio files that the fit or its reference uses; "
         "effective_events: (sum w)^2 / sum w^2"},
        {"normalisations", "Z_j at the minimum: as used, and the sum over all reference events"},
        {"injections",
         "fits of data whose truth is known: [data].injections; pull = (value - injected) / error"},
        {"shapes",
         "gain: to first order, of the nets of both sides over a constant one on events that they "
         "never saw; "
         "none: not above null_level errors; information: expected events of the process times "
         "noise_variance, what noise alone adds to H_aa; left_out: only the yields vary. "
         "untreated: error of the parameter with the shapes that were left out, by a fit of the "
         "same data; error_by_noise: of its constraint and their information alone; shift: of the "
         "poi, by these shapes at one width of the constraint; shift_noise: estimate of the noise "
         "in it. left_out_error: root of max(max shift^2, sum(shift^2 - shift_noise^2) + 2 "
         "sqrt(sum shift^2 shift_noise^2)) + max(0, 2 sum shift global_observable): what all of "
         "them could do to the poi; error_without: error of the poi without it"},
        {"simulation",
         "to first order, of the poi, in no error: training: root of the sum over processes of "
         "variance(rate score) / n, the score d ln D / d poi profiled times error^2, of nets that "
         "follow the n events that train them; asimov: the same with the events of Asimov data of "
         "samples. docs/finite_mc.md"},
        {"finite_mc",
         "docs/finite_mc.md. sigma: of the poi, from the finite number of simulated events; "
         "total_error: root of fit_error^2 + sigma^2; inflation: t was divided by it; replicas, "
         "members: spread of the poi over fits with single nets; wifi: weighted members, "
         "arXiv:2506.00113; ratios, direction: sums of lines of the ratio file that were used as "
         "ln r, and as ln g of alpha_mc"},
        {"limits",
         "asymptotic, arXiv:1007.1727: cls = p_sb / p_b from q and q_asimov; expected at -2 to 2 "
         "standard deviations; with sqrt(poi) in the model thresholds must come from toys"}};
}

/// What is written next to each other belongs to the same parameters.
void expect_sizes(const FitResult& fit) {
    const std::size_t n = fit.parameters.size();
    const auto expect = [&](const char* what, std::size_t size) {
        if (size == n) return;
        throw DataError(
            fmt::format("'{}' has {} entries for {} parameters: damaged or written by "
                        "another version?",
                        what, size, n));
    };
    for (const auto& [what, matrix] :
         {std::pair("correlation", &fit.correlation), std::pair("covariance", &fit.covariance)}) {
        if (matrix->empty()) continue;
        expect(what, matrix->size());
        for (const auto& row : *matrix) expect(what, row.size());
    }
    for (const ScanPoint& point : fit.scan) {
        if (!point.parameters.empty()) expect("scan.parameters", point.parameters.size());
    }
    for (const Minimum& minimum : fit.minima)
        expect("minima.parameters", minimum.parameters.size());
}

FitRecord read_fit_record(const Json& json) {
    const auto schema = json.at("schema").get<std::string>();
    if (schema != fit_json_schema) {
        throw DataError("schema is '" + schema + "'; this version reads '" +
                        std::string(fit_json_schema) + "': repeat the fit with this version");
    }
    FitRecord record;
    JsonReader::read(json, {}, record);
    expect_sizes(record.fit);
    for (const ComparisonFit& comparison : record.comparisons) expect_sizes(comparison.fit);
    return record;
}

}  // namespace

ModelSummary summary_of(const StatisticalModel& model) {
    ModelSummary summary;
    summary.parameters = model.parameters.size();
    for (const auto& parameter : model.parameters) {
        if (parameter.fixed) continue;
        ++summary.free;
        if (parameter.constraint.kind != Constraint::Kind::none) ++summary.constrained;
    }
    for (const auto& region : model.unbinned) {
        ModelSummary::Region entry{.name = region.name,
                                   .kind = "unbinned",
                                   .processes = {},
                                   .shape_norm = word_of(region.shape_norm)};
        for (const auto& process : region.processes) {
            entry.processes.push_back(process.name);
            for (const auto& effect : process.systematics) {
                if (effect.yield) ++entry.yield_effects;
                if (effect.shape) ++entry.shape_effects;
            }
        }
        summary.regions.push_back(std::move(entry));
    }
    for (const auto& region : model.binned) {
        ModelSummary::Region entry{.name = region.name,
                                   .kind = "binned",
                                   .processes = {},
                                   .bins = region.n_bins(),
                                   .shape_norm = {}};
        for (const auto& sample : region.samples) {
            entry.processes.push_back(sample.name);
            entry.yield_effects += sample.yields.size();
            entry.shape_effects += sample.shapes.size();
        }
        summary.regions.push_back(std::move(entry));
    }
    return summary;
}

bool is_of_asimov(const FitRecord& record) { return record.data.starts_with("Asimov"); }

double inflation_of(const FitRecord& record) {
    double inflation = record.finite_mc ? record.finite_mc->inflation : 1.0;
    const ShapeRecord& shapes = record.shapes;
    if (shapes.error_without > 0.0) {
        inflation += std::pow(shapes.held_error() / shapes.error_without, 2);
    }
    return inflation;
}

double ShapeRecord::held_error() const {
    return std::hypot(left_out_error.value_or(0.0), noise_error.value_or(0.0));
}

std::vector<std::string> not_converged(const FitRecord& record) {
    std::vector<std::string> lines;
    if (!record.fit.converged) lines.emplace_back("the fit did not converge");
    for (const auto& parameter : record.fit.parameters) {
        if (!parameter.interval_failed) continue;
        lines.push_back("the interval of '" + parameter.name + "' did not converge");
    }
    const auto failed = std::count_if(record.fit.scan.begin(), record.fit.scan.end(),
                                      [](const ScanPoint& point) { return !point.converged; });
    if (failed > 0) {
        lines.push_back(std::to_string(failed) + " of " + std::to_string(record.fit.scan.size()) +
                        " points of the scan did not converge");
    }
    for (const auto& injection : record.injections) {
        if (injection.converged) continue;
        lines.push_back("the fit of the injection '" + injection.name + "' did not converge");
    }
    return lines;
}

std::vector<std::string> warnings_of(const FitRecord& record) {
    std::vector<std::string> warnings = record.fit.warnings;
    if (record.finite_mc) {
        for (const std::string& warning : record.finite_mc->warnings) {
            warnings.push_back("finite simulation: " + warning);
        }
    }
    if (record.limits) {
        const auto& more = record.limits->warnings;
        warnings.insert(warnings.end(), more.begin(), more.end());
    }
    return warnings;
}

std::string fit_json(const FitRecord& record) {
    Json json{{"schema", fit_json_schema}, {"made_by", made_by()}};
    JsonWriter writer(json);
    fields(writer, record);
    json["definitions"] = definitions();
    constexpr int expanded_depth = 3;  // one line per parameter, matrix row and scan point
    return json_text(json, expanded_depth);
}

FitRecord parse_fit_json(std::string_view text) {
    return in_context("fit.json", [&] {
        try {
            return read_fit_record(parse_record(text));
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

}  // namespace ratiofarm
