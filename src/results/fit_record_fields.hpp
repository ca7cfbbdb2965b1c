#pragma once

#include "ratiofarm/fit/asymptotics.hpp"
#include "ratiofarm/fit/test_statistic.hpp"

#include "fit_json.hpp"
#include "json_fields.hpp"

/// The keys of fit.json, in their order.
namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, PassCounts>& value) {
    visit("first_descent", value.first_descent);
    visit("search", value.search);
    visit("intervals", value.intervals);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FittedParameter>& value) {
    visit("name", value.name);
    visit("value", value.value);
    visit("error", value.error);
    visit("error_low", value.error_low);
    visit("error_high", value.error_high);
    visit("no_error", value.no_error, unless(value.no_error == NoError::none));
    visit("interval_failed", value.interval_failed, unless(!value.interval_failed));
    visit("pull", value.pull);
    visit("constraint", value.constraint);
    visit("group", value.group, unless(value.group.empty()));
    visit("fixed", value.fixed);
    visit("at_bound", value.at_bound);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FlatDirection::Part>& value) {
    visit("parameter", value.parameter);
    visit("share", value.share);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FlatDirection>& value) {
    visit.as(value.leading);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Impact>& value) {
    visit("parameter", value.parameter);
    visit("others_fixed", value.others_fixed);
    visit("refit_shift", value.refit_shift);
    visit("global_observable", value.global_observable);
    visit("not_linear", value.not_linear, unless(!value.not_linear));
    visit("refit_down", value.refit_down);
    visit("refit_up", value.refit_up);
    visit("observable_down", value.observable_down);
    visit("observable_up", value.observable_up);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GroupError>& value) {
    visit("group", value.group);
    visit("global_observables", value.global_observables);
    visit("frozen", value.frozen);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ErrorBreakdown>& value) {
    visit("total", value.total);
    visit("systematic", value.systematic);
    visit("statistical", value.statistical);
    visit("statistical_frozen", value.statistical_frozen);
    visit("groups", value.groups);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ScanPoint>& value) {
    visit("poi", value.poi);
    visit("t", value.t);
    visit("parameters", value.parameters);
    visit("converged", value.converged);
    visit("interpolated", value.interpolated);
    visit("below_floor", value.below_floor, unless(value.below_floor == 0));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Contour::Point>& value) {
    visit("x", value.x);
    visit("y", value.y);
    visit("t", value.t);
    visit("converged", value.converged);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Contour>& value) {
    visit("first", value.first);
    visit("second", value.second);
    visit("level", value.level);
    visit("points", value.points);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Minimum>& value) {
    visit("parameters", value.parameters);
    visit("nll", value.nll);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ClippedAnchorCount>& value) {
    visit("region", value.region);
    visit("process", value.process);
    visit("count", value.count);
    visit("share", value.share);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GuardCounts>& value) {
    visit("events", value.events);
    visit("zero_weight", value.zero_weight);
    visit("non_positive_mixture", value.non_positive_mixture);
    visit("below_floor_on_profiles", value.below_floor_on_profiles,
          unless(value.below_floor_on_profiles == 0));
    visit("clipped_factors", value.clipped_factors);
    visit("clipped_anchors", value.clipped_anchors);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FittedNormalisation>& value) {
    visit("region", value.region);
    visit("process", value.process);
    visit("z", value.z);
    visit("z_of_reference", value.z_of_reference);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FitResult>& value) {
    visit("poi", value.poi);
    visit("converged", value.converged);
    visit("at_rounding", value.at_rounding);
    visit("nll", value.nll);
    visit("edm", value.edm);
    visit("passes", value.passes);
    visit("pass_counts", value.pass_counts);
    visit("condition_number", value.condition_number,
          JsonKey{.null = std::numeric_limits<double>::infinity()});
    visit("parameters", value.parameters);
    visit("correlation", value.correlation);
    visit("covariance", value.covariance);
    visit("flat_directions", value.flat_directions);
    visit("impacts", value.impacts);
    visit("breakdown", value.breakdown);
    visit("scan_parameter", value.scan_parameter, unless(value.scan_parameter.empty()));
    visit("scan", value.scan);
    visit("contours", value.contours, unless(value.contours.empty()));
    visit("minima", value.minima);
    visit("guards", value.guards);
    visit("normalisations", value.normalisations);
    visit("warnings", value.warnings);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ComparisonFit>& value) {
    visit("label", value.label);
    fields(visit, value.fit);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ModelSummary::Region>& value) {
    visit("name", value.name);
    visit("kind", value.kind);
    visit("processes", value.processes);
    const bool unbinned = value.kind != "binned";
    visit("bins", value.bins, JsonKey{.optional = unbinned, .left_out = unbinned});
    visit("shape_norm", value.shape_norm, unless(value.shape_norm.empty()));
    visit("yield_effects", value.yield_effects);
    visit("shape_effects", value.shape_effects);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ModelSummary>& value) {
    visit("parameters", value.parameters);
    visit("free", value.free);
    visit("constrained", value.constrained);
    visit("regions", value.regions);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, InjectedParameter>& value) {
    visit("name", value.name);
    visit("injected", value.injected);
    visit("value", value.value);
    visit("error", value.error);
    visit("error_low", value.error_low);
    visit("error_high", value.error_high);
    visit("pull", value.pull);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, InjectionFit>& value) {
    visit("name", value.name);
    visit("data", value.data);
    visit("converged", value.converged);
    visit("parameters", value.parameters);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Blinding>& value) {
    visit("measurement", value.measurement);
    bool blind = !value.unblinding.has_value();
    visit("blind", blind, JsonKey{.optional = true});
    visit("unblinded", value.unblinding);
    visit("earlier", value.earlier);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ShapeRecord::Shape>& value) {
    visit("process", value.process);
    visit("parameter", value.parameter);
    visit("gain", value.significance.gain);
    visit("gain_error", value.significance.gain_error);
    bool none = !value.significance.significant;
    visit("none", none);
    if constexpr (Visit::reading) value.significance.significant = !none;
    visit("noise_variance", value.significance.noise_variance);
    visit("information", value.information);
    visit("left_out", value.left_out);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ShapeRecord::Untreated>& value) {
    visit("parameter", value.parameter);
    visit("error", value.error);
    visit("untreated", value.untreated);
    visit("error_by_noise", value.error_by_noise);
    visit("shift", value.shift, unless(value.shift == 0.0));
    visit("shift_noise", value.shift_noise, unless(value.shift_noise == 0.0));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ShapeRecord::Noise>& value) {
    visit("parameter", value.parameter);
    visit("shift", value.shift);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ShapeRecord>& value) {
    visit("judged", value.shapes);
    visit("untreated", value.untreated);
    visit("noise", value.noises, unless(value.noises.empty()));
    visit("left_out_error", value.left_out_error);
    visit("noise_error", value.noise_error);
    visit("error_without", value.error_without, unless(value.error_without == 0.0));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, NetRatioSums>& value) {
    std::string lines = value.lines == NetRatios::member ? "member" : "replica";
    visit("lines", lines);
    if constexpr (Visit::reading) {
        value.lines = lines == "member" ? NetRatios::member : NetRatios::replica;
    }
    visit("factor", value.factor);
    visit("constant", value.constant);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, EstimateSpread>& value) {
    visit("sigma", value.sigma);
    visit("sigma_error", value.sigma_error);
    visit("mean", value.mean);
    visit("newton_difference", value.newton_difference);
    visit("not_converged", value.not_converged);
    visit("nets", value.nets);
    visit("estimates", value.estimates);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, WeightedMembersFit>& value) {
    visit("sigma", value.sigma);
    visit("estimate", value.estimate);
    visit("error", value.error);
    visit("converged", value.converged);
    visit("determined", value.determined, unless(value.determined.empty()));
    visit("ratios", value.ratios);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FiniteMcRecord>& value) {
    visit("method", value.method);
    visit("use", value.use);
    visit("sigma", value.sigma);
    visit("fit_value", value.fit_value);
    visit("fit_error", value.fit_error);
    visit("total_error", value.total_error);
    visit("inflation", value.inflation);
    visit("direction_sigma", value.direction_sigma);
    visit("replicas", value.replicas);
    visit("members", value.members);
    visit("wifi", value.wifi);
    visit("ratios", value.ratios);
    visit("direction", value.direction);
    visit("warnings", value.warnings);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ClsTest>& value) {
    visit("poi", value.poi);
    visit("q", value.q);
    visit("q_asimov", value.q_asimov);
    visit("p_sb", value.observed.p_sb);
    visit("p_b", value.observed.p_b);
    visit("cls", value.observed.cls);
    visit("expected_cls", value.expected);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, LimitRecord>& value) {
    constexpr JsonKey nullable{.none_is_null = true};
    auto& limits = value.limits;
    auto& discovery = value.discovery;
    auto sigmas = band_sigmas;
    visit("asimov", value.asimov);
    visit("statistic", limits.statistic);
    visit("level", limits.level);
    visit("observed", limits.observed, nullable);
    visit("band_sigmas", sigmas, JsonKey{.optional = true});
    visit("expected", limits.expected, nullable);
    visit("tests", limits.scan);
    visit.nested("discovery", [&](Visit& inner) {
        inner("q0", discovery.q0);
        inner("p_value", discovery.p_value);
        inner("significance", discovery.significance);
        inner("expected_significance", discovery.expected_significance, nullable);
        inner("expected_at", value.expected_at, nullable);
    });
    visit("warnings", value.warnings, unless(value.warnings.empty()));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UsedSample>& value) {
    visit("region", value.region);
    visit("sample", value.sample);
    visit("events", value.events);
    visit("negative", value.negative);
    visit("effective_events", value.effective_events);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SimulationNoise>& value) {
    visit("training", value.training);
    visit("asimov", value.asimov);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FitRecord>& value) {
    visit("campaign", value.campaign);
    visit("inputs", value.inputs);
    visit("data", value.data);
    visit("model", value.model);
    visit("samples", value.samples, unless(value.samples.empty()));
    visit("starts", value.starts);
    fields(visit, value.fit);
    visit("doubts", value.doubts, unless(value.doubts.empty()));
    visit("blinding", value.blinding);
    visit("injections", value.injections, unless(value.injections.empty()));
    visit("shapes", value.shapes, unless(value.shapes.shapes.empty()));
    visit("simulation", value.simulation);
    visit("finite_mc", value.finite_mc);
    visit("limits", value.limits);
    visit("comparisons", value.comparisons);
    visit("made_from", value.made_from, unless(value.made_from.empty()));
}

}  // namespace ratiofarm
