#include "walltime.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/process.hpp"

namespace ratiofarm {
namespace {

constexpr double most_slack = 60.0;      // seconds that Slurm may be off
constexpr double slack_fraction = 0.05;  // of what is left
constexpr double reaction = 2.0;         // seconds until a trainer has read the request

std::optional<Instant> after(double seconds) {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double>(seconds));
}

std::optional<double> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

/// First line that a program prints.
std::string first_line_of(std::vector<std::string> words) {
    const auto end = run_process(
        {.words = std::move(words), .output = Output::captured, .errors = Output::discarded});
    return end ? end->output.substr(0, end->output.find('\n')) : std::string();
}

std::optional<std::int64_t> seconds_since_epoch(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// \param warning  set where the environment says what cannot be
std::optional<double> remaining_seconds(std::string& warning) {
    const char* job = std::getenv("SLURM_JOB_ID");
    if (job == nullptr || !number(job)) return std::nullopt;
    if (const char* text = std::getenv("SLURM_JOB_END_TIME")) {
        const auto end = seconds_since_epoch(text);
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        if (end && *end > now) return static_cast<double>(*end - now);
        // A shell of a job that has ended, a wrong clock, or no time at all.
        warning = fmt::format("SLURM_JOB_END_TIME = '{}' is no time to come and is ignored", text);
    }
    return parse_slurm_duration(
        first_line_of({"timeout", "30", "squeue", "-h", "-j", job, "-o", "%L"}));
}

}  // namespace

std::optional<double> parse_slurm_duration(std::string_view text) {
    double days = 0.0;
    const std::size_t dash = text.find('-');
    const bool with_days = dash != std::string_view::npos;
    if (with_days) {
        const auto value = number(text.substr(0, dash));
        if (!value) return std::nullopt;
        days = *value;
        text.remove_prefix(dash + 1);
    }
    std::vector<double> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t colon = std::min(text.find(':', begin), text.size());
        const auto value = number(text.substr(begin, colon - begin));
        if (!value || parts.size() == 3) return std::nullopt;
        parts.push_back(*value);
        begin = colon + 1;
    }
    // After days the first part are hours; otherwise one part are minutes, two minutes and seconds.
    const std::size_t hours_at = with_days || parts.size() == 3 ? 0 : 1;
    double seconds = 86400.0 * days;
    constexpr double units[] = {3600.0, 60.0, 1.0};
    for (std::size_t i = 0; i < parts.size() && i + hours_at < 3; ++i) {
        seconds += units[i + hours_at] * parts[i];
    }
    return seconds;
}

Walltime walltime() {
    Walltime result;
    const auto left = remaining_seconds(result.warning);
    if (left) result.end = after(*left - std::min(most_slack, slack_fraction * *left));
    return result;
}

std::chrono::duration<double> stop_wave_interval(double checkpoint_seconds) {
    return std::chrono::duration<double>(std::clamp(checkpoint_seconds, 0.0, 2.0));
}

Instant stop_time(Instant end, double checkpoint_seconds, std::size_t workers) {
    const auto waves = static_cast<double>(workers / stop_wave);
    const double margin = reaction + 3.0 * checkpoint_seconds +
                          waves * stop_wave_interval(checkpoint_seconds).count();
    return end -
           std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double>(margin));
}

}  // namespace ratiofarm
