#include "campaign/campaign.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

constexpr std::string_view before_name =
    R"toml(# A campaign of ratiofarm: signal S, background B and their interference, made by
# `ratiofarm simulate` in closed form. Put your own events in its place: docs/campaign.md explains
# every key, docs/formats.md the events file.

[campaign]
name = )toml";
constexpr std::string_view after_name = R"toml(
seed = 1                                  # every random number derives from it and from names

[events]
file = "events.h5"                        # relative to this file
features = ["x"]                          # columns the nets see

[split]                                   # by hash of the event id
train = 0.5
validation = 0.1                          # decides when a training stops
inference = 0.4                           # only these enter the fit

[parameters.mu]
start = 1.0
range = [0.0, 10.0]

# lambda(x) = sum over processes of coefficient * yield * p(x); a coefficient may be negative.
# The yield of a process is the sum of its sample's weights unless `yield` says otherwise.
[[process]]
name = "S"
coefficient = "mu - sqrt(mu)"

[[process]]
name = "SBI"
coefficient = "sqrt(mu)"

[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"

[reference]                               # the nets learn p_process / p_ref
mixture = { S = 1, SBI = 1, B = 1 }

[network]
hidden = [64, 64, 64]
activation = "silu"

[training]
epochs = 30
batch = 1024
learning_rate = 1e-3

[ensemble]
members = 4                               # nets per process; their spread says whether it suffices

[data]
asimov = { mu = 1.0, source = "samples" }
injections = [{ mu = 0.5 }, { mu = 2.0 }] # truths that are fitted, too, to see them come out
# sample = "data"                         # what was observed, each event with weight 1
# blind = true                            # ... but asimov until: ratiofarm run --unblind "reason"

[inference]
poi = "mu"

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

}  // namespace

std::string starter_campaign(std::string_view name) {
    return std::string(before_name) + toml_text(name) + std::string(after_name);
}

}  // namespace ratiofarm
