#include "inference_events.hpp"

#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/split.hpp"

#include "protocol/particle_row.hpp"

namespace ratiofarm::trainer {
namespace {

bool is_of_part(std::uint64_t id, const InferRequest& request) {
    switch (request.part) {
        case EventPart::inference: return split_part(id, request.split) == SplitPart::inference;
        case EventPart::validation: return split_part(id, request.split) == SplitPart::validation;
        case EventPart::all: return true;
    }
    return false;
}

}  // namespace

InferenceEvents::InferenceEvents(const InferRequest& request)
    : sample_(request.sample, request.features, request.network),
      size_(event_size(request.network)) {
    RATIOFARM_EXPECT(request.features.size() == request.network.inputs);
    if (request.first > sample_.events() || request.count > sample_.events() - request.first) {
        throw DataError(sample_.name() + ": rows " + std::to_string(request.first) + " to " +
                        std::to_string(request.first + request.count) + " reach beyond its " +
                        std::to_string(sample_.events()) + " events");
    }
    for (std::uint64_t row = request.first; row < request.first + request.count; ++row) {
        if (is_of_part(sample_.id(row), request)) rows_.push_back(row);
    }
}

std::vector<std::uint64_t> InferenceEvents::of_fold(std::uint32_t fold, std::uint32_t folds) const {
    std::vector<std::uint64_t> events;
    for (std::uint64_t event = 0; event < count(); ++event) {
        if (folds == 1 || fold_of(id(event), folds) == fold) events.push_back(event);
    }
    return events;
}

void InferenceEvents::gather(std::span<const std::uint64_t> events, std::span<float> values) const {
    RATIOFARM_EXPECT(values.size() == events.size() * size_);
    for (const std::uint64_t event : events) {
        sample_.fill(rows_[event], values.first(size_));
        values = values.subspan(size_);
    }
}

}  // namespace ratiofarm::trainer
