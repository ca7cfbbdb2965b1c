#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/unfolding_step.hpp"

namespace ratiofarm {

enum class UnfoldingEnsemble : std::uint8_t {
    chain,  ///< each member is a chain of its own; results are averaged at the end
    step,   ///< the members of a step are averaged before the next one
};
template <>
inline constexpr auto enum_words<UnfoldingEnsemble> = words("chain", "step");

enum class BackgroundAs : std::uint8_t {
    fixed,    ///< step 1 adds it to the simulation
    density,  ///< a net learns which share of the data it is not, and weighs them by that
};
template <>
inline constexpr auto enum_words<BackgroundAs> = words("fixed", "density");

/// [unfolding]: iterations that make the simulation look like the data, event by event (OmniFold).
struct UnfoldingSection {
    /// What is shown as a histogram. The nets do not see the edges.
    struct Observable {
        std::string column;         ///< of the truth
        std::string reco;           ///< its feature, for the comparison with the data; may be empty
        std::vector<double> edges;  ///< ascending; the outer ones may be infinite
        bool operator==(const Observable&) const = default;
    };
    /// The simulation of a systematic uncertainty; one of the two is given.
    struct Variation {
        std::string name;
        std::string weight = {};      ///< column of further weights of the simulation
        std::string simulation = {};  ///< another sample
        bool operator==(const Variation&) const = default;
    };

    std::string data;                     ///< sample
    std::string simulation;               ///< sample with truth and flags
    std::vector<std::string> truth;       ///< columns of the truth that the nets of step 2 see
    std::vector<std::string> background;  ///< samples of other processes
    BackgroundAs background_as = BackgroundAs::fixed;
    std::vector<std::string> compare;  ///< samples whose truth is shown beside the result
    std::uint32_t iterations = 4;
    Misses misses = Misses::extrapolate;
    Fakes fakes = Fakes::none;
    std::uint32_t members = 4;
    UnfoldingEnsemble ensemble = UnfoldingEnsemble::chain;
    std::uint32_t replicas_data =
        0;                          ///< bootstrap replicas of the data, each a chain of each member
    std::uint32_t replicas_mc = 0;  ///< of the simulation
    bool warm_start = false;        ///< a net begins as that of its step one iteration before
    std::string pretraining;        ///< sample with truth and flags that the nets of each member
                                    ///< learn once to tell from the simulation; every step begins
                                    ///< with those; empty: with nets that know nothing
    std::vector<Observable> observables;
    std::vector<Variation> variations;
    Network network;           ///< of step 2; default: [network]; inputs = truth
    TrainingOptions training;  ///< of step 2; default: [training]
    bool operator==(const UnfoldingSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, UnfoldingSection>& value) {
    constexpr WholeLimits replicas{0, 1000};
    visit("data", value.data,
          Key{.required = "the sample of the data, for example data = \"data\"", .is_name = true});
    visit("simulation", value.simulation,
          Key{.required = "the sample with truth and flags, for example simulation = \"mc\"",
              .is_name = true});
    visit("truth", value.truth,
          Key{.required = "the columns of the truth that the nets see, for example truth = "
                          "[\"pt\", \"eta\"]"});
    visit("background", value.background);
    visit("background_as", value.background_as, Key{.written = false});
    visit("compare", value.compare);
    visit("iterations", value.iterations, Key{.whole = {1, 100}});
    visit("misses", value.misses);
    visit("fakes", value.fakes);
    visit("members", value.members, Key{.whole = {1, replicas.high}});
    visit("ensemble", value.ensemble);
    visit("replicas_data", value.replicas_data, Key{.whole = replicas});
    visit("replicas_mc", value.replicas_mc, Key{.whole = replicas});
    visit("warm_start", value.warm_start);
    visit("pretraining", value.pretraining,
          Key{.otherwise = "none", .is_name = true, .written = false});
    visit("observable", value.observables, Key{.written = false, .by_hand = true});
    visit("variation", value.variations, Key{.written = false, .by_hand = true});
    visit("network", value.network, Key{.written = false, .by_hand = true});
    visit("training", value.training, Key{.written = false, .by_hand = true});
}

}  // namespace ratiofarm
