#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search_section.hpp"

namespace ratiofarm {

/// Whether a number that trainers report is to be small or large.
enum class Sense : std::uint8_t { min, max };
template <>
inline constexpr auto enum_words<Sense> = words("min", "max");

struct StudyObjective {
    std::string name;
    Sense sense = Sense::min;
    bool operator==(const StudyObjective&) const = default;
};

/// A study file: a search whose trials are trained by programs of others. [study] and, like that of
/// a campaign, [search].
struct StudySection {
    std::string name;
    std::uint64_t seed = 1;
    std::uint32_t epochs = 1;  ///< or whatever a trainer counts: work of a trial at the last rung
    std::vector<StudyObjective> objectives = {{"loss"}};  ///< one or two; the first decides
    double lease_seconds = 3600.0;  ///< without a sign of life of who has a trial
    std::uint32_t attempts = 3;     ///< to train a trial up to a rung; then it has failed
    double retry_seconds = 10.0;    ///< that a trainer waits if there is nothing to do
    std::optional<double> target;   ///< of the first objective, at the last rung; then it ends
    SearchSection search;

    bool operator==(const StudySection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, StudySection>& value) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    constexpr NumberLimits seconds{.low = 0.0, .high = 1e8, .low_allowed = false};
    visit("name", value.name, Key{.required = "for example name = \"calo\"", .is_name = true});
    visit("seed", value.seed, Key{.whole = {0, largest}});
    visit("epochs", value.epochs, Key{.whole = {1, 1'000'000}});
    visit("objectives", value.objectives, Key{.by_hand = true});
    visit("lease_seconds", value.lease_seconds, Key{.number = seconds});
    visit("attempts", value.attempts, Key{.whole = {1, 1000}});
    visit("retry_seconds", value.retry_seconds, Key{.number = seconds});
    visit("target", value.target, Key{.otherwise = "none"});
    visit("search", value.search, Key{.by_hand = true, .in_campaign = false});
}

/// \param folder  of the file: where a file of points lies
/// \throws ConfigError with every mistake of the file, one per line
StudySection parse_study(std::string_view toml,
                         const std::filesystem::path& folder,
                         std::string_view source);
StudySection read_study(const std::filesystem::path& path);

}  // namespace ratiofarm
