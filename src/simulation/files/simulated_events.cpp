#include "simulated_events.hpp"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

using Source = SystematicSection::Source;
constexpr std::array sides{Side::up, Side::down};

/// How a variation of a sample is stored: as samples or as columns of weights, up and down.
struct Storage {
    Source source = Source::samples;
    std::array<std::string, 2> names;
};

std::string name_of(SimulatedSample sample) { return std::string(simulated_sample_name(sample)); }

Storage storage_of(const Campaign& campaign,
                   const ModelVariation& variation,
                   SimulatedSample sample) {
    for (const SystematicSection& systematic : campaign.systematics) {
        if (systematic.name != variation.name || !systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.source == Source::ratio_file) continue;
            if (campaign.process(shape.process).sample != name_of(sample)) continue;
            return {shape.source, {shape.up, shape.down}};
        }
    }
    const std::string name = name_of(sample) + "_" + variation.name;
    return {Source::samples, {name + "_up", name + "_down"}};
}

/// Calls visit(variation, sample, storage) for each density that moves.
template <class Visit>
void for_each_variation(const Campaign& campaign, const VariedDensities& model, Visit&& visit) {
    for (std::size_t v = 0; v < campaign.simulate->systematics.size(); ++v) {
        for (const SimulatedSample sample : simulated_samples) {
            const ModelVariation& variation = model.variations()[v];
            if (!changes_shape(variation, sample)) continue;
            visit(v, sample, storage_of(campaign, variation, sample));
        }
    }
}

EventSample draw(const Campaign& campaign, const ModelDensities& model, SimulatedSample sample) {
    const SimulateSection& settings = *campaign.simulate;
    SimulatedEvents events =
        simulate(model, sample, {0, settings.events}, settings.events, settings.seed);
    LogDensity exact;
    for (const SimulatedSample column : simulated_samples)
        exact.processes.push_back(name_of(column));
    exact.values = std::move(events.log_densities);
    return {.name = name_of(sample),
            .columns = campaign.events.features,
            .features = std::move(events.features),
            .weight = std::move(events.weight),
            .id = std::move(events.id),
            .log_density = std::move(exact)};
}

/// w p_varied(x) / p(x), with the change of the yield.
std::vector<double> varied_weights(const EventSample& events,
                                   const ModelDensities& nominal,
                                   const ModelDensities& varied,
                                   SimulatedSample sample) {
    const auto column = static_cast<std::size_t>(sample);
    const double yield = varied.yield(sample) / nominal.yield(sample);
    const std::size_t width = events.columns.size();
    std::vector<double> weights;
    std::vector<double> x(width);
    for (std::size_t row = 0; row < events.weight.size(); ++row) {
        for (std::size_t i = 0; i < width; ++i) x[i] = events.features[row * width + i];
        const double log_g = varied.log_densities(x)[column] - nominal.log_densities(x)[column];
        weights.push_back(events.weight[row] * yield * std::exp(log_g));
    }
    return weights;
}

EventSample& sample_named(std::vector<EventSample>& samples, const std::string& name) {
    for (EventSample& sample : samples) {
        if (sample.name == name) return sample;
    }
    RATIOFARM_EXPECT(false);
    return samples.front();
}

SampleInfo info_of(const Campaign& campaign, const ModelDensities& model, SimulatedSample sample) {
    const Split& split = campaign.split;
    const auto all = static_cast<double>(campaign.simulate->events);
    // With folds a net learns from the others, where training and validation share all events.
    const double to_train = split.folds == 0 ? split.train
                                             : split.train / (split.train + split.validation) *
                                                   (split.folds - 1) / split.folds;
    SampleInfo info;
    info.name = info.columns.sample = name_of(sample);
    info.columns.events = campaign.simulate->events;
    info.columns.columns = model.dimension();
    info.column_names = campaign.events.features;
    info.sum_of_weights = model.yield(sample);
    info.training_events = static_cast<std::uint64_t>(all * to_train);
    info.inference_events = static_cast<std::uint64_t>(all * split.inference);
    return info;
}

}  // namespace

std::vector<EventSample> simulated_events(const Campaign& campaign, const VariedDensities& model) {
    std::vector<EventSample> samples;
    for (const SimulatedSample sample : simulated_samples) {
        samples.push_back(draw(campaign, model.nominal(), sample));
    }
    for_each_variation(
        campaign, model, [&](std::size_t v, SimulatedSample sample, const Storage& storage) {
            for (std::size_t side = 0; side < sides.size(); ++side) {
                const ModelDensities& varied = model.at(v, sides[side]);
                if (storage.source == Source::weights) {
                    EventSample& nominal = sample_named(samples, name_of(sample));
                    nominal.weights.push_back(
                        {storage.names[side],
                         varied_weights(nominal, model.nominal(), varied, sample)});
                    continue;
                }
                EventSample events = draw(campaign, varied, sample);
                events.name = storage.names[side];
                events.log_density.reset();  // exact densities are of the nominal samples
                samples.push_back(std::move(events));
            }
        });
    return samples;
}

std::vector<SampleInfo> simulated_sample_info(const Campaign& campaign,
                                              const VariedDensities& model) {
    std::vector<SampleInfo> samples;
    for (const SimulatedSample sample : simulated_samples) {
        samples.push_back(info_of(campaign, model.nominal(), sample));
    }
    for_each_variation(
        campaign, model, [&](std::size_t v, SimulatedSample sample, const Storage& storage) {
            for (std::size_t side = 0; side < sides.size(); ++side) {
                SampleInfo info = info_of(campaign, model.at(v, sides[side]), sample);
                if (storage.source == Source::weights) {
                    samples[static_cast<std::size_t>(sample)].weights.push_back(
                        {storage.names[side], 0, {}, info.sum_of_weights});
                    continue;
                }
                info.name = info.columns.sample = storage.names[side];
                samples.push_back(std::move(info));
            }
        });
    return samples;
}

}  // namespace ratiofarm
