#include "unfold_json.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "core/program_version.hpp"

#include "json_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ChiSquare>& value) {
    visit("value", value.value);
    visit("rank", value.rank);
    visit("factor", value.factor);
    visit("p_value", value.p_value);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldCovariance>& value) {
    visit("source", value.source);
    visit("replicas", value.replicas);
    visit("rows", value.rows);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldIteration>& value) {
    visit("iteration", value.iteration);
    visit("contents", value.contents);
    visit("discriminator_1000", value.discriminator);
    visit("wasserstein", value.wasserstein);
    visit("change", value.change);
    visit("refolded", value.refolded, unless(value.refolded.empty()));
    visit("refolding_1000", value.refolding);
    visit("refolding_chi2", value.refolding_chi2);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, BottomLine>& value) {
    visit("reco", value.reco);
    visit("truth", value.truth);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldComparison>& value) {
    visit("sample", value.sample);
    visit("contents", value.contents);
    visit("error", value.error);
    visit("chi2", value.chi2);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, NuDistribution>& value) {
    visit("edges", value.edges);
    visit("shares", value.shares);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldedObservable>& value) {
    visit("column", value.column);
    visit("reco", value.reco);
    visit("edges", value.edges);
    visit("prior", value.prior);
    visit("unfolded", value.unfolded);
    visit("error", value.error);
    visit("below", value.below);
    visit("above", value.above);
    visit("covariances", value.covariances);
    visit("total", value.total);
    visit("iterations", value.iterations);
    visit("data", value.data, unless(value.data.empty()));
    visit("data_error", value.data_error, unless(value.data_error.empty()));
    visit("simulation", value.simulation, unless(value.simulation.empty()));
    visit("bottom_line", value.bottom_line);
    visit("compared", value.compared, unless(value.compared.empty()));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldProgress>& value) {
    visit("iteration", value.iteration);
    visit("yield", value.yield);
    visit("effective_events", value.effective_events);
    visit("change", value.change);
    visit("clipped_share", value.clipped_share);
    visit("effective_share", value.effective_share);
    visit("trained_again", value.trained_again);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldRecord>& value) {
    visit("campaign", value.campaign);
    visit("misses", value.misses);
    visit("fakes", value.fakes);
    visit("iterations", value.iterations);
    visit("members", value.members);
    visit("replicas_data", value.replicas_data);
    visit("replicas_mc", value.replicas_mc);
    visit("events", value.events);
    visit("generated", value.generated);
    visit("generated_effective", value.generated_effective);
    visit("yield", value.yield);
    visit("beyond_matched", value.beyond_matched);
    visit("data_outside", value.data_outside);
    visit("progress", value.progress);
    visit("ln_nu", value.ln_nu);
    visit("observables", value.observables);
    visit("warnings", value.warnings);
    visit("made_from", value.made_from, unless(value.made_from.empty()));
    visit("samples", value.samples, unless(value.samples.empty()));
}

namespace {

constexpr std::string_view unfold_format_name = "ratiofarm unfolding";
constexpr int unfold_format_version = 1;

/// JSON knows no infinity: the open ends of bins are texts, as in the campaign.
void open_ends(nlohmann::ordered_json& json, const UnfoldRecord& record) {
    for (std::size_t i = 0; i < record.observables.size(); ++i) {
        const std::vector<double>& edges = record.observables[i].edges;
        auto& written = json["observables"][i]["edges"];
        for (std::size_t k = 0; k < edges.size(); ++k) {
            if (std::isinf(edges[k])) written[k] = edges[k] > 0.0 ? "inf" : "-inf";
        }
    }
}

void read_open_ends(nlohmann::ordered_json& json) {
    for (auto& observable : json.at("observables")) {
        for (auto& edge : observable.at("edges")) {
            if (!edge.is_string()) continue;
            edge = (edge.get<std::string>() == "inf" ? 1.0 : -1.0) *
                   std::numeric_limits<double>::infinity();
        }
    }
}

}  // namespace

std::string unfold_json(const UnfoldRecord& record) {
    nlohmann::ordered_json json{
        {"format", unfold_format_name}, {"version", unfold_format_version}, {"made_by", made_by()}};
    JsonWriter writer(json);
    fields(writer, record);
    open_ends(json, record);
    constexpr int expanded_depth = 5;
    return json_text(json, expanded_depth);
}

UnfoldRecord parse_unfold_json(std::string_view text) {
    return in_context("unfold.json", [&] {
        try {
            auto json = parse_record(text);
            if (json.at("format").get<std::string>() != unfold_format_name ||
                json.at("version").get<int>() != unfold_format_version) {
                throw DataError(fmt::format("is not '{}' of version {}", unfold_format_name,
                                            unfold_format_version));
            }
            read_open_ends(json);
            UnfoldRecord record;
            JsonReader::read(json, {}, record);
            return record;
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

std::string unfold_text(const UnfoldRecord& record) {
    std::string text = fmt::format(
        "unfolded {:.6g} events (the simulation generated {:.6g}) in {} iterations, misses "
        "'{}', fakes '{}'\n",
        record.yield, record.generated, record.iterations, record.misses, record.fakes);
    for (const UnfoldedObservable& observable : record.observables) {
        text += fmt::format("\n{}\n  {:>12} {:>12} {:>12} {:>12} {:>12}\n", observable.column,
                            "from", "to", "generated", "unfolded", "error");
        for (std::size_t bin = 0; bin < observable.unfolded.size(); ++bin) {
            text +=
                fmt::format("  {:>12.5g} {:>12.5g} {:>12.5g} {:>12.5g} {:>12.5g}\n",
                            observable.edges[bin], observable.edges[bin + 1], observable.prior[bin],
                            observable.unfolded[bin], observable.error[bin]);
        }
        if (const auto& line = observable.bottom_line) {
            text += fmt::format(
                "  the simulation against the data: chi2 {:.4g} ({} bins) as measured, {:.4g} ({}) "
                "unfolded,\n  which must not be larger\n",
                line->reco.value, line->reco.rank, line->truth.value, line->truth.rank);
        }
        for (const UnfoldComparison& other : observable.compared) {
            if (!other.chi2) continue;
            text += fmt::format("  unfolded against '{}': chi2 {:.4g} ({} bins)\n", other.sample,
                                other.chi2->value, other.chi2->rank);
        }
    }
    for (const std::string& warning : record.warnings) text += "warning: " + warning + "\n";
    return text;
}

}  // namespace ratiofarm
