#include "unfolding_settings.hpp"

#include <fmt/format.h>

#include "unfolding_tasks.hpp"

namespace ratiofarm {

std::string UnfoldSetting::task(std::uint32_t member, const std::string& which) const {
    std::string replica = "nominal";
    if (data_replica > 0) replica = fmt::format("data {}", data_replica);
    if (mc_replica > 0) replica = fmt::format("mc {}", mc_replica);
    return fmt::format("unfold/{}/{}/{}/{}", variation == nullptr ? "nominal" : variation->name,
                       replica, member, which);
}

std::vector<UnfoldSetting> unfold_settings(const UnfoldingSection& section) {
    std::vector<UnfoldSetting> settings{{}};
    for (std::uint32_t k = 1; k <= section.replicas_data; ++k) {
        settings.push_back({.data_replica = k});
    }
    for (std::uint32_t k = 1; k <= section.replicas_mc; ++k) settings.push_back({.mc_replica = k});
    for (const auto& variation : section.variations) settings.push_back({.variation = &variation});
    return settings;
}

std::string step_name(std::uint32_t iteration, bool at_truth) {
    return fmt::format("it{}/step{}", iteration + 1, at_truth ? 2 : 1);
}

std::string pretraining_name(bool at_truth) {
    return fmt::format("pretraining/step{}", at_truth ? 2 : 1);
}

bool subtracts(const UnfoldingSection& section) {
    return section.background_as == BackgroundAs::density && !section.background.empty();
}

bool is_kept(const UnfoldingSection& section,
             const UnfoldSetting& setting,
             std::uint32_t iteration) {
    return iteration + 1 == section.iterations || setting.nominal();
}

std::vector<UnfoldName> unfold_names(const UnfoldingSection& section) {
    std::vector<UnfoldName> names;
    for (std::uint32_t member = 0; member < section.members && !section.pretraining.empty();
         ++member) {
        for (const bool at_truth : {false, true}) {
            names.push_back({.name = UnfoldSetting{}.task(member, pretraining_name(at_truth))});
        }
    }
    for (const UnfoldSetting& setting : unfold_settings(section)) {
        for (std::uint32_t member = 0; member < section.members; ++member) {
            if (section.fakes == Fakes::follow && setting.data_replica == 0) {
                names.push_back({.name = setting.task(member, "acceptance")});
            }
            if (subtracts(section) && setting.variation == nullptr) {
                names.push_back({.name = setting.task(member, "subtraction")});
            }
            for (std::uint32_t n = 0; n < section.iterations; ++n) {
                names.push_back({.name = setting.task(member, step_name(n, false))});
                names.push_back({.name = setting.task(member, step_name(n, true)),
                                 .kept = is_kept(section, setting, n),
                                 .ends_chain = n + 1 == section.iterations});
            }
        }
    }
    return names;
}

}  // namespace ratiofarm
