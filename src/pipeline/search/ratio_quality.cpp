#include "ratio_quality.hpp"

#include <numeric>
#include <optional>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "protocol/list_quantities.hpp"
#include "workers/trainer/quality/net_quality.hpp"

namespace ratiofarm {

void ScoredRatioEvents::add(std::span<const double> weight, double numerator, double denominator) {
    RATIOFARM_EXPECT(weight.size() == log_ratio.size());
    const double scale = 1.0 / std::accumulate(weight.begin(), weight.end(), 0.0);
    const std::size_t columns = features + 2;
    for (std::size_t event = 0; event < weight.size(); ++event) {
        float* row = rows.data() + event * columns;
        row[features] += static_cast<float>(numerator * scale * weight[event]);
        row[features + 1] += static_cast<float>((numerator + denominator) * scale * weight[event]);
    }
}

ScoredRatioEvents ratio_events(const SampleInfo& sample,
                               std::span<const std::uint64_t> rows,
                               std::span<const std::uint32_t> features,
                               const Network& network,
                               std::vector<float> log_ratio) {
    const MappedSample mapped(sample);
    std::optional<MappedLists> lists;
    if (reads_lists(network)) lists.emplace(sample.columns);
    const std::uint64_t quantities = lists ? quantities_of(sample.columns.particles.names) : 0;
    ScoredRatioEvents events{.features = features.size() + quantities,
                             .log_ratio = std::move(log_ratio)};
    RATIOFARM_EXPECT(events.log_ratio.size() == rows.size());
    events.rows.reserve(rows.size() * (events.features + 2));
    for (const std::uint64_t row : rows) {
        for (const std::uint32_t column : features) {
            events.rows.push_back(mapped.features()[row * mapped.columns() + column]);
        }
        for (std::uint64_t quantity = 0; quantity < quantities; ++quantity) {
            events.rows.push_back(lists->value(row, static_cast<ListQuantity>(quantity)));
        }
        events.rows.insert(events.rows.end(), {0.0F, 0.0F});
    }
    return events;
}

NetQuality quality_of_ratio(std::span<const ScoredRatioEvents> events) {
    RATIOFARM_EXPECT(!events.empty());
    std::vector<float> rows;
    std::vector<float> logits;
    for (const ScoredRatioEvents& each : events) {
        RATIOFARM_EXPECT(each.features == events.front().features);
        rows.insert(rows.end(), each.rows.begin(), each.rows.end());
        logits.insert(logits.end(), each.log_ratio.begin(), each.log_ratio.end());
    }
    return trainer::measure_quality({rows, events.front().features + 2, logits});
}

}  // namespace ratiofarm
