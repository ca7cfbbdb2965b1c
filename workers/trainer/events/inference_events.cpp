#include "inference_events.hpp"

#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/split.hpp"

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
    : sample_(request.sample, request.features), inputs_(request.features.size()) {
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
    RATIOFARM_EXPECT(values.size() == events.size() * inputs_);
    auto* value = values.data();
    for (const std::uint64_t event : events) {
        for (std::size_t input = 0; input < inputs_; ++input) {
            *value++ = sample_.feature(rows_[event], input);
        }
    }
}

}  // namespace ratiofarm::trainer
