#include "net_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "campaign/ensemble_spec.hpp"

namespace ratiofarm {
namespace {

const char* state_word(const SlotChoice& choice, std::size_t tried) {
    if (tried < choice.exclusions.size()) return "excluded";
    if (choice.state == SlotChoice::State::chosen) return "in the ensemble";
    return "trained; the gates decide when all nets of its ensemble are trained";
}

/// Columns that the nets of an ensemble see.
std::vector<std::string> features_of(const std::string& ensemble, const Campaign& campaign) {
    EnsembleRole role = EnsembleRole::classes;  // of the preselection, which is no spec
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        if (spec.name == ensemble) role = spec.role;
    }
    return net_settings(campaign, role).features;
}

/// \param chosen  saturation of a net of the ensemble is that of its density
std::string checks_text(const TrainedNet& net,
                        const GatesSection& gates,
                        const std::vector<std::string>& features,
                        bool chosen) {
    std::string text;
    for (const GateCheck& check : gate_checks(net, gates)) {
        if (check.gate == "failure") continue;
        const bool named = check.feature && *check.feature < features.size();
        text += fmt::format("  {:<13}{:<10.4g} {} {:.4g}{}{}\n", check.gate, check.value,
                            check.gate == "constant" ? "at least" : "at most", check.allowed,
                            named ? " in '" + features[*check.feature] + "'" : "",
                            check.passed                          ? ""
                            : chosen && check.gate == "saturated" ? "  (so are all: the events)"
                                                                  : "  <- beyond");
    }
    return text;
}

std::string net_text(const NetSlot& slot,
                     const SlotChoice& choice,
                     std::size_t tried,
                     const GatesSection& gates,
                     const std::vector<std::string>& features) {
    const TriedNet& net = slot.tried[tried];
    std::string text = fmt::format("net          {}: {}\n", net.name, state_word(choice, tried));
    if (tried < choice.exclusions.size()) {
        text += fmt::format("  why        {}\n", choice.exclusions[tried].text);
    }
    const bool chosen = choice.state == SlotChoice::State::chosen && tried == choice.index;
    return text + checks_text(*net.result, gates, features, chosen);
}

}  // namespace

std::string nets_text(const Digest& training,
                      const std::vector<EnsembleChoice>& choices,
                      const Campaign& campaign) {
    std::string text;
    for (const EnsembleChoice& ensemble : choices) {
        std::vector<std::string> features;
        for (std::size_t index = 0; index < ensemble.slots.size(); ++index) {
            const NetSlot& slot = ensemble.slots[index];
            for (std::size_t tried = 0; tried < slot.tried.size(); ++tried) {
                if (slot.tried[tried].place.task != training) continue;
                if (features.empty()) features = features_of(ensemble.name, campaign);
                text += net_text(slot, ensemble.choices[index], tried, campaign.gates, features);
            }
        }
    }
    return text;
}

std::string exclusions_text(const std::vector<EnsembleRecord>& ensembles) {
    std::string text;
    for (const EnsembleRecord& ensemble : ensembles) {
        for (const Exclusion& exclusion : ensemble.excluded) {
            text += fmt::format("excluded   {}\n", exclusion.text);
        }
        if (ensemble.replaced > 0) {
            text += fmt::format("replaced   {} of {} nets of {}\n", ensemble.replaced,
                                ensemble.nets, ensemble.name);
        }
        for (const std::string& failure : ensemble.failures) {
            text += fmt::format("failed     {}\n", failure);
        }
    }
    return text;
}

std::string insignificant_shapes_text(const std::vector<TestedShape>& shapes) {
    std::string text;
    for (const TestedShape& shape : shapes) {
        if (shape.significance.significant) continue;
        text += fmt::format(
            "no shape   {} of {} is not significant: gain {:.3g} +- {:.3g} on events that its nets "
            "never saw; noise by itself would give an error of {:.3f}\n",
            shape.parameter, shape.process, shape.significance.gain, shape.significance.gain_error,
            error_by_noise(1.0, shape.yield * shape.significance.noise_variance));
    }
    return text;
}

}  // namespace ratiofarm
