#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

/// What `ratiofarm init` writes: commented campaigns, as texts.
namespace ratiofarm {

/// Toys that `ratiofarm simulate` makes, but for `binned`, which needs no events.
enum class Starter : std::uint8_t {
    signal_background,  ///< mu S + B
    interference,       ///< S, B and their interference
    systematics,        ///< mu S + B with a varied sample and a factor
    regions,            ///< a preselection, a signal region and a control region of counts
    binned,             ///< counts alone
};
template <>
inline constexpr auto enum_words<Starter> =
    words("signal-background", "interference", "systematics", "regions", "binned");

/// A campaign that passes `check` once `ratiofarm simulate` has made its events.
std::string starter_campaign(std::string_view name, Starter starter);

/// A campaign for an events file: one process per sample, systematics of samples called
/// <process>_<name>_up and _down, blind data of a sample "data", "Data" or "observed", nets of
/// particle lists if the first process has such.
/// \param file    path of the events file, as the campaign shall name it
/// \param samples all of them; their features are those of the first
/// \throws ConfigError if the samples are no model: fewer than two are processes
std::string campaign_of_events(std::string_view name,
                               std::string_view file,
                               std::span<const SampleInfo> samples);

}  // namespace ratiofarm
