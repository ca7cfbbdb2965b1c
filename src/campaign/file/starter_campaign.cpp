#include "starter_campaign.hpp"

#include <initializer_list>
#include <vector>

#include <fmt/format.h>

#include "starter_sections.hpp"

namespace ratiofarm {
namespace {

constexpr std::string_view signal_and_background = R"toml([[process]]
name = "S"
coefficient = "mu"                        # signal strength

[[process]]
name = "B"

[reference]                               # the nets learn p_process / p_ref
mixture = { S = 1, B = 1 }
)toml";

constexpr std::string_view simulated_peak = R"toml(
[simulate]                                # leave out with events of your own
model = "interference"
events = 100000                           # per sample, before the split
interference = 0.0

[simulate.S]
yield = 100.0
mean = [125.0, 60.0]
covariance = [[16.0, 0.0], [0.0, 400.0]]

[simulate.B]
yield = 2000.0
mean = [120.0, 40.0]
covariance = [[625.0, 0.0], [0.0, 400.0]]
)toml";

constexpr std::string_view interference_processes = R"toml([[process]]
name = "S"
coefficient = "mu - sqrt(mu)"

[[process]]
name = "SBI"                              # signal, background and their interference
coefficient = "sqrt(mu)"

[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"

[reference]                               # the nets learn p_process / p_ref
mixture = { S = 1, SBI = 1, B = 1 }
)toml";

constexpr std::string_view simulated_interference = R"toml(
[simulate]
model = "interference"
events = 100000                           # per sample, before the split
interference = -0.6                       # I(x) = 2 c sqrt(S(x) B(x)); negative is destructive

[simulate.S]
yield = 100.0
mean = [1.5]
covariance = [[1.0]]

[simulate.B]
yield = 900.0
mean = [0.0]
covariance = [[2.25]]
)toml";

constexpr std::string_view systematics = R"toml(
[[systematic]]                            # nets learn the shape from varied samples
name = "jes"
shape = { S = { up = "S_jes_up", down = "S_jes_down" }, B = { up = "B_jes_up", down = "B_jes_down" } }

[[systematic]]                            # a factor on the yields alone
name = "lumi"
shape = []
yield = { S = { up = 1.02, down = 0.98 }, B = { up = 1.02, down = 0.98 } }
)toml";

constexpr std::string_view simulated_systematic = R"toml(
[[simulate.systematic]]
name = "jes"
S = { shift = [1.0, 2.0] }
B = { shift = [2.0, 2.0] }
)toml";

constexpr std::string_view regions = R"toml(
[preselection]                            # its nets tell the classes apart; score is ln of the odds
classes = { signal = ["S"], background = ["B"] }

[[region]]                                # here every event counts by its ratios
name = "SR"
where = { score = [-2.0, inf] }

[[region]]                                # here events are counted in bins
name = "CR"
type = "binned"
where = { score = [-inf, -2.0] }
observable = "mass"
edges = [-inf, 80.0, 110.0, 140.0, 170.0, inf]
)toml";

constexpr std::string_view counts = R"toml(
# Counts alone need no events and no nets: ratiofarm fit, scan, impacts, limits, toys.
[parameters.mu]
start = 1.0
range = [0.0, 10.0]

[parameters.lumi]                         # known from elsewhere, to 2 %
constraint = "gaussian"
observed = 1.0
width = 0.02

[[region]]
name = "SR"
type = "binned"
observed = [52.0, 61.0, 38.0]             # leave out for Asimov data

[[region.sample]]
name = "signal"
contents = [4.0, 12.0, 5.0]
coefficient = "mu * lumi"

[[region.sample]]
name = "background"
contents = [50.0, 45.0, 35.0]
coefficient = "lumi"
shapes = [{ parameter = "alpha_scale", up = [53.0, 46.0, 33.0], down = [47.0, 44.0, 37.0] }]

[parameters.alpha_scale]
constraint = "gaussian"

[inference]
poi = "mu"
)toml";

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) text += part;
    return text;
}

}  // namespace

std::string starter_campaign(std::string_view name, Starter starter) {
    const std::string own = "Put your own events in its place: ratiofarm init --events FILE.";
    const auto begin = [&](std::string_view about, const std::vector<std::string>& features) {
        return starter::campaign_section(fmt::format("{}\n# {}", about, own), name) +
               starter::events_section("events.h5", features) + std::string(starter::split);
    };
    const std::vector<std::string> peak{"mass", "pt"};
    switch (starter) {
        case Starter::signal_background:
            return joined(
                {begin("A peak S over a background B, made by `ratiofarm simulate`.", peak),
                 signal_and_background, starter::nets, starter::asimov_data, simulated_peak});
        case Starter::interference:
            return joined(
                {begin("Signal S, background B and their interference, made by `ratiofarm "
                       "simulate`.",
                       {"x"}),
                 interference_processes, starter::nets, starter::asimov_data,
                 simulated_interference});
        case Starter::systematics:
            return joined(
                {begin("A peak S over a background B with systematics, made by `ratiofarm "
                       "simulate`.",
                       peak),
                 signal_and_background, systematics, starter::nets, starter::asimov_data,
                 simulated_peak, simulated_systematic});
        case Starter::regions:
            return joined({begin("A peak S over a background B in two regions, made by `ratiofarm "
                                 "simulate`.",
                                 peak),
                           signal_and_background, regions, starter::nets, starter::asimov_data,
                           simulated_peak});
        case Starter::binned:
            return starter::campaign_section("Counts in bins, as in HistFactory.", name) +
                   std::string(counts);
    }
    return {};
}

}  // namespace ratiofarm
