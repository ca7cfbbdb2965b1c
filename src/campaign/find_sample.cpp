#include "find_sample.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

const SampleInfo& find_sample(const std::vector<SampleInfo>& samples, std::string_view name) {
    const auto found = std::find_if(samples.begin(), samples.end(),
                                    [&](const SampleInfo& sample) { return sample.name == name; });
    if (found != samples.end()) return *found;
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

}  // namespace ratiofarm
