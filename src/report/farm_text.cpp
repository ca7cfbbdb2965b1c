#include "farm_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ratiofarm {
namespace {

constexpr std::size_t intervals = 20;
constexpr std::size_t most_shown = 8;  // workers

FarmProfile profile_so_far(const FarmTimes& farm) {
    return profile_of(farm, farm.seconds(), intervals);
}

/// "1 worker", "2 workers"
std::string counted(std::uint64_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// One bar of one to eight eighths for each share; nothing busy is a dot.
std::string bars(const std::vector<double>& shares) {
    static constexpr const char* heights[] = {".", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string text;
    for (const double share : shares) {
        const long height = share > 0.0 ? std::max(std::lround(8.0 * share), 1L) : 0L;
        text += heights[std::min(height, 8L)];
    }
    return text;
}

/// All workers in their order, or the idlest of many.
std::string workers_text(const std::vector<double>& shares) {
    std::vector<std::size_t> shown(shares.size());
    std::iota(shown.begin(), shown.end(), 0);
    const bool many = shares.size() > most_shown;
    if (many) {
        std::stable_sort(shown.begin(), shown.end(),
                         [&](std::size_t a, std::size_t b) { return shares[a] < shares[b]; });
        shown.resize(most_shown);
    }
    std::vector<std::string> words;
    for (const std::size_t worker : shown) {
        words.push_back(fmt::format("{}: {:.1f} %", worker, 100.0 * shares[worker]));
    }
    return fmt::format("{}{}", many ? "the idlest: " : "", fmt::join(words, ", "));
}

}  // namespace

std::string farm_text(const FarmTimes& farm, const std::string& owner, bool in_full) {
    const FarmProfile profile = profile_so_far(farm);
    std::string name = farm.stage;
    if (name.empty()) name = farm.ended() ? "finished" : "unfinished";  // toys are of no stage
    if (!owner.empty()) name += " " + owner;
    std::string text =
        fmt::format("farm       {}: {:.1f} s{}, {}, {:.1f} % busy\n", name, profile.seconds,
                    farm.ended() ? "" : " up to its last line", counted(farm.workers(), "worker"),
                    100.0 * profile.utilisation());
    if (!in_full) return text;
    text += fmt::format("  busy     |{}| {} x {:.3g} s\n", bars(profile.share_in_interval),
                        intervals, profile.seconds / static_cast<double>(intervals));
    text += fmt::format("  workers  {}\n", workers_text(profile.share_of_worker));
    if (farm.tail_begin()) {
        text += fmt::format("  tail     {:.1f} s, {:.3g} idle worker-hours\n", profile.tail_seconds,
                            profile.tail_idle_seconds / 3600.0);
    }
    return text;
}

std::string farm_sentence(const FarmTimes& farm) {
    const FarmProfile profile = profile_so_far(farm);
    std::string text = fmt::format("{}, {:.1f} % busy |{}|", counted(farm.workers(), "worker"),
                                   100.0 * profile.utilisation(), bars(profile.share_in_interval));
    constexpr double some = 0.005;  // of all worker-seconds
    if (profile.tail_idle_seconds > some * profile.seconds * static_cast<double>(farm.workers())) {
        text += fmt::format(", idle for {:.2g} worker-hours in its last {:.1f} s",
                            profile.tail_idle_seconds / 3600.0, profile.tail_seconds);
    }
    return text;
}

nlohmann::ordered_json farm_json(const FarmTimes& farm, const std::string& owner) {
    const FarmProfile profile = profile_so_far(farm);
    return {{"stage", farm.stage},
            {"owner", owner},
            {"ended", farm.ended()},
            {"seconds", profile.seconds},
            {"workers", farm.workers()},
            {"busy_seconds", profile.busy_seconds},
            {"utilisation", profile.utilisation()},
            {"tail_seconds", profile.tail_seconds},
            {"tail_idle_hours", profile.tail_idle_seconds / 3600.0},
            {"busy_share_of_worker", profile.share_of_worker},
            {"busy_share_in_interval", profile.share_in_interval},
            {"interval_seconds", profile.seconds / static_cast<double>(intervals)}};
}

}  // namespace ratiofarm
