#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/selection/plain_campaign.hpp"

namespace ratiofarm::test {

/// Signal above background, an unbinned region above x = 2 and two bins below.
inline const std::string selection_toml = R"toml(
[campaign]
name = "regions"
[events]
file = "events.h5"
features = ["x"]
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
yield = 10.0
[[process]]
name = "B"
yield = 90.0
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[systematic]]
name = "theory"
shape = { S = { up_weight = "t_up", down_weight = "t_down" } }
yield = { S = { up = 1.1, down = 0.9 } }
[[systematic]]
name = "lumi"
shape = []
yield = { S = { up = 1.02, down = 0.98 }, B = { up = 1.02, down = 0.98 } }
[reference]
mixture = { S = 1, B = 1 }
[[region]]
name = "SR"
where = { x = [2.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [0.0, 1.0, 2.0]
[data]
sample = "data"
[inference]
poi = "mu"
)toml";

/// An event of a test: one observable, its weight, and whether it is for inference.
struct CountedEvent {
    double x = 0.0;
    double weight = 1.0;
    bool inference = true;
};

/// Counts events of a sample whose only observable is x.
inline void count(std::vector<SampleSums>& all,
                  const RegionCuts& cuts,
                  const std::string& sample,
                  const std::string& weights,
                  const std::vector<CountedEvent>& events) {
    for (SampleSums& sums : all) {
        if (sums.sample != sample || sums.weights != weights) continue;
        for (const CountedEvent& event : events) {
            const std::vector<double> values(cuts.observables().size(), event.x);
            sums.add(cuts.place(values), event.weight, event.inference);
        }
    }
}

/// Few events, so that every number below is a fraction of small whole numbers:
///            sum   for inference   in SR (for inference)   in the bins of CR (for inference)
/// S            8        5              6  (4)                  1, 0
/// S t_up      10        6              6  (4)                  2, 0
/// S t_down     7        4.5            6  (4)                  0.5, 0
/// B           10        9              2  (1)                  4, 4
/// B_up        12       11              3  (2)                  3, 6
/// B_down       8        7              2  (1)                  4, 2
inline std::vector<SampleSums> example_sums(const Campaign& campaign) {
    const RegionCuts cuts(campaign);
    std::vector<SampleSums> sums = empty_sums(campaign, cuts);
    constexpr bool train = false;
    const auto signal = [](double low) {
        return std::vector<CountedEvent>{
            {0.5, low}, {1.5, low, train}, {2.5, 2.0}, {3.0, 2.0, train}, {2.2, 2.0}};
    };
    count(sums, cuts, "S", "", signal(1.0));
    count(sums, cuts, "S", "t_up", signal(2.0));
    count(sums, cuts, "S", "t_down", signal(0.5));
    count(sums, cuts, "B", "",
          {{0.5}, {0.5}, {0.5}, {0.5}, {1.5, 2.0}, {1.5, 2.0}, {2.5}, {2.6, 1.0, train}});
    count(
        sums, cuts, "B_up", "",
        {{0.5}, {0.5}, {0.5}, {1.5, 2.0}, {1.5, 2.0}, {1.5, 2.0}, {2.5}, {2.5}, {2.7, 1.0, train}});
    count(sums, cuts, "B_down", "",
          {{0.5}, {0.5}, {0.5}, {0.5}, {1.5, 2.0}, {2.5}, {2.5, 1.0, train}});
    count(sums, cuts, "data", "", {{0.5}, {0.2}, {0.3}, {1.5}, {2.5}, {-1.0}});
    return sums;
}

inline Campaign selection_campaign(const std::string& toml) {
    return parse_campaign(toml, "/campaigns");
}

inline PlainCampaign plain(const std::string& toml) {
    const Campaign campaign = selection_campaign(toml);
    return plain_campaign(campaign, example_sums(campaign), "selected.h5");
}

inline const Parameter& parameter(const Campaign& campaign, const std::string& name) {
    const auto found =
        std::ranges::find(campaign.parameters, name, [](const auto& p) { return p.name; });
    REQUIRE(found != campaign.parameters.end());
    return *found;
}

inline void check_close(const std::vector<double>& found, const std::vector<double>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t b = 0; b < found.size(); ++b) {
        CAPTURE(b);
        CHECK(found[b] == Approx(expected[b]));
    }
}

}  // namespace ratiofarm::test
