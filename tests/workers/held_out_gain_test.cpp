#include "held_out_gain.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm/core/philox.hpp"
#include "ratiofarm_test/catch.hpp"

namespace ratiofarm {
namespace {

/// Events of N(shift, 1) against N(0, 1), with ids of their own and the logits of a net.
struct TwoGaussians {
    HeldOutComponent numerator{.in = TrainedClass::numerator};
    HeldOutComponent denominator{.in = TrainedClass::denominator};

    template <class Net>
    TwoGaussians(double shift, std::size_t events, std::uint64_t seed, const Net& net) {
        PhiloxSequence random(seed, 0);
        for (auto* component : {&numerator, &denominator}) {
            const double mean = component == &numerator ? shift : 0.0;
            for (std::size_t i = 0; i < events; ++i) {
                component->logit.push_back(net(mean + random.normal()));
                component->weight.push_back(1.0);
                component->id.push_back(next_id_++);
            }
        }
    }

    HeldOutGain gain() const { return held_out_gain(std::vector{numerator, denominator}); }

private:
    std::uint64_t next_id_ = 0;
};

/// The gain of the exact ratio, by the midpoint rule.
double exact_gain(double shift) {
    double sum = 0.0;
    constexpr double step = 1e-3;
    for (double x = -10.0; x < 10.0; x += step) {
        const double p = std::exp(-0.5 * (x - shift) * (x - shift)) / std::sqrt(2.0 * M_PI);
        const double q = std::exp(-0.5 * x * x) / std::sqrt(2.0 * M_PI);
        sum += 0.5 * step * (p * std::log(2.0 * p / (p + q)) + q * std::log(2.0 * q / (p + q)));
    }
    return sum;
}

auto exact_net(double shift) {
    return [shift](double x) { return shift * x - 0.5 * shift * shift; };
}

TEST_CASE("the exact ratio gains the distance of the densities", "[trainer]") {
    const double shift = GENERATE(0.1, 1.0);

    const HeldOutGain gain = TwoGaussians(shift, 400000, 7, exact_net(shift)).gain();

    CHECK(std::abs(gain.gain - exact_gain(shift)) < 4.0 * gain.error);
    CHECK(gain.error < 0.01 * shift);
    CHECK(gain.events == 800000);
}

TEST_CASE("the error is the scatter of the gain over samples of events", "[trainer]") {
    constexpr int samples = 400;
    double sum = 0.0;
    double squares = 0.0;
    double error = 0.0;
    for (int sample = 0; sample < samples; ++sample) {
        const auto gain =
            TwoGaussians(0.3, 500, 100 + static_cast<std::uint64_t>(sample), exact_net(0.3)).gain();
        sum += gain.gain;
        squares += gain.gain * gain.gain;
        error += gain.error / samples;
    }

    const double mean = sum / samples;
    const double scatter = std::sqrt(squares / samples - mean * mean);

    CHECK(error == Approx(scatter).epsilon(4.0 / std::sqrt(2.0 * samples)));
}

TEST_CASE("a net that learned noise loses by it", "[trainer]") {
    // z of variance v that says nothing about the class: -v / 8.
    const auto noise = [](double x) { return 0.2 * std::cos(40.0 * x) * std::sqrt(2.0); };

    const HeldOutGain gain = TwoGaussians(0.0, 400000, 3, noise).gain();

    CHECK(std::abs(gain.gain + 0.04 / 8.0) < 4.0 * gain.error);
    CHECK(gain.gain < 0.0);
}

TEST_CASE("an event in both classes counts once, as a soft target", "[trainer]") {
    TwoGaussians toy(0.0, 1000, 5, [](double x) { return 0.1 * x; });
    toy.numerator = toy.denominator;
    toy.numerator.in = TrainedClass::numerator;
    double total = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        total += toy.numerator.weight[i] = std::exp(0.1 * toy.numerator.logit[i]);
    }

    const HeldOutGain gain = toy.gain();

    // By hand: one term per event, a ln(1 + exp(-z)) + b ln(1 + exp(z)).
    std::vector<double> loss_a;
    std::vector<double> loss_b;
    double mean_a = 0.0;
    double mean_b = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const double z = toy.denominator.logit[i];
        loss_a.push_back(std::log(2.0) - std::log1p(std::exp(-z)));
        loss_b.push_back(std::log(2.0) - std::log1p(std::exp(z)));
        mean_a += toy.numerator.weight[i] / total * loss_a.back();
        mean_b += loss_b.back() / 1000.0;
    }
    double squares = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const double term = 0.5 * (toy.numerator.weight[i] / total * (loss_a[i] - mean_a) +
                                   (loss_b[i] - mean_b) / 1000.0);
        squares += term * term;
    }
    CHECK(gain.gain == Approx(0.5 * (mean_a + mean_b)));
    CHECK(gain.error == Approx(std::sqrt(squares)));
    CHECK(gain.events == 1000);
}

TEST_CASE("components weigh by their fractions and odd logits are left out", "[trainer]") {
    TwoGaussians toy(0.5, 1000, 9, exact_net(0.5));
    HeldOutComponent half = toy.denominator;
    half.fraction = 0.5;
    HeldOutComponent heavy = half;
    for (double& weight : heavy.weight) weight *= 7.0;
    HeldOutComponent odd = toy.numerator;
    odd.logit.push_back(std::numeric_limits<double>::quiet_NaN());
    odd.weight.push_back(1e9);
    odd.id.push_back(1'000'000);

    const HeldOutGain gain = held_out_gain(std::vector{odd, half, heavy});

    CHECK(gain.gain == Approx(toy.gain().gain));
    CHECK(gain.error == Approx(toy.gain().error));
}

TEST_CASE("without positive weight there is no gain", "[trainer]") {
    TwoGaussians toy(0.5, 10, 9, exact_net(0.5));
    toy.numerator.weight.assign(10, -1.0);

    CHECK(std::isnan(toy.gain().gain));
    CHECK(std::isnan(toy.gain().error));
}

}  // namespace
}  // namespace ratiofarm
