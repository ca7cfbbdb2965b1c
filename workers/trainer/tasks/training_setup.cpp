#include "training_setup.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "ratiofarm/core/errors.hpp"

#include "initial_row.hpp"

namespace ratiofarm {

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

TrainingEvents load_enough_events(const TrainRequest& request) {
    TrainingEvents events = load_training_events(request);
    if (request.training.batch > events.training.rows) {
        throw DataError("training.batch = " + std::to_string(request.training.batch) +
                        " is more than the training events (at most " +
                        std::to_string(events.training.rows) + ")");
    }
    return events;
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
    const auto inputs = static_cast<std::ptrdiff_t>(request.network.inputs);
    std::vector<TableReader> readers;
    for (std::size_t net = 0; net < request.nets.size(); ++net) {
        const auto row = state.nets[net].row.begin();
        readers.push_back(
            {.scaling = {.shift = {row, row + inputs}, .scale = {row + inputs, row + 2 * inputs}},
             .draw = events.draw_of_net[net],
             .shuffle_seed = request.nets[net].shuffle_seed});
    }
    return readers;
}

}  // namespace ratiofarm
