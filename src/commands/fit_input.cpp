#include "fit_input.hpp"

#include <algorithm>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/asimov.hpp"

namespace ratiofarm {
namespace {

std::vector<FittedSet> sample_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const RatioFile& ratios) {
    std::vector<const RatioSet*> sets;
    std::vector<double> sums;
    for (const ProcessModel& process : model.unbinned.front().processes) {
        sets.push_back(&ratios.set(campaign.process(process.name).sample));
        sums.push_back(sets.back()->sum_of_weights);
    }
    const auto factors = asimov_sample_factors(model, model.unbinned.front(),
                                               asimov_point(campaign, model), sums);
    std::vector<FittedSet> fitted;
    for (std::size_t j = 0; j < sets.size(); ++j) {
        if (factors[j] != 0.0) fitted.push_back({sets[j]->name, sets[j]->events, factors[j]});
    }
    return fitted;
}

std::vector<FittedSet> reference_sets(const RatioFile& ratios) {
    if (ratios.header().reference.empty()) {
        throw DataError(
            fmt::format("'{}' describes no reference; use data.asimov.source = "
                        "\"samples\"",
                        ratios.path().string()));
    }
    std::vector<FittedSet> fitted;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const RatioSet& set = ratios.set(component.sample);
        fitted.push_back({set.name, set.events, component.fraction / set.sum_of_weights});
    }
    return fitted;
}

}  // namespace

StatisticalModel model_for_ratios(const Campaign& campaign, const RatioFile& ratios) {
    StatisticalModel model;
    model.parameters = campaign.parameters;
    model.parameter_of_interest = campaign.inference.poi;
    UnbinnedRegion region;
    region.shape_norm = campaign.inference.shape_norm;
    in_context(ratios.path().string(), [&] {
        for (const RatioProcess& process : ratios.header().processes) {
            region.processes.push_back(
                {process.name, process.yield, campaign.process(process.name).coefficient, {}});
        }
    });
    model.unbinned.push_back(std::move(region));
    for (const ProcessSection& section : campaign.processes) {
        ratios.header().column_of(section.name);
    }
    return model;
}

std::vector<double> asimov_point(const Campaign& campaign, const StatisticalModel& model) {
    std::vector<double> theta;
    for (const Parameter& parameter : model.parameters) {
        const auto given =
            std::find_if(campaign.data.asimov.begin(), campaign.data.asimov.end(),
                         [&](const auto& value) { return value.first == parameter.name; });
        theta.push_back(given == campaign.data.asimov.end() ? parameter.start : given->second);
    }
    return theta;
}

std::vector<FittedSet> fitted_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const RatioFile& ratios) {
    if (!campaign.data.sample.empty()) {
        const RatioSet& set = ratios.set(campaign.data.sample);
        return {{set.name, set.events, 1.0}};
    }
    return campaign.data.source == AsimovSource::reference ? reference_sets(ratios)
                                                           : sample_sets(campaign, model, ratios);
}

std::string data_description(const Campaign& campaign, const StatisticalModel& model) {
    if (!campaign.data.sample.empty())
        return fmt::format("events of sample {}", campaign.data.sample);
    std::string text = campaign.data.source == AsimovSource::reference
                           ? "Asimov data from the reference at "
                           : "Asimov data from the samples at ";
    const auto theta = asimov_point(campaign, model);
    for (std::size_t i = 0; i < theta.size(); ++i) {
        text += fmt::format("{}{} = {:g}", i == 0 ? "" : ", ", model.parameters[i].name, theta[i]);
    }
    return text;
}

namespace {

/// Events [first, last) of the joined sets.
EventSet read_events(const Campaign& campaign,
                     const StatisticalModel& model,
                     const RatioFile& ratios,
                     Range range) {
    const auto sets = fitted_sets(campaign, model, ratios);
    std::vector<std::uint64_t> sizes;
    EventSet events;
    for (const FittedSet& set : sets) {
        sizes.push_back(set.events);
        events.total += set.events;
    }
    const UnbinnedRegion& region = model.unbinned.front();
    for (const ProcessModel& process : region.processes) events.processes.push_back(process.name);
    events.offset = range.first;
    for (const SetRows& part : rows_of_range(sizes, range)) {
        const FittedSet& set = sets[part.set];
        const RatioRows rows = ratios.read_rows(set.sample, part.rows);
        append_events(events, rows.weight, rows.log_r, set.factor,
                      {set.sample, events.size(), part.rows.first});
    }
    if (!campaign.data.sample.empty()) return unweighted(std::move(events));
    if (campaign.data.source == AsimovSource::reference) {
        // The factors above already give the reference a total weight of one.
        return asimov_from_reference(model, region, asimov_point(campaign, model),
                                     std::move(events), 1.0);
    }
    return events;
}

}  // namespace

LikelihoodData load_data(const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFile& ratios) {
    EventSource source;
    for (const FittedSet& set : fitted_sets(campaign, model, ratios)) source.total += set.events;
    for (const ProcessModel& process : model.unbinned.front().processes) {
        source.processes.push_back(process.name);
    }
    const auto one_at_a_time = std::make_shared<std::mutex>();  // HDF5 is not made for threads
    source.read = [&campaign, &model, &ratios, one_at_a_time](Range range) {
        const std::lock_guard lock(*one_at_a_time);
        return read_events(campaign, model, ratios, range);
    };
    return {{std::move(source)}, {}};
}

}  // namespace ratiofarm
