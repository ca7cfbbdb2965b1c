#include "toys_rows.hpp"

#include <cstddef>

namespace ratiofarm {

EventSet joined(const std::vector<ToyRows>& parts) {
    EventSet toy;
    toy.processes = parts.front().events->processes;
    toy.shapes = parts.front().events->shapes;
    for (const ToyRows& part : parts) toy.total += part.rows.size();
    const std::size_t s = toy.processes.size();
    const bool normalised = parts.back().as_reference;
    toy.log_r.reserve(toy.total * s);
    for (const ToyRows& part : parts) {
        for (const DrawnRow& drawn : part.rows) {
            toy.weight.push_back(part.as_reference ? 0.0 : static_cast<double>(drawn.times));
            if (normalised) {
                toy.reference.push_back(part.as_reference ? part.events->reference[drawn.row]
                                                          : 0.0);
            }
            const double* log_r = part.events->log_r.data() + drawn.row * s;
            toy.log_r.insert(toy.log_r.end(), log_r, log_r + s);
        }
    }
    toy.log_g.reserve(2 * toy.shapes.size() * toy.total);
    for (std::size_t column = 0; column < 2 * toy.shapes.size(); ++column) {
        for (const ToyRows& part : parts) {
            const float* log_g = part.events->log_g.data() + column * part.events->size();
            for (const DrawnRow& drawn : part.rows) toy.log_g.push_back(log_g[drawn.row]);
        }
    }
    return toy;
}

std::vector<DrawnRow> all_rows(const EventSet& events) {
    std::vector<DrawnRow> rows;
    for (std::uint64_t i = 0; i < events.size(); ++i) rows.push_back({i, 1});
    return rows;
}

}  // namespace ratiofarm
