#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Sections that every campaign has which `ratiofarm init` writes.
namespace ratiofarm::starter {

inline constexpr std::string_view split = R"toml(
[split]                                   # by hash of the event id
train = 0.5
validation = 0.1                          # decides when a training stops
inference = 0.4                           # only these enter the fit

[parameters.mu]
start = 1.0
range = [0.0, 10.0]

# lambda(x) = sum over processes of coefficient * yield * p(x); a coefficient may be negative.
# The yield of a process is the sum of its sample's weights unless `yield` says otherwise.
)toml";

inline constexpr std::string_view nets = R"toml(
# For a first look: hidden = [32, 32], epochs = 15, learning_rate = 3e-3, members = 3.
[network]
hidden = [64, 64, 64]
activation = "silu"

[training]
epochs = 30
batch = 1024
learning_rate = 1e-3

[ensemble]
members = 4                               # nets per process; their spread says whether it suffices
)toml";

inline constexpr std::string_view asimov_data = R"toml(
[data]
asimov = { mu = 1.0, source = "samples" }
injections = [{ mu = 0.5 }, { mu = 2.0 }] # truths that are fitted, too, to see them come out
# sample = "data"                         # what was observed, each event with weight 1
# blind = true                            # ... but asimov until: ratiofarm run --unblind "reason"

[inference]
poi = "mu"
)toml";

std::string campaign_section(std::string_view about, std::string_view name);
std::string events_section(std::string_view file, const std::vector<std::string>& features);

}  // namespace ratiofarm::starter
