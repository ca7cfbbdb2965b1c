#include "changed_events.hpp"

#include <utility>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

EventSource with_log_ratios(EventSource source, std::function<std::vector<double>(Range)> log_r) {
    source.read = [read = std::move(source.read), log_r = std::move(log_r)](Range range) {
        EventSet events = read(range);
        std::vector<double> values = log_r(range);
        RATIOFARM_EXPECT(values.size() == events.log_r.size());
        events.log_r = std::move(values);
        return events;
    };
    return source;
}

EventSource with_shapes(EventSource source,
                        const std::vector<ShapeColumn>& columns,
                        std::function<std::vector<float>(Range)> delta) {
    source.shapes.insert(source.shapes.end(), columns.begin(), columns.end());
    source.read = [read = std::move(source.read), columns, delta = std::move(delta)](Range range) {
        EventSet events = read(range);
        const std::vector<float> values = delta(range);
        RATIOFARM_EXPECT(values.size() == columns.size() * events.size());
        events.shapes.insert(events.shapes.end(), columns.begin(), columns.end());
        for (std::size_t c = 0; c < columns.size(); ++c) {
            for (const float sign : {1.0F, -1.0F}) {
                for (std::uint64_t i = 0; i < events.size(); ++i) {
                    events.log_g.push_back(sign * values[c * events.size() + i]);
                }
            }
        }
        return events;
    };
    return source;
}

}  // namespace ratiofarm
