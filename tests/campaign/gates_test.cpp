#include "campaign/gates.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

constexpr double loss = 0.6;  // a gain of 0.093 on a constant net

/// A net that nothing can be said against.
TrainedNet good_net(double validation_loss = loss) {
    TrainedNet net;
    net.best_validation_loss = validation_loss;
    net.training_events = 50000;
    net.validation_events = 10000;
    net.quality.excess_error = 0.004;
    net.quality.sc_noise = 0.01;
    net.quality.calibration_slope = 1.0;
    net.quality.slope_error = 0.02;
    net.quality.overtraining_noise = 0.02;
    net.quality.closure = {0.0, 0.0};
    net.quality.closure_noise = {0.01, 0.01};
    net.quality.logit_spread = 0.8;
    return net;
}

NetSlot slot_with(std::vector<TrainedNet> nets, const std::string& name = "S/member 0") {
    NetSlot slot{.name = name, .fold = 0, .wave = 0, .replica = false, .tried = {}};
    for (const TrainedNet& net : nets) {
        const std::size_t attempt = slot.tried.size();
        slot.tried.push_back(
            {attempt == 0 ? name : name + "/replacement " + std::to_string(attempt),
             {},
             std::make_shared<TrainedNet>(net)});
    }
    return slot;
}

/// Slots of one net each.
std::vector<NetSlot> members(const std::vector<TrainedNet>& nets) {
    std::vector<NetSlot> slots;
    for (const TrainedNet& net : nets) {
        slots.push_back(slot_with({net}, "S/member " + std::to_string(slots.size())));
    }
    return slots;
}

/// The gate that excludes a net which is alone in its ensemble; empty if none does.
std::string gate_of(const TrainedNet& net, const GatesSection& gates = {}) {
    const std::vector<NetSlot> slots = members({net});
    const SlotChoice choice = choose_nets(slots, gates, 0).front();
    return choice.exclusions.empty() ? "" : choice.exclusions.front().gate;
}

TrainedNet changed(const std::function<void(TrainedNet&)>& change) {
    TrainedNet net = good_net();
    change(net);
    return net;
}

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("each gate excludes what it is for", "[gates]") {
    CHECK(gate_of(good_net()).empty());
    CHECK(gate_of(changed([](auto& n) { n.failure = "diverged: ..."; })) == "failure");
    CHECK(gate_of(changed([](auto& n) { n.quality.not_finite = 1; })) == "not_finite");
    CHECK(gate_of(changed([](auto& n) { n.quality.logit_spread = 0.0; })) == "constant");
    CHECK(gate_of(changed([](auto& n) { n.quality.excess = 0.11; })) == "excess");
    CHECK(gate_of(changed([](auto& n) { n.quality.excess = -0.11; })) == "excess");
    CHECK(gate_of(changed([](auto& n) { n.quality.sc_rms = 0.11; })) == "sc_rms");
    CHECK(gate_of(changed([](auto& n) { n.quality.closure[1] = 0.11; })) == "closure");
    CHECK(gate_of(changed([](auto& n) { n.quality.calibration_slope = 0.7; })) == "slope");
    CHECK(gate_of(changed([](auto& n) { n.quality.overtraining = 0.11; })) == "overtraining");
}

TEST_CASE("what could not be measured does not pass", "[gates]") {
    CHECK(gate_of(changed([](auto& n) { n.quality.excess = no_number; })) == "excess");
    CHECK(gate_of(changed([](auto& n) { n.quality.sc_rms = no_number; })) == "sc_rms");
    CHECK(gate_of(changed([](auto& n) { n.quality.closure[0] = no_number; })) == "closure");
    CHECK(gate_of(changed([](auto& n) { n.quality.overtraining = no_number; })) == "overtraining");
    CHECK(gate_of(changed([](auto& n) { n.quality.logit_spread = no_number; })) == "constant");
}

TEST_CASE("a gate at zero is off, but no net without finite logits passes", "[gates]") {
    const GatesSection off{0, 0, 0, 0, 0, 0, 0, 0};
    const TrainedNet bad = changed([](auto& n) {
        n.quality.logit_spread = 0.0;
        n.quality.excess = n.quality.sc_rms = n.quality.closure[0] = 9.0;
        n.quality.overtraining = 0.9;
        n.quality.saturated = 10000;
    });

    CHECK(gate_of(bad, off).empty());
    CHECK(gate_of(changed([](auto& n) { n.quality.not_finite = 1; }), off) == "not_finite");
    CHECK(gate_of(changed([](auto& n) { n.failure = "x"; }), off) == "failure");
}

TEST_CASE("chance is allowed for", "[gates]") {
    const auto with_few_events = [](double NetQuality::*value, double amount) {
        return gate_of(changed([&](auto& n) {
            n.training_events = n.validation_events = 200;
            n.quality.excess_error = 0.1;
            n.quality.sc_noise = 0.3;
            n.quality.closure_noise = {0.3, 0.3};
            n.quality.slope_error = 0.2;
            n.quality.overtraining_noise = 0.3;
            n.quality.*value = amount;
        }));
    };

    CHECK(with_few_events(&NetQuality::excess, 0.41).empty());  // 3 * 0.1 * sqrt(2) = 0.424
    CHECK(with_few_events(&NetQuality::excess, 0.43) == "excess");
    CHECK(with_few_events(&NetQuality::sc_rms, 0.31).empty());
    CHECK(with_few_events(&NetQuality::sc_rms, 0.32) == "sc_rms");
    CHECK(with_few_events(&NetQuality::calibration_slope, 0.45).empty());
    CHECK(with_few_events(&NetQuality::calibration_slope, 0.35) == "slope");
    CHECK(with_few_events(&NetQuality::overtraining, 0.29).empty());
    CHECK(with_few_events(&NetQuality::overtraining, 0.31) == "overtraining");
}

TEST_CASE("nets that learned that there is nothing to learn pass", "[gates]") {
    // Logits are the noise of the training, so the slope is anything; the loss is ln 2.
    std::vector<TrainedNet> nets;
    for (const double slope : {0.1, -0.4, 0.5, 1.4}) {
        nets.push_back(good_net(std::log(2.0) + 0.0004 * slope));
        nets.back().quality.logit_spread = 0.05;
        nets.back().quality.calibration_slope = slope;
        nets.back().quality.slope_error = 0.2;
    }

    const std::vector<NetSlot> slots = members(nets);
    CHECK(complete(choose_nets(slots, {}, 0)));
}

TEST_CASE("a net that learned much less than the others is found by its loss", "[gates]") {
    const std::vector<NetSlot> slots =
        members({good_net(0.6000), good_net(0.6008), good_net(0.5997), good_net(0.6500)});

    const auto choices = choose_nets(slots, {}, 0);

    CHECK(choices[0].state == SlotChoice::State::chosen);
    CHECK(choices[1].state == SlotChoice::State::chosen);
    CHECK(choices[2].state == SlotChoice::State::chosen);
    REQUIRE(choices[3].state == SlotChoice::State::exhausted);
    CHECK(choices[3].exclusions.front().gate == "loss_outlier");
    CHECK(choices[3].exclusions.front().allowed == 8.0);
}

TEST_CASE("of two nets the worse one is found by its loss", "[gates]") {
    const std::vector<NetSlot> slots = members({good_net(0.69), good_net(0.60)});

    const auto choices = choose_nets(slots, {}, 0);

    CHECK(choices[0].state == SlotChoice::State::exhausted);
    CHECK(choices[1].state == SlotChoice::State::chosen);
}

TEST_CASE("what both nets of a fold show is not tried again with other seeds", "[gates]") {
    std::vector<TrainedNet> nets{good_net(), good_net()};
    for (TrainedNet& net : nets) net.quality.excess = 0.8;
    const std::vector<NetSlot> slots = members(nets);
    constexpr std::uint32_t replacements = 2;

    const auto alike = choose_nets(slots, {}, replacements);
    nets[1] = good_net();
    nets[1].quality.overtraining = 0.9;
    const std::vector<NetSlot> others = members(nets);
    const auto different = choose_nets(others, {}, replacements);

    for (const SlotChoice& choice : alike) {
        CHECK(choice.state == SlotChoice::State::exhausted);
        CHECK(choice.exclusions.size() == 1);
    }
    for (const SlotChoice& choice : different) {
        CHECK(choice.state == SlotChoice::State::untrained);
        CHECK(choice.index == 1);
    }
}

TEST_CASE("a gate that all nets fail is shared though it is not the first of each", "[gates]") {
    std::vector<TrainedNet> nets{good_net(), good_net()};
    for (TrainedNet& net : nets) net.quality.closure = {0.0, 0.9};
    nets[0].quality.sc_rms = 0.9;
    const auto alike = choose_nets(members(nets), {}, 2);

    for (const SlotChoice& choice : alike) {
        CHECK(choice.state == SlotChoice::State::exhausted);
        CHECK(choice.exclusions.size() == 1);
    }
    CHECK(alike[0].exclusions.front().gate == "sc_rms");
    CHECK(alike[1].exclusions.front().gate == "closure");
}

TEST_CASE("what all nets show alike excludes none, an outlier is excluded", "[gates]") {
    std::vector<TrainedNet> nets;
    for (const double excess : {0.2, -0.22, 0.3, 0.19, 0.8}) {
        nets.push_back(good_net());
        nets.back().quality.excess = excess;
    }

    const std::vector<NetSlot> slots = members(nets);
    const auto choices = choose_nets(slots, {}, 0);

    for (std::size_t i = 0; i < 4; ++i) CHECK(choices[i].state == SlotChoice::State::chosen);
    REQUIRE(choices[4].state == SlotChoice::State::exhausted);
    CHECK(choices[4].exclusions.front().gate == "excess");
}

TEST_CASE("nets that agree are not excluded for what the events are like", "[gates]") {
    // A peak over a wide background: where there is no signal, ln r << -15 is the truth.
    const auto with_saturated = [](std::uint64_t events) {
        return changed([&](auto& n) { n.quality.saturated = events; });
    };
    CHECK(complete(choose_nets(members({with_saturated(980)}), {}, 0)));
    CHECK(complete(choose_nets(members({with_saturated(980), with_saturated(1020)}), {}, 0)));
    CHECK(complete(choose_nets(
        members({with_saturated(980), with_saturated(1020), with_saturated(2500)}), {}, 0)));

    const std::vector<NetSlot> slots =
        members({with_saturated(3), with_saturated(0), with_saturated(101)});
    const auto choices = choose_nets(slots, {}, 0);

    CHECK(choices[1].state == SlotChoice::State::chosen);
    REQUIRE(choices[2].state == SlotChoice::State::exhausted);
    CHECK(choices[2].exclusions.front().gate == "saturated");
}

TEST_CASE("an exclusion says which feature and what it means", "[gates]") {
    const std::vector<NetSlot> slots =
        members({changed([](auto& n) { n.quality.closure[1] = 0.25; })});
    const std::vector<std::string> features{"pt", "mass"};

    const Exclusion exclusion = choose_nets(slots, {}, 0, features).front().exclusions.front();

    CHECK(exclusion.gate == "closure");
    CHECK(exclusion.text.find("S/member 0: closure in 'mass' = 0.25, at most 0.1") == 0);
    CHECK(exclusion.text.find("gates.closure): reference events weighted by it") !=
          std::string::npos);
}

TEST_CASE("an exclusion says which quantity of the particle lists it is about", "[gates]") {
    auto net = changed([](auto& n) { n.quality.closure = {0.0, 0.0, 0.0, 0.25}; });
    net.quality.closure_noise.assign(4, 0.0);
    const std::vector<std::string> features{"met"};

    const Exclusion exclusion =
        choose_nets(members({net}), {}, 0, features).front().exclusions.front();

    CHECK(exclusion.text.find("S/member 0: closure in 'sum_mass' = 0.25, at most 0.1") == 0);
}

TEST_CASE("an exclusion tells every gate that a net does not pass", "[gates]") {
    const std::vector<NetSlot> slots = members({changed([](auto& n) {
        n.quality.excess = 0.2;
        n.quality.closure[1] = 0.25;
        n.quality.calibration_slope = 0.5;
    })});

    const Exclusion exclusion = choose_nets(slots, {}, 0, std::vector<std::string>{"pt", "mass"})
                                    .front()
                                    .exclusions.front();

    CHECK(exclusion.gate == "excess");
    for (const char* part : {"excess = 0.2,", "; closure in 'mass' = 0.25,", "; slope = 0.5,"}) {
        CHECK(exclusion.text.find(part) != std::string::npos);
    }
    CHECK(exclusion.text.find("sc_rms") == std::string::npos);
}

TEST_CASE("a constant net is excluded even if most are", "[gates]") {
    std::vector<TrainedNet> nets(4, good_net());
    for (std::size_t i = 0; i < 3; ++i) nets[i].quality.logit_spread = 0.0;

    const std::vector<NetSlot> slots = members(nets);
    const auto choices = choose_nets(slots, {}, 0);

    for (std::size_t i = 0; i < 3; ++i) CHECK(choices[i].state == SlotChoice::State::exhausted);
}

TEST_CASE("losses are compared within a fold only", "[gates]") {
    std::vector<NetSlot> slots = members({good_net(0.60), good_net(0.60), good_net(0.66)});
    slots[2].fold = 1;

    CHECK(complete(choose_nets(slots, {}, 0)));
    slots[2].fold = 0;
    CHECK_FALSE(complete(choose_nets(slots, {}, 0)));
}

TEST_CASE("replicas need to have trained and to be finite, nothing else", "[gates]") {
    TrainedNet off = good_net(0.9);
    off.quality.excess = 3.0;
    TrainedNet infinite = good_net(0.6);
    infinite.quality.not_finite = 1;
    std::vector<NetSlot> slots = members({good_net(0.6), off, infinite});
    for (NetSlot& slot : slots) slot.replica = true;

    const auto choices = choose_nets(slots, {}, 0);

    CHECK(choices[0].state == SlotChoice::State::chosen);
    CHECK(choices[1].state == SlotChoice::State::chosen);
    CHECK(choices[2].state == SlotChoice::State::exhausted);
}

TEST_CASE("an excluded net is replaced until one passes or none may be tried", "[gates]") {
    const TrainedNet bad = changed([](auto& n) { n.failure = "diverged: training loss is nan"; });
    std::vector<NetSlot> slots = members({good_net(), bad});

    auto choice = choose_nets(slots, {}, 2)[1];
    CHECK(choice.state == SlotChoice::State::untrained);
    CHECK(choice.index == 1);
    REQUIRE(choice.exclusions.size() == 1);
    CHECK(choice.exclusions[0].text == "S/member 1: diverged: training loss is nan");

    slots[1] = slot_with({bad, bad}, "S/member 1");
    choice = choose_nets(slots, {}, 2)[1];
    CHECK(choice.state == SlotChoice::State::untrained);
    CHECK(choice.index == 2);

    slots[1] = slot_with({bad, bad, good_net()}, "S/member 1");
    choice = choose_nets(slots, {}, 2)[1];
    CHECK(choice.state == SlotChoice::State::chosen);
    CHECK(choice.index == 2);
    CHECK(choice.exclusions.size() == 2);
    CHECK(choice.exclusions[1].net == "S/member 1/replacement 1");

    slots[1] = slot_with({bad, bad, bad}, "S/member 1");
    choice = choose_nets(slots, {}, 2)[1];
    CHECK(choice.state == SlotChoice::State::exhausted);
    CHECK(choice.exclusions.size() == 3);
}

TEST_CASE("nothing is decided before all nets of a round are trained", "[gates]") {
    const TrainedNet bad = changed([](auto& n) { n.quality.excess = 1.0; });
    std::vector<NetSlot> slots = members({good_net(), bad, good_net()});
    slots[2].tried.clear();

    const auto choices = choose_nets(slots, {}, 2);

    CHECK(choices[0].state == SlotChoice::State::waiting);
    CHECK(choices[1].state == SlotChoice::State::waiting);
    CHECK(choices[1].exclusions.empty());
    CHECK(choices[2].state == SlotChoice::State::untrained);
}

TEST_CASE("a later net changes nothing that was decided before", "[gates]") {
    // Replacements with much lower losses would make outliers of the others.
    const TrainedNet bad = changed([](auto& n) { n.failure = "diverged"; });
    const auto better = good_net(0.40);
    std::vector<NetSlot> slots = members({good_net(), good_net(0.601), bad, bad, bad, bad});
    const auto before = choose_nets(slots, {}, 1);
    for (std::size_t i = 2; i < 6; ++i) {
        slots[i].tried.push_back({"replacement", {}, std::make_shared<TrainedNet>(better)});
    }

    const auto after = choose_nets(slots, {}, 1);

    CHECK(before[0].state == SlotChoice::State::chosen);
    CHECK(after[0] == before[0]);
    CHECK(after[1] == before[1]);
}

TEST_CASE("a further member changes nothing that was decided before", "[gates]") {
    std::vector<NetSlot> slots = members({good_net(0.6), good_net(0.601), good_net(0.602)});
    const auto before = choose_nets(slots, {}, 1);
    for (int i = 0; i < 6; ++i) slots.push_back(slot_with({good_net(0.4)}, "later"));
    for (std::size_t i = 3; i < slots.size(); ++i) slots[i].wave = 1;

    const auto after = choose_nets(slots, {}, 1);

    CHECK(complete(after));
    CHECK(std::equal(before.begin(), before.end(), after.begin()));
    for (NetSlot& slot : slots) slot.wave = 0;
    CHECK_FALSE(complete(choose_nets(slots, {}, 1)));
}

TEST_CASE("the spread of the mean is that of the members over the root of their number",
          "[gates]") {
    std::vector<TrainedNet> nets;
    for (const float shift : {-0.3F, 0.0F, 0.3F}) {
        nets.push_back(good_net());
        nets.back().quality.reference_logits = {1.0F + shift, -2.0F - shift};
    }
    std::vector<NetSlot> slots = members(nets);
    const auto choices = choose_nets(slots, {}, 0);

    CHECK(mean_spread(slots, choices) == Approx(0.3 / std::sqrt(3.0)).epsilon(1e-6));
    for (NetSlot& slot : slots) slot.fold = slot.name == "S/member 2" ? 1 : 0;
    CHECK(std::isnan(mean_spread(slots, choices)));
}

TEST_CASE("nets that disagree only where a process has no events agree", "[gates]") {
    std::vector<TrainedNet> nets;
    for (const float shift : {-0.3F, 0.0F, 0.3F}) {
        nets.push_back(good_net());
        nets.back().quality.reference_logits = {1.0F + shift, -60.0F + 100.0F * shift};
    }
    const std::vector<NetSlot> slots = members(nets);

    CHECK(mean_spread(slots, choose_nets(slots, {}, 0)) ==
          Approx(0.3 / std::sqrt(3.0)).epsilon(1e-6));
}
