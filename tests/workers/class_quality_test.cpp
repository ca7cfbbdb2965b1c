// Quality of classifiers. Oracles: exact probabilities, distorted in a known way; the measures of a
// ratio for two classes.

#include "workers/trainer/quality/class_quality.hpp"

#include <cmath>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "workers/trainer/quality/net_quality.hpp"

namespace ratiofarm::trainer {
namespace {

/// Gaussians of unit width at -1, 0, 1.5 with exact ln probabilities, classes of equal weight.
struct Table {
    std::vector<float> weights;
    std::vector<float> logits;

    Table(std::size_t events, std::uint64_t seed, double slope = 1.0, double shift = 0.0) {
        PhiloxSequence random(seed);
        const std::vector<double> means{-1.0, 0.0, 1.5};
        for (std::size_t of = 0; of < 3; ++of) {
            for (std::size_t event = 0; event < events; ++event) {
                const double x = means[of] + random.normal();
                for (std::size_t k = 0; k < 3; ++k) {
                    weights.push_back(k == of ? 0.1F * static_cast<float>(of + 1) : 0.0F);
                    const double z = -0.5 * (x - means[k]) * (x - means[k]);
                    logits.push_back(static_cast<float>(slope * z + (k == 1 ? shift : 0.0)));
                }
            }
        }
    }
    ScoredClasses scored() const { return {weights, logits, 3}; }
};

TEST_CASE("exact class probabilities have no excess and slopes of one", "[quality]") {
    const Table table(20000, 1);
    const Table training(20000, 2);

    const NetQuality quality = measure_classes(table.scored(), training.scored());

    REQUIRE(quality.class_excess.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
        CHECK(std::abs(quality.class_excess[k]) < 4.0 * quality.class_excess_error[k]);
        CHECK(quality.class_excess_error[k] < 0.02);
        CHECK(std::abs(quality.class_slope[k] - 1.0) < 4.0 * quality.class_slope_error[k]);
        CHECK(quality.class_slope_error[k] < 0.03);
    }
    CHECK(quality.overtraining < quality.overtraining_noise);
    CHECK(quality.constant_loss == Approx(std::log(3.0)));
    CHECK(quality.sc_rms == 0.0);
    CHECK(quality.closure.empty());
}

TEST_CASE("the errors of a class are those of repeated samples", "[quality]") {
    constexpr int times = 200;
    std::vector<double> excess;
    double error = 0.0;
    for (int seed = 0; seed < times; ++seed) {
        const Table table(300, static_cast<std::uint64_t>(100 + seed));
        const NetQuality quality = measure_classes(table.scored(), table.scored());
        excess.push_back(quality.class_excess[2]);
        error += quality.class_excess_error[2] / times;
    }
    double square = 0.0;
    for (const double value : excess) square += value * value / times;
    CHECK(std::sqrt(square) == Approx(error).epsilon(0.2));  // 5 % by chance
}

TEST_CASE("a classifier that is wrong shows it in its numbers", "[quality]") {
    const Table training(20000, 2);

    const Table steep(20000, 1, 2.0);
    const NetQuality sharp = measure_classes(steep.scored(), training.scored());
    CHECK(sharp.calibration_slope < 0.8);

    const Table shifted(20000, 1, 1.0, 0.5);
    const NetQuality biased = measure_classes(shifted.scored(), training.scored());
    CHECK(biased.class_excess[1] > 0.2);
    CHECK(biased.class_excess[0] < 0.0);
    CHECK(std::abs(biased.excess) > 5.0 * biased.excess_error);
}

TEST_CASE("two classes are measured as a ratio is", "[quality]") {
    PhiloxSequence random(7);
    std::vector<float> rows;
    std::vector<float> ratio;
    std::vector<float> weights;
    std::vector<float> logits;
    for (int event = 0; event < 4000; ++event) {
        const bool positive = event % 2 == 0;
        const double x = random.normal() + (positive ? 0.5 : -0.5);
        const auto z = static_cast<float>(1.3 * x);
        rows.insert(rows.end(), {positive ? 1.0F : 0.0F, 1.0F});
        ratio.push_back(z);
        weights.insert(weights.end(), {positive ? 0.0F : 1.0F, positive ? 1.0F : 0.0F});
        logits.insert(logits.end(), {0.7F, 0.7F + z});
    }
    const ScoredTable scored{rows, 2, ratio};

    const NetQuality expected = measure_quality(scored, scored, {});
    const NetQuality found = measure_classes({weights, logits, 2}, {weights, logits, 2});

    for (const std::size_t k : {0U, 1U}) {
        CHECK(found.class_slope[k] == Approx(expected.calibration_slope).epsilon(1e-5));
        CHECK(found.class_slope_error[k] == Approx(expected.slope_error).epsilon(1e-5));
    }
    CHECK(found.logit_spread == Approx(expected.logit_spread).epsilon(1e-5));
    CHECK(found.constant_loss == Approx(expected.constant_loss));
}

TEST_CASE("logits of a classifier that are not finite are counted and left out", "[quality]") {
    Table table(2000, 1);
    const NetQuality before = measure_classes(table.scored(), table.scored());
    table.logits[3 * 100 + 1] = std::nanf("");
    table.logits[3 * 4000] = INFINITY;

    const NetQuality quality = measure_classes(table.scored(), table.scored());

    CHECK(before.not_finite == 0);
    CHECK(quality.not_finite == 2);
    CHECK(quality.calibration_slope == Approx(before.calibration_slope).margin(0.02));
}

}  // namespace
}  // namespace ratiofarm::trainer
