#include "events.hpp"

#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/split.hpp"

#include "mapped_sample.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t training = 0;
constexpr std::size_t validation = 1;

/// The events of one component that fall into one part.
struct Part {
    std::vector<std::uint64_t> rows;
    double weight = 0.0;           ///< sum
    double absolute_weight = 0.0;  ///< sum of absolute values
    double scale = 0.0;            ///< factor of each weight
};

struct Component {
    MappedSample sample;
    float label;
    double fraction;  ///< of its class
    std::array<Part, 2> parts;
    std::uint64_t negative_weights = 0;
};

void require_usable(const Component& component, std::size_t which) {
    const Part& part = component.parts[which];
    const std::string name = which == training ? "training" : "validation";
    if (part.rows.empty()) {
        throw DataError(component.sample.name() + ": no " + name + " event among its " +
                        std::to_string(component.sample.events()) +
                        " (give it more events, or raise [split] " +
                        (which == training ? "train" : "validation") + ")");
    }
    if (!(part.weight > 0.0)) {
        throw DataError(component.sample.name() + ": the weights of its " +
                        std::to_string(part.rows.size()) + " " + name + " events sum to " +
                        std::to_string(part.weight) + " (must be > 0)");
    }
}

void sort_into_parts(Component& component, const Split& split) {
    for (std::uint64_t row = 0; row < component.sample.events(); ++row) {
        const SplitPart where = split_part(component.sample.id(row), split);
        if (where != SplitPart::train && where != SplitPart::validation) continue;
        Part& part = component.parts[where == SplitPart::train ? training : validation];
        const double weight = component.sample.weight(row);
        part.rows.push_back(row);
        part.weight += weight;
        part.absolute_weight += std::abs(weight);
        if (weight < 0.0) ++component.negative_weights;
    }
    require_usable(component, training);
    require_usable(component, validation);
}

void add_class(std::vector<Component>& components,
               const std::vector<ClassComponent>& members,
               float label,
               const TrainRequest& request) {
    double total = 0.0;
    for (const ClassComponent& member : members) total += member.fraction;
    for (const ClassComponent& member : members) {
        Component component{.sample = MappedSample(member.sample, request.features),
                            .label = label,
                            .fraction = member.fraction / total,
                            .parts = {}};
        sort_into_parts(component, request.split);
        components.push_back(std::move(component));
    }
}

std::uint64_t count_events(const std::vector<Component>& components, std::size_t which) {
    return std::accumulate(components.begin(), components.end(), std::uint64_t{0},
                           [&](std::uint64_t sum, const Component& component) {
                               return sum + component.parts[which].rows.size();
                           });
}

/// Component sum = fraction, hence class sum 1 and both together 2; then the mean becomes 1.
void balance(std::vector<Component>& components, std::size_t which) {
    const double mean = 2.0 / static_cast<double>(count_events(components, which));
    for (Component& component : components) {
        Part& part = component.parts[which];
        part.scale = component.fraction / part.weight / mean;
    }
}

/// sum over training events of |w| f(x) / sum of |w|, components by fraction.
template <class F>
double training_mean(const std::vector<Component>& components, std::size_t input, F&& f) {
    double mean = 0.0;
    double fractions = 0.0;
    for (const Component& component : components) {
        const Part& part = component.parts[training];
        double sum = 0.0;
        for (const std::uint64_t row : part.rows) {
            sum += std::abs(component.sample.weight(row)) *
                   f(static_cast<double>(component.sample.feature(row, input)));
        }
        mean += component.fraction * sum / part.absolute_weight;
        fractions += component.fraction;
    }
    return mean / fractions;
}

void scale_features(TrainingEvents& events,
                    const std::vector<Component>& components,
                    std::size_t inputs) {
    for (std::size_t input = 0; input < inputs; ++input) {
        const double mean = training_mean(components, input, [](double x) { return x; });
        const double variance =
            training_mean(components, input, [&](double x) { return (x - mean) * (x - mean); });
        // Below this the deviation is rounding of a constant, not a width.
        const bool varies = variance > 1e-14 * mean * mean && variance > 0.0;
        events.feature_shift.push_back(static_cast<float>(mean));
        events.feature_scale.push_back(varies ? static_cast<float>(1.0 / std::sqrt(variance))
                                              : 1.0F);
    }
}

EventTable fill(const TrainingEvents& events,
                const std::vector<Component>& components,
                std::size_t which) {
    const std::size_t inputs = events.feature_shift.size();
    EventTable table{
        .events = count_events(components, which), .columns = inputs + 2, .values = {}};
    table.values.reserve(table.events * table.columns);
    for (const Component& component : components) {
        const Part& part = component.parts[which];
        for (const std::uint64_t row : part.rows) {
            for (std::size_t input = 0; input < inputs; ++input) {
                const float raw = component.sample.feature(row, input);
                table.values.push_back((raw - events.feature_shift[input]) *
                                       events.feature_scale[input]);
            }
            table.values.push_back(component.label);
            table.values.push_back(static_cast<float>(component.sample.weight(row) * part.scale));
        }
    }
    return table;
}

}  // namespace

TrainingEvents load_training_events(const TrainRequest& request) {
    RATIOFARM_EXPECT(request.features.size() == request.network.inputs);
    std::vector<Component> components;
    add_class(components, request.numerator, 1.0F, request);
    add_class(components, request.denominator, 0.0F, request);
    balance(components, training);
    balance(components, validation);

    TrainingEvents events;
    for (const Component& component : components) {
        events.negative_weights += component.negative_weights;
    }
    scale_features(events, components, request.features.size());
    events.training = fill(events, components, training);
    events.validation = fill(events, components, validation);
    return events;
}

EventTable load_inference_events(const InferRequest& request) {
    RATIOFARM_EXPECT(request.features.size() == request.network.inputs);
    const MappedSample sample(request.sample, request.features);
    if (request.first > sample.events() || request.count > sample.events() - request.first) {
        throw DataError(sample.name() + ": rows " + std::to_string(request.first) + " to " +
                        std::to_string(request.first + request.count) + " reach beyond its " +
                        std::to_string(sample.events()) + " events");
    }
    EventTable table{.events = 0, .columns = request.features.size(), .values = {}};
    for (std::uint64_t row = request.first; row < request.first + request.count; ++row) {
        if (split_part(sample.id(row), request.split) != SplitPart::inference) continue;
        ++table.events;
        for (std::size_t input = 0; input < request.features.size(); ++input) {
            table.values.push_back(sample.feature(row, input));
        }
    }
    return table;
}

}  // namespace ratiofarm
