#include "task_digest.hpp"

#include <bit>
#include <type_traits>
#include <utility>

#include "protocol/network_kinds.hpp"

#include "find_sample.hpp"
#include "made_from.hpp"

namespace ratiofarm {
namespace {

/// What a Hasher would be told, to be told again.
class Bytes {
public:
    Bytes& bytes(std::span<const std::byte> data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        return *this;
    }
    Bytes& number(std::uint64_t data) { return bytes(std::as_bytes(std::span(&data, 1))); }
    Bytes& text(std::string_view data) {
        return number(data.size()).bytes(std::as_bytes(std::span(data)));
    }
    Bytes& digest(const Digest& data) { return number(data.high).number(data.low); }

    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

void add_bytes(auto& hasher, const std::vector<std::byte>& bytes) {
    hasher.number(bytes.size()).bytes(bytes);
}

/// The wire encoding is complete by construction: a new member of a struct enters its digest.
void add_encoded(auto& hasher, const auto& value) { add_bytes(hasher, encode(value)); }

/// Likewise, without members that the resolved campaign leaves out, too: options that came later
/// and are not used, which older digests do not know.
void add_written(auto& hasher, const auto& value) {
    std::vector<std::byte> bytes;
    for_each_field(value, [&](std::string_view, const auto& member, const Key& key) {
        if (!key.written) return;
        const std::vector<std::byte> more = encode(member);
        bytes.insert(bytes.end(), more.begin(), more.end());
    });
    add_bytes(hasher, bytes);
}

void add_class(Bytes& hasher,
               const std::vector<SamplePart>& parts,
               const std::vector<SampleInfo>& samples) {
    hasher.number(parts.size());
    for (const SamplePart& part : parts) {
        const SampleInfo& sample = find_sample(samples, part.sample);
        hasher.digest(sample.digest);
        if (!part.weight.empty()) hasher.digest(find_weights(sample, part.weight).digest);
        hasher.number(std::bit_cast<std::uint64_t>(part.fraction));
    }
}

/// Raised when nets that share a CPU pack get other bits than before; nets alone keep their digest.
/// 1: those that each has alone.
constexpr std::uint64_t cpu_pack_algorithm = 1;

/// Raised when nets of kinds that read particle lists get other bits than before; the digests of
/// the others do not know it. 1: steps of some kinds are written out for CPUs.
constexpr std::uint64_t particle_algorithm = 1;

void add_particle_algorithm(Hasher& hasher, const Network& network, std::string_view device) {
    if (reads_particles(network.kind) && has_written_step(network.kind) && device == "cpu") {
        hasher.number(particle_algorithm);
    }
}

/// Adds what determines a result, member by member.
template <class T>
void add_result_fields(Hasher& hasher, const T& value) {
    for_each_field(value, [&](std::string_view, const auto& member, const Key& key) {
        using Member = std::decay_t<decltype(member)>;
        if (key.effect != Key::Effect::result) return;
        if constexpr (std::is_same_v<Member, double>) {
            add_number(hasher, member);
        } else if constexpr (std::is_integral_v<Member>) {
            hasher.number(member);
        } else if constexpr (std::is_same_v<Member, std::string>) {
            hasher.text(member);
        } else if constexpr (std::is_same_v<Member, Digest>) {
            hasher.digest(member);
        } else {
            add_result_fields(hasher, member);
        }
    });
}

/// Without what does not determine a result: when a training pauses, and how many nets a task has
/// (those of the task are what counts).
TrainingOptions result_options(TrainingOptions options) {
    for_each_field(options, [](std::string_view, auto& member, const Key& key) {
        if (key.effect != Key::Effect::result) member = {};
    });
    return options;
}

}  // namespace

Hasher& add_number(Hasher& hasher, double value) {
    return hasher.number(std::bit_cast<std::uint64_t>(value));
}

std::vector<std::byte> train_digest_prefix(const TrainRequest& request,
                                           const EnsembleSpec& ensemble,
                                           const GraphInputs& inputs) {
    Bytes hasher;
    hasher.text("train").number(training_algorithm).text(inputs.device_class);
    add_class(hasher, ensemble.numerator, inputs.samples);
    add_class(hasher, ensemble.denominator, inputs.samples);
    hasher.number(ensemble.classes.size());
    for (const ClassParts& one : ensemble.classes) add_class(hasher, one.parts, inputs.samples);
    if (!ensemble.classes.empty()) {
        // Its features may be others than those that the samples' digests are about.
        for (const std::string& feature : net_settings(inputs.campaign, ensemble.role).features) {
            hasher.text(feature);
        }
    }
    add_encoded(hasher, request.split);
    add_written(hasher, request.network);
    add_written(hasher, result_options(request.training));
    return hasher.number(request.fold).take();
}

Digest train_digest(std::span<const std::byte> prefix,
                    const TrainRequest& request,
                    const std::vector<NetRequest>& nets,
                    std::string_view device_class) {
    Hasher hasher;
    hasher.bytes(prefix).number(nets.size());
    for (const NetRequest& net : nets) add_result_fields(hasher, net);
    hasher.number(request.held_out ? 1 : 0);
    add_result_fields(hasher, request.continuation);
    if (nets.size() > 1 && device_class == "cpu") hasher.number(cpu_pack_algorithm);
    add_particle_algorithm(hasher, request.network, device_class);
    return hasher.finish();
}

Digest train_digest(const TrainRequest& request,
                    const EnsembleSpec& ensemble,
                    const GraphInputs& inputs) {
    return train_digest(train_digest_prefix(request, ensemble, inputs), request, request.nets,
                        inputs.device_class);
}

Digest ensemble_digest(const PlannedEnsemble& ensemble, const Campaign& campaign) {
    const EnsembleSection& section = campaign.ensemble;
    Hasher hasher;
    hasher.text("ensemble").number(static_cast<std::uint64_t>(ensemble.spec.role));
    hasher.number(ensemble.nets.size());
    for (const PlannedNet& net : ensemble.nets) {
        hasher.digest(net.task).number(net.net).number(net.fold);
    }
    add_result_fields(hasher, campaign.gates);
    hasher.number(section.replacements);
    if (ensemble.spec.role == EnsembleRole::nominal && section.until_spread > 0.0) {
        add_number(hasher, section.until_spread).number(section.max_members);
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
    hasher.number(static_cast<std::uint64_t>(request.part));
    add_written(hasher, request.network);
    hasher.number(request.members).number(static_cast<std::uint64_t>(request.combine));
    hasher.number(static_cast<std::uint64_t>(request.precision));
    hasher.number(request.keep_members ? 1 : 0).number(request.threads);
    add_particle_algorithm(hasher, request.network, device_class);
    return hasher.finish();
}

Digest unfold_digest(const UnfoldRequest& request,
                     std::span<const Digest> samples,
                     std::string_view device_class) {
    constexpr std::uint64_t algorithm = 2;  // of unfolding_step.hpp and of the result file
    Hasher hasher;
    hasher.text(request.pretraining ? "unfold pretraining" : "unfold");
    hasher.number(algorithm).number(training_algorithm).text(device_class);
    hasher.number(static_cast<std::uint64_t>(request.step)).number(samples.size());
    for (const Digest& sample : samples) hasher.digest(sample);
    hasher.number(request.features.size());
    for (const std::uint32_t column : request.features) hasher.number(column);
    add_encoded(hasher, request.split);
    add_written(hasher, request.network);
    add_written(hasher, result_options(request.training));
    hasher.number(static_cast<std::uint64_t>(request.misses));
    hasher.number(static_cast<std::uint64_t>(request.fakes));
    hasher.number(request.data_replica).number(request.mc_replica);
    if (request.data_replica != 0 || request.mc_replica != 0) hasher.text("batches as nominal");
    for (const auto* parents : {&request.before, &request.acceptance}) {
        hasher.number(parents->size());
        for (const UnfoldParent& parent : *parents) hasher.digest(parent.task);
    }
    for (const UnfoldParent& parent : request.subtraction) {
        hasher.text("subtraction").digest(parent.task);
    }
    hasher.number(request.attempts.size());
    for (const NetRequest& net : request.attempts) add_result_fields(hasher, net);
    add_encoded(hasher, request.limits);
    return hasher.finish();
}

namespace {

Digest digest_of_measured(Campaign measured, std::uint64_t version) {
    measured.data.asimov.clear();
    measured.data.injections.clear();
    measured.data.source = {};
    measured.inference.scan.clear();
    measured.training.threads = {};
    measured.training.checkpoint_seconds = {};
    measured.labels = {};
    measured.simulate.reset();
    return Hasher().text("measurement").number(version).text(campaign_toml(measured)).finish();
}

}  // namespace

Digest measurement_digest(const Campaign& campaign) {
    // As moved and copied run directories have it.
    return digest_of_measured(without_folders(campaign), 2);
}

Digest measurement_digest_by_path(const Campaign& campaign) {
    return digest_of_measured(with_absolute_paths(campaign), 1);
}

}  // namespace ratiofarm
