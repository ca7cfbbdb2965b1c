#include "comparison_fits.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/asimov.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/histogram.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/scan.hpp"

#include "protocol/list_quantities.hpp"
#include "tables/events/event_rows.hpp"

namespace ratiofarm {
namespace {

/// As fine as the Monte Carlo statistics of the inference split usually allow.
constexpr std::size_t histogram_bins = 60;

/// Inference-split events of one sample: where their rows are in the events file.
struct InferenceEvents {
    const SampleInfo* sample = nullptr;
    std::vector<std::uint64_t> row;
    std::vector<double> weight;
};

class Events {
public:
    Events(const RatioFile& ratios, std::span<const SampleInfo> samples)
        : ratios_(ratios), samples_(samples) {}

    const InferenceEvents& of(const std::string& name) {
        const auto known = loaded_.find(name);
        if (known != loaded_.end()) return known->second;
        const auto sample = std::find_if(samples_.begin(), samples_.end(),
                                         [&](const SampleInfo& info) { return info.name == name; });
        if (sample == samples_.end()) throw DataError("no events of sample '" + name + "'");
        const Range all{0, ratios_.set(name).events};
        auto columns = ratios_.read_columns(name, all);
        auto rows = ratios_.read_rows(name, all);
        if (columns.row.size() != all.size()) {
            throw DataError("the ratio file does not name the rows of the events file");
        }
        return loaded_
            .emplace(name,
                     InferenceEvents{&*sample, std::move(columns.row), std::move(rows.weight)})
            .first->second;
    }

    std::vector<float> feature(const std::string& name, const std::string& column) {
        const InferenceEvents& events = of(name);
        auto values = column_at_rows(*events.sample, events.row, column);
        RATIOFARM_EXPECT(values.has_value());
        return *std::move(values);
    }

private:
    const RatioFile& ratios_;
    std::span<const SampleInfo> samples_;
    std::map<std::string, InferenceEvents> loaded_;
};

FitResult fit_with_scan(const StatisticalModel& model,
                        const EventSet& events,
                        std::span<const double> points) {
    const mpi::Communicator alone;
    const Likelihood likelihood(model, {{source_of(events)}, {}}, alone);
    FitResult result = fit(likelihood, FitOptions{}, Log());
    result.scan = scan(likelihood, result, points);
    return result;
}

/// The exact densities and histograms only know the nominal processes.
StatisticalModel without_systematics(StatisticalModel model) {
    for (ProcessModel& process : model.unbinned.front().processes) process.systematics.clear();
    for (Parameter& parameter : model.parameters) {
        if (parameter.constraint.kind != Constraint::Kind::none) parameter.fixed = true;
    }
    return model;
}

/// ln p_j / p_ref of all processes at the events of a sample. \return [n, processes]
std::vector<float> exact_ratios_at(const Campaign& campaign,
                                   const RatioFile& ratios,
                                   const InferenceEvents& events,
                                   const LogDensity& density) {
    const auto& header = ratios.header();
    std::vector<float> log_r(events.row.size() * header.processes.size());
    for (std::size_t j = 0; j < header.processes.size(); ++j) {
        const std::string& process = header.processes[j].name;
        const auto column = exact_log_ratios(
            density, events.row, {campaign.process(process).events(), process}, header.reference);
        if (!column) throw DataError("no exact density of " + process + " or of the reference");
        for (std::size_t i = 0; i < column->size(); ++i) {
            log_r[i * header.processes.size() + j] = static_cast<float>((*column)[i]);
        }
    }
    return log_r;
}

std::optional<ComparisonFit> exact_fit(const Campaign& campaign,
                                       const StatisticalModel& model,
                                       const RatioFile& ratios,
                                       Events& events,
                                       std::span<const double> points) {
    EventSet exact;
    for (const ProcessModel& process : model.unbinned.front().processes)
        exact.processes.push_back(process.name);
    for (const FittedSet& set : fitted_sets(campaign, model, model.unbinned.front(), ratios)) {
        const InferenceEvents& sample = events.of(set.sample);
        const auto density = read_log_density(sample.sample->columns.file, set.sample);
        if (!density) return std::nullopt;
        append_events(exact, sample.weight, exact_ratios_at(campaign, ratios, sample, *density),
                      set.factor, {set.sample, exact.size(), 0});
    }
    exact.total = exact.size();
    const bool asimov = campaign.data.fitted_sample().empty();
    if (!asimov) exact = unweighted(std::move(exact));
    if (asimov && campaign.data.source == AsimovSource::reference) {
        exact = asimov_from_reference(model, model.unbinned.front(), asimov_point(campaign, model),
                                      std::move(exact), 1.0);
    }
    return ComparisonFit{"exact ratios", fit_with_scan(model, exact, points)};
}

void add_histogram(std::vector<double>& sum, const std::vector<double>& bins, double factor) {
    sum.resize(bins.size(), 0.0);
    for (std::size_t b = 0; b < bins.size(); ++b) sum[b] += factor * bins[b];
}

ComparisonFit histogram_fit(const Campaign& campaign,
                            const StatisticalModel& model,
                            const RatioFile& ratios,
                            Events& events,
                            const std::string& feature,
                            std::span<const double> points) {
    std::vector<float> reference_values;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const auto values = events.feature(component.sample, feature);
        reference_values.insert(reference_values.end(), values.begin(), values.end());
    }
    const auto edges = quantile_edges(reference_values, histogram_bins);
    const auto filled = [&](const std::string& sample) {
        return fill_histogram(edges, events.feature(sample, feature), events.of(sample).weight);
    };

    std::vector<std::string> names;
    std::vector<std::vector<double>> process_bins;
    for (const ProcessModel& process : model.unbinned.front().processes) {
        names.push_back(process.name);
        process_bins.push_back(filled(campaign.process(process.name).events()));
    }
    std::vector<double> reference_bins;
    for (const ReferenceComponent& component : ratios.header().reference) {
        add_histogram(reference_bins, filled(component.sample),
                      component.fraction / ratios.set(component.sample).sum_of_weights);
    }
    std::vector<double> data_bins;
    if (campaign.data.fitted_sample().empty() && campaign.data.source == AsimovSource::reference) {
        data_bins.assign(reference_bins.size(), 0.0);
        std::vector<double> sums;
        for (const auto& bins : process_bins) {
            double sum = 0.0;
            for (const double content : bins) sum += content;
            sums.push_back(sum);
        }
        const auto factors = asimov_sample_factors(model, model.unbinned.front(),
                                                   asimov_point(campaign, model), sums);
        for (std::size_t j = 0; j < process_bins.size(); ++j) {
            add_histogram(data_bins, process_bins[j], factors[j]);
        }
    } else {
        for (const FittedSet& set : fitted_sets(campaign, model, model.unbinned.front(), ratios)) {
            add_histogram(data_bins, filled(set.sample), set.factor);
        }
    }
    const EventSet bins = histogram_ratios(names, process_bins, reference_bins, data_bins);
    return {fmt::format("histogram of {} ({} bins)", feature, edges.size() - 1),
            fit_with_scan(model, bins, points)};
}

}  // namespace

std::vector<ComparisonFit> comparison_fits(const Campaign& campaign,
                                           const StatisticalModel& full_model,
                                           const RatioFiles& all_ratios,
                                           std::span<const SampleInfo> samples,
                                           std::span<const double> points,
                                           const Log& log) {
    if (all_ratios.size() != 1 || !full_model.binned.empty()) return {};
    const RatioFile& ratios = *all_ratios.front();
    const StatisticalModel model = without_systematics(full_model);
    const std::string how = campaign.systematics.empty() ? "" : ", without systematics";
    std::vector<ComparisonFit> fits;
    Events events(ratios, samples);
    const auto attempt = [&](const std::string& what, const auto& make) {
        try {
            make();
        } catch (const Error& error) {
            if (error.exit_code() == ExitCode::resumable) throw;  // told to stop
            log.warning("no comparison fit", {{"with", what}, {"why", error.what()}});
        }
    };
    attempt("exact ratios", [&] {
        if (auto exact = exact_fit(campaign, model, ratios, events, points)) {
            exact->label += how;
            fits.push_back(std::move(*exact));
        }
    });
    for (const std::string& feature : shown_columns(campaign.events.features, samples)) {
        attempt("histogram of " + feature, [&] {
            fits.push_back(histogram_fit(campaign, model, ratios, events, feature, points));
            fits.back().label += how;
        });
    }
    return fits;
}

}  // namespace ratiofarm
