#include "fit_input.hpp"

#include <algorithm>

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
    for (const ProcessModel& process : model.processes) {
        sets.push_back(&ratios.set(campaign.process(process.name).sample));
        sums.push_back(sets.back()->sum_of_weights);
    }
    const auto factors = asimov_sample_factors(model, asimov_point(campaign, model), sums);
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
    in_context(ratios.path().string(), [&] {
        for (const RatioProcess& process : ratios.header().processes) {
            model.processes.push_back(
                {process.name, process.yield, campaign.process(process.name).coefficient});
        }
    });
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

EventSet load_events(const mpi::Communicator& world,
                     const Campaign& campaign,
                     const StatisticalModel& model,
                     const RatioFile& ratios) {
    const auto sets = fitted_sets(campaign, model, ratios);
    std::vector<std::uint64_t> sizes;
    EventSet events;
    for (const FittedSet& set : sets) {
        sizes.push_back(set.events);
        events.total += set.events;
    }
    for (const ProcessModel& process : model.processes) events.processes.push_back(process.name);
    const Range mine = events_of_rank(world, events.total);
    events.offset = mine.first;
    for (const SetRows& part : rows_of_range(sizes, mine)) {
        const FittedSet& set = sets[part.set];
        const RatioRows rows = ratios.read_rows(set.sample, part.rows);
        append_events(events, rows.weight, rows.log_r, set.factor,
                      {set.sample, events.size(), part.rows.first});
    }
    if (!campaign.data.sample.empty()) return unweighted(std::move(events));
    if (campaign.data.source == AsimovSource::reference) {
        // The factors above already give the reference a total weight of one.
        return asimov_from_reference(model, asimov_point(campaign, model), std::move(events), 1.0);
    }
    return events;
}

}  // namespace ratiofarm
