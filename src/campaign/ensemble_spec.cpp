#include "ensemble_spec.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

void sort_by_sample(std::vector<SamplePart>& parts) {
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.sample < b.sample; });
}

std::vector<SamplePart> reference_parts(const Campaign& campaign) {
    std::vector<SamplePart> parts;
    for (const auto& [process, fraction] : campaign.reference.mixture) {
        parts.push_back({campaign.process(process).events(), "", fraction});
    }
    sort_by_sample(parts);
    return parts;
}

/// Up and down ensemble of one shape.
void add_shape(const Campaign& campaign,
               const SystematicSection& systematic,
               const SystematicSection::Shape& shape,
               std::vector<EnsembleSpec>& specs) {
    using Source = SystematicSection::Source;
    RATIOFARM_EXPECT(shape.source != Source::ratio_file);
    const std::string& sample = campaign.process(shape.process).events();
    const SystematicsSection& nets = campaign.systematic_nets;
    EnsembleSpec spec{.name = {},
                      .process = shape.process,
                      .parameter = systematic.parameter,
                      .numerator = {},
                      .denominator = {{sample, "", 1.0}},
                      .members = nets.halves ? 2 * nets.members : nets.members,
                      .warm_start = nets.warm_start ? file_word(shape.process) : "",
                      .rate_factor = nets.rate_factor,
                      .halves = nets.halves};
    for (const EnsembleRole side : {EnsembleRole::up, EnsembleRole::down}) {
        const bool up = side == EnsembleRole::up;
        const std::string& varied = up ? shape.up : shape.down;
        spec.name = file_word(shape.process) + "/" + systematic.name + (up ? "/up" : "/down");
        spec.role = side;
        spec.numerator = {shape.source == Source::weights ? SamplePart{sample, varied, 1.0}
                                                          : SamplePart{varied, "", 1.0}};
        specs.push_back(spec);
    }
}

std::string fold_name(const EnsembleSpec& ensemble, std::uint32_t folds, std::uint32_t fold) {
    const std::string& base = ensemble.base.empty() ? ensemble.name : ensemble.base;
    return folds == 0 ? base : base + "/fold " + std::to_string(fold);
}

}  // namespace

std::string file_word(std::string_view process) {
    std::string word;
    for (const char c : process) {
        if (c == '/') {
            word += "%2F";
        } else {
            word += c;
        }
    }
    return word;
}

std::vector<EnsembleSpec> ensemble_specs(const Campaign& campaign) {
    std::vector<EnsembleSpec> specs;
    for (const ProcessSection& process : campaign.processes) {
        EnsembleSpec spec{.name = file_word(process.name),
                          .process = process.name,
                          .parameter = {},
                          .numerator = {{process.events(), "", 1.0}},
                          .denominator = reference_parts(campaign),
                          .members = campaign.ensemble.members,
                          .warm_start = {}};
        specs.push_back(spec);
        if (campaign.ensemble.replicas == 0) continue;
        spec.base = spec.name;
        spec.name += "/replicas";
        spec.role = EnsembleRole::replicas;
        spec.members = campaign.ensemble.replicas;
        specs.push_back(std::move(spec));
    }
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) add_shape(campaign, systematic, shape, specs);
    }
    return specs;
}

std::uint32_t half_of_net(const EnsembleSpec& ensemble, std::uint32_t member) {
    return ensemble.halves ? member % 2 + 1 : 0;
}

std::vector<TrainedShape> trained_shapes(const Campaign& campaign) {
    std::vector<TrainedShape> shapes;
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            const std::string name = file_word(shape.process) + "/" + systematic.name;
            shapes.push_back({shape.process, systematic.parameter, name + "/up", name + "/down"});
        }
    }
    return shapes;
}

std::string net_name(const EnsembleSpec& ensemble,
                     std::uint32_t folds,
                     std::uint32_t fold,
                     std::uint32_t member) {
    const char* word = ensemble.role == EnsembleRole::replicas ? "/replica " : "/member ";
    return fold_name(ensemble, folds, fold) + word + std::to_string(member);
}

std::string pack_name(const EnsembleSpec& ensemble,
                      std::uint32_t folds,
                      std::uint32_t fold,
                      Range members) {
    if (members.size() == 1) {
        return net_name(ensemble, folds, fold, static_cast<std::uint32_t>(members.first));
    }
    const char* word = ensemble.role == EnsembleRole::replicas ? "/replicas " : "/members ";
    return fold_name(ensemble, folds, fold) + word + std::to_string(members.first) + ".." +
           std::to_string(members.last - 1);
}

std::uint32_t automatic_pack(const Network& network,
                             std::uint32_t batch,
                             std::string_view device_class) {
    if (device_class == "cpu") return 1;
    constexpr double passes = 3.0;            // forward, and backward for weights and for inputs
    constexpr double enough = 34359738368.0;  // 2^35
    constexpr std::uint32_t most = 32;
    const double step = passes * forward_flop(network) * batch;
    std::uint32_t pack = most;
    while (pack > 1 && pack * step > enough) pack /= 2;
    return pack;
}

}  // namespace ratiofarm
