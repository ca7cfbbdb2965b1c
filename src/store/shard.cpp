#include "shard.hpp"

#include <charconv>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t most_shards = 100'000;

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::uint64_t array_variable(const char* name) {
    const char* text = std::getenv(name);
    const auto value = text == nullptr ? std::nullopt : number(text);
    if (!value) {
        throw ConfigError(fmt::format(
            "--shard array: {} is not set; inside a Slurm array it is, elsewhere use --shard I/N",
            name));
    }
    return *value;
}

/// The place of this element in its array. Slurm tells no element which of a list it is, only
/// ranges have places.
Shard shard_of_array() {
    const std::uint64_t id = array_variable("SLURM_ARRAY_TASK_ID");
    const std::uint64_t first = array_variable("SLURM_ARRAY_TASK_MIN");
    const std::uint64_t last = array_variable("SLURM_ARRAY_TASK_MAX");
    const std::uint64_t count = array_variable("SLURM_ARRAY_TASK_COUNT");
    const std::uint64_t step = std::getenv("SLURM_ARRAY_TASK_STEP") == nullptr
                                   ? 1
                                   : array_variable("SLURM_ARRAY_TASK_STEP");
    const bool is_range = count > 0 && count <= most_shards && step > 0 && first <= id &&
                          id <= last && last - first == (count - 1) * step &&
                          (id - first) % step == 0;
    if (!is_range) {
        throw ConfigError(
            fmt::format("--shard array: element {} of {} elements from {} to {} in steps of {} has "
                        "no place: the "
                        "array must be one range without gaps, --array=0-{}",
                        id, count, first, last, step, count == 0 ? 0 : count - 1));
    }
    return {(id - first) / step, count};
}

}  // namespace

std::string Shard::name() const {
    return job.empty() ? fmt::format("shard-{}-of-{}", index, count) : "job-" + job;
}

Shard parse_shard(std::string_view text) {
    if (text == "array") return shard_of_array();
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto index = number(text.substr(0, slash));
    const auto count = number(text.substr(std::min(slash + 1, text.size())));
    if (!index || !count || *count < 1 || *count > most_shards || *index >= *count) {
        throw ConfigError(fmt::format("--shard = '{}': must be I/N with 0 <= I < N <= {}, or array",
                                      text, most_shards));
    }
    return {*index, *count};
}

}  // namespace ratiofarm
