#include "training_setup.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <numeric>
#include <set>
#include <string>

#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

#include "initial_row.hpp"

namespace ratiofarm::trainer {

void require_sensible(const TrainRequest& request) {
    const TrainingOptions& options = request.training;
    if (options.epochs == 0 || options.batch == 0 || options.threads == 0) {
        throw ConfigError("training: epochs, batch and threads must be at least 1");
    }
    if (request.network.hidden.empty() || std::ranges::count(request.network.hidden, 0U) > 0) {
        throw ConfigError("network.hidden: at least one hidden layer, none of width 0");
    }
    const std::size_t outputs = request.classes.empty() ? 1 : request.classes.size();
    if (request.network.outputs != outputs || request.classes.size() == 1) {
        throw ConfigError("a network of " + std::to_string(request.network.outputs) +
                          " outputs cannot learn " + std::to_string(request.classes.size()) +
                          " classes (a ratio has one output and no classes; a classifier at least "
                          "two, one output for each)");
    }
    if (outputs > 1 && options.calibration != CalibrationMethod::none) {
        throw ConfigError("training.calibration: a classifier cannot be calibrated (use \"none\")");
    }
}

void expect_enough(const TrainingEvents& events, const TrainRequest& request) {
    if (request.training.batch > events.training.rows) {
        throw DataError("training.batch = " + std::to_string(request.training.batch) +
                        " is more than the training events (at most " +
                        std::to_string(events.training.rows) + ")");
    }
}

TrainingState first_state(const TrainRequest& request, const FeatureScaling& scaling) {
    TrainingState state;
    for (const NetRequest& net : request.nets) {
        NetState fresh;
        fresh.row = in_context(net.name, [&] {
            return net.warm_start.path.empty()
                       ? initial_row(request.network, net.initialisation_seed, scaling.shift,
                                     scaling.scale)
                       : warm_start_row(request.network, net.warm_start);
        });
        fresh.first_moment.resize(trainable_size(request.network));
        fresh.second_moment.resize(trainable_size(request.network));
        fresh.best_validation_loss = std::numeric_limits<double>::infinity();
        state.nets.push_back(std::move(fresh));
    }
    return state;
}

std::vector<TableReader> readers_of(const TrainRequest& request,
                                    const TrainingEvents& events,
                                    const TrainingState& state) {
    const std::size_t inputs = scaled_inputs(request.network);
    std::vector<TableReader> readers;
    for (std::size_t net = 0; net < request.nets.size(); ++net) {
        const std::span row(state.nets[net].row);
        readers.push_back(
            {.scaling = {.shift = for_event(request.network, row.first(inputs), 0.0F),
                         .scale = for_event(request.network, row.subspan(inputs, inputs), 1.0F)},
             .draw = events.draw_of_net[net],
             .shuffle_seed = request.nets[net].shuffle_seed});
    }
    return readers;
}

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
    // Copies of the weights: themselves, gradient, two moments, denominator, best ones, average.
    const double copies = request.training.average == Average::none ? 6.0 : 7.0;
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
    const double columns = static_cast<double>(event_size(request.network)) +
                           weights * static_cast<double>(replicas.size());
    return {.nets = 4.0 * copies * nets * static_cast<double>(trainable_size(request.network)),
            .passes = 4.0 * 2.0 * nets * request.training.batch * sum_of_widths(request.network) +
                      pass_bytes(request.network, request.training.batch),
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

}  // namespace ratiofarm::trainer
