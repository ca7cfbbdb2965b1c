#include "memory_needs.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <set>

namespace ratiofarm {
namespace {

std::string gigabytes(double bytes) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g GB", bytes / 1e9);
    return text.data();
}

double sum_of_widths(const Network& network) {
    return std::accumulate(network.hidden.begin(), network.hidden.end(), 0.0);
}

}  // namespace

MemoryNeeds memory_needs(const TrainRequest& request) {
    const auto nets = static_cast<double>(request.nets.size());
    // Copies of the weights: themselves, gradient, two moments, denominator, best ones.
    constexpr double copies = 6.0;
    std::set<std::uint64_t> replicas;
    for (const NetRequest& net : request.nets) replicas.insert(net.replica);
    double rows = 0.0;
    const auto add_rows = [&](const std::vector<ClassComponent>& components) {
        for (const ClassComponent& component : components) {
            rows += static_cast<double>(component.sample.events);
        }
    };
    add_rows(request.numerator);
    add_rows(request.denominator);
    for (const auto& components : request.classes) add_rows(components);
    const double weights =
        request.classes.empty() ? 2.0 : static_cast<double>(request.classes.size());
    const double columns = static_cast<double>(request.features.size()) +
                           weights * static_cast<double>(replicas.size());
    return {.nets = 4.0 * copies * nets * static_cast<double>(trainable_size(request.network)),
            .passes = 4.0 * 2.0 * nets * request.training.batch * sum_of_widths(request.network),
            .events = 4.0 * rows * columns};
}

std::string what_to_shrink(const TrainRequest& request) {
    const MemoryNeeds needs = memory_needs(request);
    return "its " + std::to_string(request.nets.size()) + " nets need about " +
           gigabytes(needs.nets) + " (fewer with network.hidden or training.pack), batches of " +
           std::to_string(request.training.batch) + " events " + gigabytes(needs.passes) +
           " (training.batch), the events up to " + gigabytes(needs.events);
}

std::string what_to_shrink(const InferRequest& request) {
    const double weights =
        4.0 * request.members * static_cast<double>(trainable_size(request.network));
    return "its " + std::to_string(request.members) + " nets need about " + gigabytes(weights) +
           " (fewer with network.hidden or ensemble.members)";
}

}  // namespace ratiofarm
