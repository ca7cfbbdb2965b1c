#include "training_events.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/split.hpp"

#include "core/seeds.hpp"
#include "protocol/list_quantities.hpp"
#include "protocol/particle_row.hpp"

#include "mapped_sample.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::size_t training = 0;
constexpr std::size_t validation = 1;

const char* part_name(std::size_t which) { return which == training ? "training" : "validation"; }

/// One component of a class: a sample's events with one of its weight columns.
struct Share {
    MappedSample sample;
    std::size_t label;  ///< number of its class; of a ratio 1 for the numerator, 0
    double fraction;    ///< of its class
};

/// Which weights the events get.
struct Draw {
    std::uint64_t replica = 0;
    bool is_ratio = true;
};

/// One sample and the components that its events are in.
struct Source {
    SampleColumns columns;
    std::vector<Share> shares;
    std::array<std::vector<std::uint64_t>, 2> rows;  ///< of training and validation

    const MappedSample& sample() const { return shares.front().sample; }
};

bool has_same_events(const SampleColumns& a, const SampleColumns& b) {
    return a.file == b.file && a.events == b.events && a.columns == b.columns &&
           a.features_offset == b.features_offset && a.id_offset == b.id_offset;
}

void add_class(std::vector<Source>& sources, const TrainRequest& request, std::size_t label) {
    const auto& components = !request.classes.empty() ? request.classes[label]
                             : label == 1             ? request.numerator
                                                      : request.denominator;
    double total = 0.0;
    for (const ClassComponent& component : components) total += component.fraction;
    for (const ClassComponent& component : components) {
        auto source = std::ranges::find_if(sources, [&](const Source& known) {
            return has_same_events(known.columns, component.sample);
        });
        if (source == sources.end()) {
            source = sources.insert(source, Source{component.sample, {}, {}});
        }
        source->shares.push_back({MappedSample(component.sample, request.features, request.network),
                                  label, component.fraction / total});
    }
}

void sort_into_parts(Source& source, const TrainRequest& request) {
    const MappedSample& sample = source.sample();
    const std::uint32_t half = request.nets.front().half;
    for (std::uint64_t row = 0; row < sample.events(); ++row) {
        const SplitPart part = part_for_nets(sample.id(row), request.split, request.fold);
        const bool learns = half == 0 || half == half_of(sample.id(row));
        if (part == SplitPart::train && learns) source.rows[training].push_back(row);
        if (part == SplitPart::validation) source.rows[validation].push_back(row);
    }
    for (const std::size_t which : {training, validation}) {
        if (!source.rows[which].empty()) continue;
        throw DataError(sample.name() + ": no " + part_name(which) + " event among its " +
                        std::to_string(sample.events()) +
                        " (give it more events, or raise [split] " +
                        (which == training ? "train" : "validation") + ")");
    }
}

std::uint64_t count_negative(const Source& source, NegativeWeights policy) {
    std::uint64_t negative = 0;
    std::uint64_t events = 0;
    for (const auto& rows : source.rows) {
        events += rows.size();
        for (const std::uint64_t row : rows) {
            const auto is_negative = [&](const Share& share) {
                return share.sample.weight(row) < 0.0;
            };
            if (std::ranges::any_of(source.shares, is_negative)) ++negative;
        }
    }
    if (negative > 0 && policy == NegativeWeights::refuse) {
        throw DataError(source.sample().name() + ": " + std::to_string(negative) + " of its " +
                        std::to_string(events) +
                        " training and validation events have a negative weight, which "
                        "training.negative_weights = \"refuse\" forbids (\"allow\" keeps them)");
    }
    return negative;
}

/// How often each row counts; replica 0: once.
std::vector<double> counts_of(const MappedSample& sample,
                              const std::vector<std::uint64_t>& rows,
                              std::uint64_t replica) {
    std::vector<double> counts(rows.size(), 1.0);
    if (replica == 0) return counts;
    std::ranges::transform(rows, counts.begin(), [&](std::uint64_t row) {
        return static_cast<double>(bootstrap_count(sample.id(row), replica));
    });
    return counts;
}

/// Factor of a component's weights that makes them sum to its fraction.
double scale_of(const Share& share,
                const std::vector<std::uint64_t>& rows,
                const std::vector<double>& counts,
                std::size_t which) {
    double sum = 0.0;
    for (std::size_t i = 0; i < rows.size(); ++i) sum += counts[i] * share.sample.weight(rows[i]);
    if (!(sum > 0.0)) {
        throw DataError(share.sample.name() + ": the weights of its " +
                        std::to_string(rows.size()) + " " + part_name(which) + " events sum to " +
                        std::to_string(sum) +
                        " (must be > 0; in a bootstrap replica, with its counts)");
    }
    return share.fraction / sum;
}

/// The number of its class is a column; of a ratio the columns are class 1 and both classes.
void add_weight(const Share& share, double weight, bool is_ratio, std::span<double> columns) {
    if (!is_ratio) {
        columns[share.label] += weight;
        return;
    }
    columns[1] += weight;
    if (share.label == 1) columns[0] += weight;
}

/// Appends one draw of the weights of a part.
void add_draw(TrainingRows& part,
              const std::vector<Source>& sources,
              std::size_t which,
              const Draw& draw) {
    const double classes = draw.is_ratio ? 2.0 : static_cast<double>(part.columns);
    const double mean = classes / static_cast<double>(part.rows);  // every class sums to 1
    std::vector<double> columns(part.columns);
    for (const Source& source : sources) {
        const auto& rows = source.rows[which];
        const auto counts = counts_of(source.sample(), rows, draw.replica);
        std::vector<double> scales;
        for (const Share& share : source.shares) {
            scales.push_back(scale_of(share, rows, counts, which) / mean);
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::fill(columns, 0.0);
            for (std::size_t k = 0; k < scales.size(); ++k) {
                const Share& share = source.shares[k];
                const double weight = counts[i] * scales[k] * share.sample.weight(rows[i]);
                add_weight(share, weight, draw.is_ratio, columns);
            }
            for (const double weight : columns) part.weights.push_back(static_cast<float>(weight));
        }
    }
}

/// [rows] weights of the training events in the feature scaling: absolute values, each component
/// by its fraction, all classes alike.
std::vector<double> scaling_weights(const std::vector<Source>& sources) {
    std::vector<double> weights;
    for (const Source& source : sources) {
        const auto& rows = source.rows[training];
        const std::size_t first = weights.size();
        weights.resize(first + rows.size());
        for (const Share& share : source.shares) {
            double sum = 0.0;
            for (const std::uint64_t row : rows) sum += std::abs(share.sample.weight(row));
            for (std::size_t i = 0; i < rows.size(); ++i) {
                weights[first + i] += share.fraction * std::abs(share.sample.weight(rows[i])) / sum;
            }
        }
    }
    return weights;
}

/// The features of a part; its weights follow draw by draw.
TrainingRows rows_of(const std::vector<Source>& sources,
                     std::size_t which,
                     const TrainRequest& request) {
    const std::size_t inputs = event_size(request.network);
    TrainingRows part{.rows = 0, .inputs = inputs, .features = {}, .weights = {}};
    if (!request.classes.empty()) part.columns = request.classes.size();
    for (const Source& source : sources) part.rows += source.rows[which].size();
    part.features.resize(part.rows * inputs);
    std::span<float> next(part.features);
    for (const Source& source : sources) {
        for (const std::uint64_t row : source.rows[which]) {
            source.sample().fill(row, next.first(inputs));
            next = next.subspan(inputs);
        }
    }
    return part;
}

/// What the closure of nets that read particle lists looks at beside features.
void add_list_values(TrainingRows& part, const std::vector<Source>& sources, std::size_t which) {
    part.list_columns = list_quantities;
    for (const Source& source : sources) {
        part.list_columns =
            std::min(part.list_columns, quantities_of(source.columns.particles.names));
    }
    part.list_values.reserve(part.rows * part.list_columns);
    for (const Source& source : sources) {
        const MappedLists lists(source.columns);
        for (const std::uint64_t row : source.rows[which]) {
            for (std::uint64_t quantity = 0; quantity < part.list_columns; ++quantity) {
                part.list_values.push_back(lists.value(row, static_cast<ListQuantity>(quantity)));
            }
        }
    }
}

/// The different replicas of the nets in the order of their first net.
std::vector<std::uint64_t> distinct_replicas(const TrainRequest& request,
                                             std::vector<std::uint32_t>& draw_of_net) {
    std::vector<std::uint64_t> replicas;
    for (const NetRequest& net : request.nets) {
        const auto known = std::ranges::find(replicas, net.replica);
        draw_of_net.push_back(static_cast<std::uint32_t>(known - replicas.begin()));
        if (known == replicas.end()) replicas.push_back(net.replica);
    }
    return replicas;
}

}  // namespace

TrainingEvents load_training_events(const TrainRequest& request) {
    RATIOFARM_EXPECT(request.features.size() == request.network.inputs && !request.nets.empty());
    const auto reads_alike = [&](const NetRequest& net) {
        return net.half == request.nets.front().half;
    };
    RATIOFARM_EXPECT(std::ranges::all_of(request.nets, reads_alike));
    std::vector<Source> sources;
    const bool is_ratio = request.classes.empty();
    const std::size_t classes = is_ratio ? 2 : request.classes.size();
    // The last class, of a ratio the numerator, comes first.
    for (std::size_t label = classes; label-- > 0;) add_class(sources, request, label);

    TrainingEvents events;
    for (Source& source : sources) {
        sort_into_parts(source, request);
        events.negative_weights += count_negative(source, request.training.negative_weights);
    }
    events.training = rows_of(sources, training, request);
    events.validation = rows_of(sources, validation, request);
    if (is_ratio && reads_lists(request.network)) {
        add_list_values(events.validation, sources, validation);
    }
    const auto replicas = distinct_replicas(request, events.draw_of_net);
    events.training.weights.reserve(replicas.size() * events.training.rows *
                                    events.training.columns);
    for (const std::uint64_t replica : replicas) {
        add_draw(events.training, sources, training, {replica, is_ratio});
        add_draw(events.validation, sources, validation, {replica, is_ratio});
    }
    events.scaling = event_scaling(
        {events.training.features, scaling_weights(sources), request.features, request.network},
        request.training.scaling);
    return events;
}

}  // namespace ratiofarm::trainer
