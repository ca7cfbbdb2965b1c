#include "inference_events.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "tables/events/event_rows.hpp"

namespace ratiofarm {
namespace {

/// Columns of a row-major matrix. \param values [n, width]
std::vector<std::vector<float>> columns_of(const std::vector<float>& values, std::size_t width) {
    std::vector<std::vector<float>> columns(values.empty() ? 0 : width);
    for (std::size_t c = 0; c < columns.size(); ++c) {
        columns[c].reserve(values.size() / width);
        for (std::size_t i = c; i < values.size(); i += width) columns[c].push_back(values[i]);
    }
    return columns;
}

/// The named columns of the events file at the given rows; empty if one is not there.
std::vector<std::vector<float>> features_of(const SampleInfo& info,
                                            const std::vector<std::uint64_t>& rows,
                                            const std::vector<std::string>& names) {
    std::vector<std::vector<float>> features;
    for (const std::string& name : names) {
        auto values = column_at_rows(info, rows, name);
        if (!values) return {};
        features.push_back(std::move(*values));
    }
    return features;
}

InferenceSample load(const RatioFile& ratios,
                     const std::string& name,
                     const SampleInfo* info,
                     const std::vector<std::string>& features) {
    const Range all{0, ratios.set(name).events};
    const std::size_t processes = ratios.header().processes.size();
    InferenceSample sample;
    sample.name = name;
    sample.info = info;
    for (const ReferenceComponent& component : ratios.header().reference) {
        if (component.sample == name) sample.fraction += component.fraction;
    }
    RatioRows rows = ratios.read_rows(name, all);
    sample.weight = std::move(rows.weight);
    sample.log_ratio = columns_of(rows.log_r, processes);
    sample.log_ratio.resize(processes);
    RatioColumns columns = ratios.read_columns(name, all);
    sample.spread = columns_of(columns.spread, processes);
    sample.row = std::move(columns.row);
    if (info != nullptr && sample.row.size() == all.size()) {
        sample.feature = features_of(*info, sample.row, features);
    }
    return sample;
}

}  // namespace

InferenceEvents::InferenceEvents(const RatioFile& ratios,
                                 const std::vector<std::string>& names,
                                 std::span<const SampleInfo> samples,
                                 std::vector<std::string> features)
    : features_(std::move(features)) {
    for (const std::string& name : names) {
        const auto info = std::find_if(samples.begin(), samples.end(),
                                       [&](const SampleInfo& i) { return i.name == name; });
        samples_.push_back(load(ratios, name, info == samples.end() ? nullptr : &*info, features_));
    }
}

std::size_t InferenceEvents::index_of(const std::string& name) const {
    const auto found = std::find_if(samples_.begin(), samples_.end(),
                                    [&](const auto& sample) { return sample.name == name; });
    RATIOFARM_EXPECT(found != samples_.end());
    return static_cast<std::size_t>(found - samples_.begin());
}

bool InferenceEvents::has_features() const {
    return std::all_of(samples_.begin(), samples_.end(),
                       [](const auto& sample) { return !sample.feature.empty(); });
}

std::vector<SampleEvents> InferenceEvents::of_process(std::size_t process) const {
    std::vector<SampleEvents> events;
    for (const InferenceSample& sample : samples_) {
        events.push_back({sample.fraction, sample.weight, sample.log_ratio[process], {}});
        if (!sample.spread.empty()) events.back().spread = sample.spread[process];
    }
    return events;
}

std::vector<SampleEvents> InferenceEvents::of_process(std::size_t process,
                                                      std::size_t feature) const {
    std::vector<SampleEvents> events = of_process(process);
    for (std::size_t k = 0; k < events.size(); ++k)
        events[k].feature = samples_[k].feature[feature];
    return events;
}

double total_weight(std::span<const double> weights) {
    double total = 0.0;
    for (const double weight : weights) total += weight;
    if (!(total > 0.0)) {
        throw DataError("a sample's inference-split weights must have a positive sum");
    }
    return total;
}

double reference_mean(std::span<const SampleEvents> samples) {
    double mean = 0.0;
    for (const SampleEvents& sample : samples) {
        if (sample.fraction == 0.0) continue;
        RATIOFARM_EXPECT(sample.log_ratio.size() == sample.weight.size());
        double sum = 0.0;
        for (std::size_t i = 0; i < sample.weight.size(); ++i) {
            sum += sample.weight[i] * std::exp(static_cast<double>(sample.log_ratio[i]));
        }
        mean += sample.fraction * sum / total_weight(sample.weight);
    }
    return mean;
}

}  // namespace ratiofarm
