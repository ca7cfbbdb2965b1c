#include "task_digest.hpp"

#include <bit>

#include "find_sample.hpp"

namespace ratiofarm {
namespace {

/// The wire encoding is complete by construction: a new member of a struct enters its digest.
template <class T>
void add_encoded(Hasher& hasher, const T& value) {
    const std::vector<std::byte> bytes = encode(value);
    hasher.number(bytes.size()).bytes(bytes);
}

void add_class(Hasher& hasher,
               const std::vector<ClassComponent>& components,
               const std::vector<SampleInfo>& samples) {
    hasher.number(components.size());
    for (const ClassComponent& component : components) {
        hasher.digest(find_sample(samples, component.sample.sample).digest);
        add_number(hasher, component.fraction);
    }
}

}  // namespace

Hasher& add_number(Hasher& hasher, double value) {
    return hasher.number(std::bit_cast<std::uint64_t>(value));
}

Digest train_digest(const TrainRequest& request,
                    const std::vector<SampleInfo>& samples,
                    std::string_view device_class) {
    Hasher hasher;
    hasher.text("train").number(training_algorithm).text(device_class);
    add_class(hasher, request.numerator, samples);
    add_class(hasher, request.denominator, samples);
    add_encoded(hasher, request.split);
    add_encoded(hasher, request.network);
    TrainingOptions options = request.training;
    options.checkpoint_seconds = 0.0;  // when a training pauses does not change what it learns
    add_encoded(hasher, options);
    hasher.number(request.fold).number(request.nets.size());
    for (const NetRequest& net : request.nets) {
        hasher.number(net.initialisation_seed).number(net.shuffle_seed).number(net.replica);
        add_number(hasher, net.rate_factor);
        hasher.digest(net.warm_start.task).number(net.warm_start.net);
    }
    return hasher.finish();
}

Digest infer_digest(const InferRequest& request,
                    const Digest& ensemble,
                    const SampleInfo& sample,
                    std::string_view device_class) {
    Hasher hasher;
    hasher.text("infer").number(training_algorithm).text(device_class);
    hasher.digest(ensemble).digest(sample.digest);
    hasher.number(request.first).number(request.count);
    add_encoded(hasher, request.split);
    add_encoded(hasher, request.network);
    hasher.number(request.members).number(static_cast<std::uint64_t>(request.combine));
    hasher.number(request.threads);
    return hasher.finish();
}

}  // namespace ratiofarm
