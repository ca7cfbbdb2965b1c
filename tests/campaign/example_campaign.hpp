#pragma once

#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"

namespace ratiofarm::test {

/// Signal, background and interference in one feature; every section but [simulate] and defaults
/// where there are any.
inline const std::string example_toml = R"toml(
[campaign]
name = "interference"
seed = 20261121

[events]
file = "events.h5"
features = ["mass", "pt"]

[split]
train = 0.5
validation = 0.1
inference = 0.4

[parameters.mu]
start = 1.0
range = [0.0, 10.0]

[[process]]
name = "S"
coefficient = "mu - sqrt(mu)"
yield = 100.0

[[process]]
name = "SBI"
coefficient = "sqrt(mu)"

[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"

[reference]
mixture = { S = 1, SBI = 2, B = 1 }

[network]
hidden = [8, 4]

[training]
epochs = 10
batch = 100

[ensemble]
members = 3

[data]
asimov = { mu = 1.0, source = "samples" }

[inference]
poi = "mu"
)toml";

inline Campaign example_campaign() { return parse_campaign(example_toml, "/campaigns"); }

/// A sample as its reader describes it: `events` rows of the columns mass, pt and eta.
inline SampleInfo example_sample(const std::string& name, std::uint64_t events) {
    SampleInfo sample;
    sample.name = name;
    sample.columns = {.file = "/campaigns/events.h5",
                      .sample = name,
                      .events = events,
                      .columns = 3,
                      .features_offset = 2048,
                      .weight_offset = 4096,
                      .id_offset = 8192};
    sample.column_names = {"mass", "eta", "pt"};
    sample.digest = Hasher().text(name).number(events).finish();
    sample.sum_of_weights = 700.0;
    sample.training_events = events / 2;
    sample.inference_events = events * 4 / 10;
    return sample;
}

inline std::vector<SampleInfo> example_samples() {
    return {example_sample("S", 1000), example_sample("SBI", 2000), example_sample("B", 3000)};
}

/// The text with its first occurrence of `from` replaced.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);  // throws if it is not there
}

}  // namespace ratiofarm::test
