#include "workers/trainer/quality/held_out_gain.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

namespace ratiofarm::trainer {
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

auto exact_net(double shift) {
    return [shift](double x) { return shift * x - 0.5 * shift * shift; };
}

TEST_CASE("the exact ratio of two Gaussians gains a quarter of their squared distance",
          "[trainer]") {
    const double shift = GENERATE(0.1, 1.0);

    const HeldOutGain gain = TwoGaussians(shift, 400000, 7, exact_net(shift)).gain();

    CHECK(std::abs(gain.gain - 0.25 * shift * shift) < 4.0 * gain.error);
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

TEST_CASE("a net that learned noise gains nothing", "[trainer]") {
    // Whatever the class, z is the same function of x.
    const auto noise = [](double x) { return 0.2 * std::cos(40.0 * x) * std::sqrt(2.0); };

    const HeldOutGain gain = TwoGaussians(0.0, 400000, 3, noise).gain();

    CHECK(std::abs(gain.gain) < 4.0 * gain.error);
    CHECK(gain.error == Approx(0.25 * 0.2 * std::sqrt(2.0 / 400000)).epsilon(0.02));
}

TEST_CASE("an event in both classes counts once, as a soft target", "[trainer]") {
    TwoGaussians gaussians(0.0, 1000, 5, [](double x) { return 0.1 * x; });
    gaussians.numerator = gaussians.denominator;
    gaussians.numerator.in = TrainedClass::numerator;
    double total = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        total += gaussians.numerator.weight[i] = std::exp(0.1 * gaussians.numerator.logit[i]);
    }

    const HeldOutGain gain = gaussians.gain();

    // By hand: one term per event, (a - b) z / 2.
    std::vector<double> gain_a;
    std::vector<double> gain_b;
    double mean_a = 0.0;
    double mean_b = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const double z = gaussians.denominator.logit[i];
        gain_a.push_back(0.5 * z);
        gain_b.push_back(-0.5 * z);
        mean_a += gaussians.numerator.weight[i] / total * gain_a.back();
        mean_b += gain_b.back() / 1000.0;
    }
    double squares = 0.0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const double term = 0.5 * (gaussians.numerator.weight[i] / total * (gain_a[i] - mean_a) +
                                   (gain_b[i] - mean_b) / 1000.0);
        squares += term * term;
    }
    CHECK(gain.gain == Approx(0.5 * (mean_a + mean_b)));
    CHECK(gain.error == Approx(std::sqrt(squares)));
    CHECK(gain.events == 1000);
}

TEST_CASE("components weigh by their fractions and odd logits are left out", "[trainer]") {
    TwoGaussians gaussians(0.5, 1000, 9, exact_net(0.5));
    HeldOutComponent half = gaussians.denominator;
    half.fraction = 0.5;
    HeldOutComponent heavy = half;
    for (double& weight : heavy.weight) weight *= 7.0;
    HeldOutComponent odd = gaussians.numerator;
    odd.logit.push_back(std::numeric_limits<double>::quiet_NaN());
    odd.weight.push_back(1e9);
    odd.id.push_back(1'000'000);

    const HeldOutGain gain = held_out_gain(std::vector{odd, half, heavy});

    CHECK(gain.gain == Approx(gaussians.gain().gain));
    CHECK(gain.error == Approx(gaussians.gain().error));
}

TEST_CASE("without positive weight there is no gain", "[trainer]") {
    TwoGaussians gaussians(0.5, 10, 9, exact_net(0.5));
    gaussians.numerator.weight.assign(10, -1.0);

    CHECK(std::isnan(gaussians.gain().gain));
    CHECK(std::isnan(gaussians.gain().error));
}

}  // namespace
}  // namespace ratiofarm::trainer
