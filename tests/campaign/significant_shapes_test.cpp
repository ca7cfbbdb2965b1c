// Which learned shapes are only noise, and how much of it there is.
#include "campaign/significant_shapes.hpp"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;

namespace {

Campaign example() {
    return parse_campaign(test::example_toml +
                              "[[systematic]]\nname = \"scale\"\n"
                              "shape = { S = { up = \"S_up\", down = \"S_down\" } }\n",
                          "/campaigns");
}

struct Measured {
    double gain = 0.0;
    double error = 0.0;
    std::vector<float> logits = {};
    std::uint32_t fold = 0;
};

/// A finished ensemble of nets that were measured so.
EnsembleChoice ensemble(const std::string& name, const std::vector<Measured>& nets) {
    EnsembleChoice choice;
    choice.name = name;
    choice.complete = true;
    for (const Measured& measured : nets) {
        TrainedNet net;
        net.quality.held_out_gain = measured.gain;
        net.quality.held_out_error = measured.error;
        net.quality.reference_logits = measured.logits;
        NetSlot slot;
        slot.fold = measured.fold;
        slot.tried = {{"", {}, std::make_shared<TrainedNet>(std::move(net))}};
        choice.slots.push_back(slot);
        choice.choices.emplace_back().state = SlotChoice::State::chosen;
    }
    return choice;
}

ShapeSignificance tested(const std::vector<EnsembleChoice>& choices) {
    return test_shapes(example(), choices).at(0);
}

ShapeSignificance tested(const std::vector<Measured>& up, const std::vector<Measured>& down) {
    return tested({ensemble("S/scale/up", up), ensemble("S/scale/down", down)});
}

/// Logits of the nets of one half on some nominal events: a shape, and noise of its own.
struct Halves {
    std::vector<float> up;
    std::vector<float> down;
};

Halves half(std::uint64_t seed, double sigma, double common) {
    PhiloxSequence random(seed, 0);
    PhiloxSequence shape(99, 0);
    Halves nets;
    for (int event = 0; event < 512; ++event) {
        const double z = 0.3 * shape.normal();
        const double nominal = common * random.normal();  // noise of the nominal sample
        nets.up.push_back(static_cast<float>(0.05 + z + nominal + sigma * random.normal()));
        nets.down.push_back(static_cast<float>(-z + nominal + sigma * random.normal()));
    }
    return nets;
}

}  // namespace

TEST_CASE("a shape is real where both sides together gain more than chance", "[campaign]") {
    CHECK(tested({{.gain = 4e-4, .error = 1e-4}}, {{.gain = 3e-4, .error = 1e-4}}).significant);
    CHECK_FALSE(
        tested({{.gain = 3e-4, .error = 1e-4}}, {{.gain = 3e-4, .error = 1e-4}}).significant);
    CHECK_FALSE(
        tested({{.gain = -1e-5, .error = 1e-5}}, {{.gain = -2e-5, .error = 1e-5}}).significant);
    // One side alone: the other one's net learned nothing, and costs nothing.
    CHECK(tested({{.gain = 4e-4, .error = 1e-4}}, {{.gain = 0.0, .error = 0.0}}).significant);
    // Constant nets, exactly.
    CHECK_FALSE(tested({{.gain = 0.0, .error = 0.0}}, {{.gain = 0.0, .error = 0.0}}).significant);
}

TEST_CASE("members see the same events, folds others", "[campaign]") {
    const ShapeSignificance members =
        tested({{.gain = 4e-4, .error = 1e-4}, {.gain = 2e-4, .error = 3e-4}},
               {{.gain = 1e-4, .error = 1e-4}});
    CHECK(members.gain == Approx(3e-4 + 1e-4));
    CHECK(members.gain_error == Approx(2e-4 + 1e-4));

    const ShapeSignificance folds =
        tested({{.gain = 4e-4, .error = 3e-4, .fold = 0}, {.gain = 2e-4, .error = 4e-4, .fold = 1}},
               {{.gain = 0.0, .error = 0.0, .fold = 0}, {.gain = 0.0, .error = 0.0, .fold = 1}});
    CHECK(folds.gain == Approx(3e-4));
    CHECK(folds.gain_error == Approx(2.5e-4));
}

TEST_CASE("what was not measured is not judged", "[campaign]") {
    const double nan = std::nan("");
    CHECK(tested({{.gain = nan, .error = nan}}, {{.gain = 0.0, .error = 1e-4}}).significant);
    EnsembleChoice up = ensemble("S/scale/up", {{.gain = 0.0, .error = 1e-4}});
    up.complete = false;

    const ShapeSignificance open =
        tested({up, ensemble("S/scale/down", {{.gain = 0.0, .error = 1e-4}})});

    CHECK(open.significant);
    CHECK(std::isnan(open.gain));
    CHECK(std::isnan(open.noise_variance));
}

TEST_CASE("two halves disagree by their noise, whatever the shape", "[campaign]") {
    // d = (up - down) / 2 of one half has the noise sigma^2 / 2, the mean of both half of that;
    // what the nominal sample does to both sides drops out.
    constexpr double sigma = 0.1;
    const Halves one = half(1, sigma, 0.5);
    const Halves two = half(2, sigma, 0.5);

    const ShapeSignificance significance =
        tested({ensemble("S/scale/up", {{.logits = one.up}, {.logits = two.up}}),
                ensemble("S/scale/down", {{.logits = one.down}, {.logits = two.down}})});

    const double expected = 0.5 * 0.5 * sigma * sigma;
    CHECK(significance.noise_variance == Approx(expected).epsilon(4.0 * std::sqrt(2.0 / 512)));
}

TEST_CASE("several nets of a half are averaged before halves are compared", "[campaign]") {
    const Halves one = half(1, 0.1, 0.0);
    const Halves two = half(2, 0.1, 0.0);
    // Nets in turn of both halves: those of one half as far apart as they like.
    const auto four = [](std::vector<float> a, std::vector<float> b) {
        std::vector<Measured> nets{{.logits = a}, {.logits = b}, {.logits = a}, {.logits = b}};
        for (std::size_t event = 0; event < a.size(); ++event) {
            nets[0].logits[event] += event % 3 == 0 ? 0.5F : 0.0F;
            nets[2].logits[event] -= event % 3 == 0 ? 0.5F : 0.0F;
        }
        return nets;
    };
    const auto pair = tested({{.logits = one.up}, {.logits = two.up}},
                             {{.logits = one.down}, {.logits = two.down}});

    const auto both = tested(four(one.up, two.up), four(one.down, two.down));

    CHECK(both.noise_variance == Approx(pair.noise_variance).epsilon(1e-6));
}

TEST_CASE("a shift between the halves is no noise: it is normalised away", "[campaign]") {
    Halves one = half(1, 0.0, 0.0);
    Halves two = one;
    for (float& logit : two.up) logit += 0.25F;

    const ShapeSignificance significance =
        tested({ensemble("S/scale/up", {{.logits = one.up}, {.logits = two.up}}),
                ensemble("S/scale/down", {{.logits = one.down}, {.logits = two.down}})});

    CHECK(significance.noise_variance == Approx(0.0).margin(1e-12));
}

TEST_CASE("halves are compared within their fold", "[campaign]") {
    const Halves one = half(1, 0.1, 0.0);
    const Halves two = half(2, 0.1, 0.0);
    const auto folds = [&](const std::vector<float>& a, const std::vector<float>& b) {
        return std::vector<Measured>{{.logits = a, .fold = 0},
                                     {.logits = b, .fold = 0},
                                     {.logits = a, .fold = 1},
                                     {.logits = a, .fold = 1}};
    };
    const auto single =
        tested({ensemble("S/scale/up", {{.logits = one.up}, {.logits = two.up}}),
                ensemble("S/scale/down", {{.logits = one.down}, {.logits = two.down}})});

    const auto both = tested({ensemble("S/scale/up", folds(one.up, two.up)),
                              ensemble("S/scale/down", folds(one.down, two.down))});

    CHECK(both.noise_variance == Approx(0.5 * single.noise_variance));
}

TEST_CASE("noise alone constrains as the information that it pretends", "[campaign]") {
    // A fitted 35-parameter classifier on 20k events per class gave 0.72 for a truth of 1.
    CHECK(error_by_noise(1.0, 0.0) == 1.0);
    CHECK(error_by_noise(1.0, 0.93) == Approx(0.72).epsilon(0.001));
    CHECK(error_by_noise(0.5, 12.0) == Approx(0.25));
}

TEST_CASE("a parameter that one process shows keeps the shapes of all", "[campaign]") {
    const Campaign campaign =
        parse_campaign(test::example_toml +
                           "[[systematic]]\nname = \"scale\"\n"
                           "shape = { S = { up = \"S_up\", down = \"S_down\" }, B = { up = "
                           "\"B_up\", down = \"B_down\" } "
                           "}\n"
                           "[[systematic]]\nname = \"other\"\n"
                           "shape = { S = { up = \"S_o_up\", down = \"S_o_down\" } }\n",
                       "/campaigns");
    const Measured shown{.gain = 9e-4, .error = 1e-4};
    const Measured nothing{.gain = 0.0, .error = 1e-4};
    const auto none = [&](const Measured& of_s) {
        std::vector<bool> result;
        for (const ShapeSignificance& significance : test_shapes(
                 campaign,
                 std::vector<EnsembleChoice>{
                     ensemble("S/scale/up", {of_s}), ensemble("S/scale/down", {of_s}),
                     ensemble("B/scale/up", {nothing}), ensemble("B/scale/down", {nothing}),
                     ensemble("S/other/up", {nothing}), ensemble("S/other/down", {nothing})})) {
            result.push_back(!significance.significant);
        }
        return result;
    };

    CHECK(none(shown) == std::vector<bool>{false, false, true});
    CHECK(none(nothing) == std::vector<bool>{true, true, true});
}
