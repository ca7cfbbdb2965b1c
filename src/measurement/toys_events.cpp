#include "toys_events.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/philox.hpp"

namespace ratiofarm {
namespace {

/// The rows of a list that are kept.
EventSet picked(const EventSet& events, const std::vector<std::uint64_t>& rows) {
    EventSet result;
    result.processes = events.processes;
    result.shapes = events.shapes;
    result.total = rows.size();
    result.weight.assign(rows.size(), 1.0);
    const std::size_t s = events.processes.size();
    for (const std::uint64_t row : rows) {
        const double* log_r = events.log_r.data() + row * s;
        result.log_r.insert(result.log_r.end(), log_r, log_r + s);
    }
    for (std::size_t column = 0; column < 2 * events.shapes.size(); ++column) {
        for (const std::uint64_t row : rows) {
            result.log_g.push_back(events.log_g[column * events.size() + row]);
        }
    }
    return result;
}

}  // namespace

std::shared_ptr<const EventSet> whole_list(const EventSource& source) {
    return std::make_shared<const EventSet>(source.read({0, source.total}));
}

std::vector<double> weights_of(const EventSource& source) {
    constexpr std::uint64_t step = 16384;
    std::vector<double> weights;
    weights.reserve(source.total);
    for (std::uint64_t first = 0; first < source.total; first += step) {
        const EventSet piece = source.read({first, std::min(first + step, source.total)});
        weights.insert(weights.end(), piece.weight.begin(), piece.weight.end());
    }
    return weights;
}

EventSet unweighted_events(const EventSet& events, const std::string& sample, std::uint64_t key) {
    double largest = 0.0;
    for (const double weight : events.weight) {
        if (weight < 0.0) {
            throw DataError(
                fmt::format("sample '{}' has negative weights: its events cannot be "
                            "thrown; throw from the mixture instead",
                            sample));
        }
        largest = std::max(largest, weight);
    }
    std::vector<std::uint64_t> rows;
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        const auto words = philox(key, 0, i);
        if (uniform01(words[0], words[1]) * largest < events.weight[i]) rows.push_back(i);
    }
    return picked(events, rows);
}

}  // namespace ratiofarm
