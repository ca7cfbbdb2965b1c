#include "find_sample.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "task_graph.hpp"

namespace ratiofarm {

const SampleInfo* sample_if_there(const std::vector<SampleInfo>& samples, std::string_view name) {
    const auto found = std::ranges::find(samples, name, &SampleInfo::name);
    return found == samples.end() ? nullptr : &*found;
}

const SampleInfo& find_sample(const std::vector<SampleInfo>& samples, std::string_view name) {
    if (const SampleInfo* found = sample_if_there(samples, name)) return *found;
    std::vector<std::string> names;
    for (const SampleInfo& sample : samples) names.push_back(sample.name);
    throw DataError("sample '" + std::string(name) + "' is not among those read" +
                    did_you_mean(name, names));
}

const SampleWeights& find_weights(const SampleInfo& sample, std::string_view name) {
    const auto found =
        std::find_if(sample.weights.begin(), sample.weights.end(),
                     [&](const SampleWeights& weights) { return weights.name == name; });
    if (found != sample.weights.end()) return *found;
    std::vector<std::string> names;
    for (const SampleWeights& weights : sample.weights) names.push_back(weights.name);
    throw DataError("sample '" + sample.name + "' was read without the weights '" +
                    std::string(name) + "'" + did_you_mean(name, names));
}

std::vector<std::string> campaign_samples(const Campaign& campaign) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const ProcessSection& process : campaign.processes) add(process.events());
    const std::string data = campaign.data.fitted_sample();
    if (!data.empty()) add(data);
    for (const Injection& injection : campaign.data.injections) {
        if (!injection.sample.empty()) add(injection.sample);
    }
    return names;
}

namespace {

/// \param add returns the sample of a name, whether it is new or not
void add_unfolding(const UnfoldingSection& unfolding, const auto& add) {
    const auto add_simulation = [&](const std::string& name) -> SampleToRead& {
        SampleToRead& sample = add(name);
        sample.levels = true;
        sample.truth = unfolding.truth;
        for (const auto& observable : unfolding.observables) {
            if (std::ranges::find(sample.truth, observable.column) == sample.truth.end()) {
                sample.truth.push_back(observable.column);
            }
        }
        return sample;
    };
    add(unfolding.data);
    add_simulation(unfolding.simulation);
    for (const auto& variation : unfolding.variations) {
        SampleToRead& sample =
            add_simulation(variation.weight.empty() ? variation.simulation : unfolding.simulation);
        if (variation.weight.empty()) continue;
        if (std::ranges::find(sample.weights, variation.weight) != sample.weights.end()) continue;
        sample.weights.push_back(variation.weight);
    }
    for (const std::string& name : unfolding.background) add(name);
    if (!unfolding.pretraining.empty()) add_simulation(unfolding.pretraining);
    for (const std::string& name : unfolding.compare) add_simulation(name);
}

}  // namespace

std::vector<SampleToRead> samples_to_read(const Campaign& campaign) {
    std::vector<SampleToRead> samples;
    const bool particles = reads_lists(campaign.network) ||
                           (campaign.preselection && reads_lists(campaign.preselection->network));
    const auto add = [&](const std::string& name) -> SampleToRead& {
        const auto known =
            std::find_if(samples.begin(), samples.end(),
                         [&](const SampleToRead& sample) { return sample.name == name; });
        return known != samples.end() ? *known
                                      : samples.emplace_back(SampleToRead{name, {}, particles});
    };
    if (campaign.unfolding) {
        add_unfolding(*campaign.unfolding, add);
        return samples;
    }
    for (const std::string& name : campaign_samples(campaign)) add(name);
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            for (const std::string& side : {shape.up, shape.down}) {
                if (shape.source == SystematicSection::Source::samples) add(side);
                if (shape.source != SystematicSection::Source::weights) continue;
                auto& weights = add(campaign.process(shape.process).events()).weights;
                if (std::ranges::find(weights, side) == weights.end()) weights.push_back(side);
            }
        }
    }
    return samples;
}

Split inference_split(const Campaign& campaign, std::string_view sample) {
    const auto is_sample = [&](const Injection& injection) { return injection.sample == sample; };
    const bool trains_nothing =
        !sample.empty() && (sample == campaign.data.sample ||
                            std::ranges::any_of(campaign.data.injections, is_sample));
    return trains_nothing ? Split{.train = 0.0, .validation = 0.0, .inference = 1.0}
                          : campaign.split;
}

}  // namespace ratiofarm
