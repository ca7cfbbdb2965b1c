#include "reference_priors.hpp"

#include "ratiofarm/core/errors.hpp"

#include "campaign/file/toml_writer.hpp"

namespace ratiofarm {

using Prior = ReferenceSection::Prior;

std::vector<std::pair<std::string, double>> solve_priors(
    const std::vector<Prior>& priors, const std::function<double(const std::string&)>& yield_of) {
    double capped = 0.0;
    double others = 0.0;
    std::vector<std::pair<std::string, double>> mixture;
    for (const Prior& prior : priors) {
        const bool is_cap = prior.kind == Prior::Kind::cap;
        const double share = is_cap                              ? 1.0 / prior.value
                             : prior.kind == Prior::Kind::number ? prior.value
                                                                 : yield_of(prior.process);
        (is_cap ? capped : others) += share;
        mixture.emplace_back(prior.process, share);
    }
    constexpr double rounding = 1e-12;
    const bool alone = others == 0.0;
    if (alone ? capped > 1.0 + rounding : capped > 1.0 - rounding) {
        throw ConfigError("the caps ask for shares 1 / cap that sum to " + toml_text(capped) +
                          (alone ? " (must be at most 1; raise the caps)"
                                 : " (must be below 1, so that the other processes have a share; "
                                   "raise the caps)"));
    }
    for (std::size_t k = 0; k < priors.size(); ++k) {
        double& share = mixture[k].second;
        if (alone) {
            share /= capped;
        } else if (priors[k].kind != Prior::Kind::cap) {
            share *= (1.0 - capped) / others;
        }
    }
    return mixture;
}

std::string reference_toml(const ReferenceSection& reference) {
    TomlWriter out;
    out.section("[reference]");
    if (reference.priors.empty()) {
        out.raw("mixture", inline_table(reference.mixture));
    } else {
        std::string text;
        for (const Prior& prior : reference.priors) {
            const std::string value =
                prior.kind == Prior::Kind::yield    ? toml_text(std::string_view("yield"))
                : prior.kind == Prior::Kind::number ? toml_text(prior.value)
                                                    : "{ cap = " + toml_text(prior.value) + " }";
            text += (text.empty() ? "" : ", ") + key_text(prior.process) + " = " + value;
        }
        out.raw("mixture", "{ " + text + " }");
    }
    if (reference.max_ratio > 0.0) out.key("max_ratio", reference.max_ratio);
    return out.text();
}

}  // namespace ratiofarm
