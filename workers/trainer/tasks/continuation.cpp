#include "continuation.hpp"

#include <algorithm>

#include "training_setup.hpp"

namespace ratiofarm {

std::uint32_t last_epoch(const TrainRequest& request) {
    const std::uint32_t epochs = request.training.epochs;
    const std::uint32_t stop = request.continuation.stop_epoch;
    return stop == 0 ? epochs : std::min(stop, epochs);
}

bool is_to_be_continued(const TrainRequest& request) {
    return last_epoch(request) < request.training.epochs;
}

Beginning beginning_of(const TrainRequest& request,
                       const FeatureScaling& scaling,
                       const TrainingStateStore& store,
                       const Log& log) {
    if (auto saved = store.newest(request)) return {std::move(*saved), true};
    const Continuation& continuation = request.continuation;
    if (continuation.from_path.empty()) return {first_state(request, scaling), false};
    const TrainingStateStore before(continuation.from_path, continuation.from_task, log);
    if (auto saved = before.newest(request)) return {std::move(*saved), false};
    log.warning("the state of the previous rung is gone: starting again",
                {{"task", request.name}, {"file", continuation.from_path}});
    return {first_state(request, scaling), true};
}

}  // namespace ratiofarm
