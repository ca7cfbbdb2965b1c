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

}  // namespace

std::string Shard::name() const { return fmt::format("shard-{}-of-{}", index, count); }

Shard parse_shard(std::string_view text) {
    if (text == "array") {
        const std::uint64_t index = array_variable("SLURM_ARRAY_TASK_ID");
        return {index - array_variable("SLURM_ARRAY_TASK_MIN"),
                array_variable("SLURM_ARRAY_TASK_COUNT")};
    }
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
