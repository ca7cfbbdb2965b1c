#include "workers/trainer/quality/net_quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

#include "scored_gaussians.hpp"

using namespace ratiofarm;
using namespace ratiofarm::trainer;
using ratiofarm::test::ScoredGaussians;

namespace {

const ScoredGaussians validation(20000, 7);
const ScoredGaussians training(30000, 8);

/// Quality of a net whose logits are a function of the exact ones.
NetQuality quality_of(const std::function<double(double)>& distort,
                      const CalibrationMap& map = {}) {
    const std::vector<float> logits = validation.logits(distort);
    const std::vector<float> training_logits = training.logits(distort);
    return measure_quality(validation.with(logits), training.with(training_logits), map);
}

/// Events in two classes with features and logits from a formula; one weight each.
struct PlainEvents {
    std::vector<float> rows;
    std::vector<float> logits;

    void add(double feature, bool positive, double logit, double weight = 1.0) {
        const auto w = static_cast<float>(weight);
        rows.insert(rows.end(), {static_cast<float>(feature), positive ? w : 0.0F, w});
        logits.push_back(static_cast<float>(logit));
    }
    ScoredTable table() const { return {rows, 3, logits}; }
};

}  // namespace

TEST_CASE("exact ratios pass every measure", "[quality]") {
    const NetQuality quality = quality_of([](double z) { return z; });

    CHECK(std::abs(quality.excess) < 3.0 * quality.excess_error);
    CHECK(quality.excess_error < 0.01);
    CHECK(quality.sc_rms <= quality.sc_noise);
    CHECK(quality.sc_norm <= quality.sc_noise);
    CHECK(std::abs(quality.calibration_slope - 1.0) < 3.0 * quality.slope_error);
    CHECK(quality.slope_error < 0.02);
    CHECK(quality.overtraining < quality.overtraining_noise);
    REQUIRE(quality.closure.size() == 1);
    CHECK(quality.closure[0] <= quality.closure_noise[0]);
    CHECK(quality.not_finite == 0);
    CHECK(quality.saturated < 20);  // far out on the side of B they are right
}

TEST_CASE("the statistical error of the excess is its scatter over samples", "[quality]") {
    constexpr int samples = 200;
    double squares = 0.0;
    double errors = 0.0;
    for (int i = 0; i < samples; ++i) {
        const ScoredGaussians gaussians(500, 100 + static_cast<std::uint64_t>(i));
        const std::vector<float> logits = gaussians.logits([](double z) { return z; });
        const NetQuality quality =
            measure_quality(gaussians.with(logits), gaussians.with(logits), {});
        squares += quality.excess * quality.excess / samples;
        errors += quality.excess_error / samples;
    }

    // The two halves of the reference have fixed sizes here, which the formula does not know of: it
    // may be too large by the part of the variance that lies between them.
    CHECK(std::sqrt(squares) < errors);
    CHECK(std::sqrt(squares) > 0.6 * errors);
}

TEST_CASE("a wrong scale is an excess and a deviation that normalising removes", "[quality]") {
    const NetQuality quality = quality_of([](double z) { return z + std::log(1.2); });

    const double exact_excess = quality_of([](double z) { return z; }).excess;
    CHECK(quality.excess == Approx(1.2 * (1.0 + exact_excess) - 1.0).epsilon(1e-6));
    CHECK(quality.sc_rms == Approx(0.2).margin(0.02));
    CHECK(quality.sc_norm <= quality.sc_noise);
    CHECK(quality.closure[0] == Approx(0.2).margin(0.02));
}

TEST_CASE("the slope undoes a stretched logit", "[quality]") {
    const NetQuality quality = quality_of([](double z) { return 1.25 * z + 0.3; });

    CHECK(quality.calibration_slope == Approx(1.0 / 1.25).margin(3.0 * quality.slope_error));
    CHECK(quality.sc_norm > 2.0 * quality.sc_noise);
}

TEST_CASE("r = 1 passes the excess and is seen to be constant", "[quality]") {
    const NetQuality quality = quality_of([](double) { return 0.0; });

    CHECK(quality.excess == Approx(0.0).margin(1e-9));
    CHECK(quality.logit_spread == 0.0);
    CHECK(std::isnan(quality.calibration_slope));
    CHECK(quality.closure[0] > 0.1);
}

TEST_CASE("the curve shows the class fraction of each bin", "[quality]") {
    // 100 events of either class at each of three logits, with 30, 50 and 60 per cent numerator.
    PlainEvents events;
    for (int i = 0; i < 100; ++i) {
        events.add(0.0, i < 30, -1.0);
        events.add(0.0, i < 50, 0.0);
        events.add(0.0, i < 70, 2.0);
    }

    const NetQuality quality = measure_quality(events.table(), events.table(), {});

    REQUIRE(quality.calibration_observed.size() == 3);
    CHECK(quality.calibration_observed[0] == Approx(0.3).epsilon(1e-6));
    CHECK(quality.calibration_observed[2] == Approx(0.7).epsilon(1e-6));
    CHECK(quality.calibration_predicted[0] == Approx(1.0 / (1.0 + std::exp(1.0))).epsilon(1e-6));
    CHECK(quality.calibration_error[0] == Approx(std::sqrt(0.3 * 0.7 / 100.0)).epsilon(1e-6));
}

TEST_CASE("the overtraining distance is that of the cumulative distributions", "[quality]") {
    // Both classes alike: half of the training events lie where no validation event is.
    PlainEvents one;
    PlainEvents other;
    for (int i = 0; i < 200; ++i) {
        one.add(0.0, i % 2 == 0, i % 4 < 2 ? -1.0 : 1.0);
        other.add(0.0, i % 2 == 0, 1.0);
    }

    const NetQuality quality = measure_quality(one.table(), other.table(), {});

    CHECK(quality.overtraining == Approx(0.5));
    CHECK(quality.overtraining_noise == Approx(1.95 * std::sqrt(2.0 / 100.0)).epsilon(1e-3));
}

TEST_CASE("logits that are not finite are counted and change nothing else", "[quality]") {
    const auto mild = [](double z) { return std::max(z, -10.0); };
    std::vector<float> logits = validation.logits(mild);
    const std::vector<float> training_logits = training.logits(mild);
    std::vector<float> rows = validation.rows;
    for (const float odd : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
        rows.insert(rows.end(), {0.0F, 1.0F, 1.0F});
        logits.push_back(odd);
    }
    logits[0] = 100.0F;

    const NetQuality quality =
        measure_quality({rows, 3, logits}, training.with(training_logits), {});
    rows.resize(rows.size() - 6);
    logits.resize(logits.size() - 2);
    NetQuality finite = measure_quality({rows, 3, logits}, training.with(training_logits), {});

    CHECK(quality.not_finite == 2);
    CHECK(quality.saturated == 1);
    finite.not_finite = 2;
    CHECK(quality.excess == Approx(finite.excess));
    CHECK(quality.sc_rms == Approx(finite.sc_rms));
    CHECK(quality.logit_spread == Approx(finite.logit_spread));
}

TEST_CASE("what cannot be measured is no number", "[quality]") {
    const std::vector<float> logits(validation.exact.size(), std::nanf(""));

    const NetQuality quality = measure_quality(validation.with(logits), {}, {});

    CHECK(quality.not_finite == logits.size());
    CHECK(std::isnan(quality.excess));
    CHECK(std::isnan(quality.sc_rms));
    CHECK(std::isnan(quality.logit_spread));
}

TEST_CASE("a common factor of the weights changes nothing", "[quality]") {
    const std::vector<float> logits = validation.logits([](double z) { return 1.1 * z; });
    std::vector<float> heavy = validation.rows;
    for (std::size_t i = 0; i < heavy.size(); i += 3) {
        heavy[i + 1] *= 1024.0F;
        heavy[i + 2] *= 1024.0F;
    }

    const auto quality = measure_quality(validation.with(logits), validation.with(logits), {});
    const auto scaled = measure_quality({heavy, 3, logits}, {heavy, 3, logits}, {});

    CHECK(scaled.excess == Approx(quality.excess).epsilon(1e-9));
    CHECK(scaled.slope_error == Approx(quality.slope_error).epsilon(1e-9));
    CHECK(scaled.sc_rms == Approx(quality.sc_rms).epsilon(1e-9));
}

TEST_CASE("negative weights subtract", "[quality]") {
    // Every third event again with weight -1/2, and once more with +1/2: as if it were not there.
    PlainEvents plain;
    PlainEvents split;
    PhiloxSequence random(3);
    for (int i = 0; i < 3000; ++i) {
        const bool positive = i % 2 == 0;
        const double x = random.normal() + (positive ? 0.5 : -0.5);
        plain.add(x, positive, x);
        split.add(x, positive, x);
        if (i % 3 != 0) continue;
        split.add(x, positive, x, -0.5);
        split.add(x, positive, x, 0.5);
    }

    const NetQuality expected = measure_quality(plain.table(), plain.table(), {});
    const NetQuality quality = measure_quality(split.table(), split.table(), {});

    CHECK(quality.excess == Approx(expected.excess).epsilon(1e-9));
    CHECK(quality.calibration_slope == Approx(expected.calibration_slope).epsilon(1e-9));
    CHECK(quality.excess_error > expected.excess_error);
}

TEST_CASE("nets of one table are compared on the same events", "[quality]") {
    const std::vector<float> one = validation.logits([](double z) { return z; });
    const std::vector<float> other = validation.logits([](double z) { return z + 1.0; });

    const auto first = measure_quality(validation.with(one), {}, {}).reference_logits;
    const auto second = measure_quality(validation.with(other), {}, {}).reference_logits;

    REQUIRE(first.size() == second.size());
    CHECK(first.size() > 400);
    CHECK(first.size() <= 512);
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(second[i] == Approx(first[i] + 1.0F));
}

TEST_CASE("scores of both classes in training and validation are shares with errors", "[quality]") {
    PlainEvents held;
    for (int i = 0; i < 1000; ++i) held.add(0.0, i % 2 == 0, 0.01 * i, i % 2 == 0 ? 3.0 : 1.0);
    held.logits[500] = std::numeric_limits<float>::quiet_NaN();  // left out
    PlainEvents seen;
    seen.add(0.0, true, 7.6);
    seen.add(0.0, false, -100.0);
    seen.add(0.0, false, 100.0, 3.0);
    const CalibrationMap twice{{0.0F, 10.0F}, {0.0F, 20.0F}};

    const ScoreHistograms scores = measure_scores(held.table(), seen.table(), twice);

    CHECK(scores.low == Approx(0.08));  // without two events on each side
    CHECK(scores.high == Approx(19.88));
    REQUIRE(scores.shares.size() == 4 * score_histogram_bins);
    REQUIRE(scores.errors.size() == scores.shares.size());
    const auto share = [&](std::size_t which, std::size_t bin) {
        return scores.shares[which * score_histogram_bins + bin];
    };
    CHECK(share(0, 15) == 1.0F);  // 15.2 of 0.08 to 19.88
    CHECK(share(1, 0) == 0.25F);
    CHECK(share(1, 19) == 0.75F);
    CHECK(scores.errors[2 * score_histogram_bins - 1] == 0.75F);
    for (const std::size_t which : {2U, 3U}) {
        const double events = which == 2 ? 499.0 : 500.0;
        double total = 0.0;
        for (std::size_t bin = 0; bin < score_histogram_bins; ++bin) {
            const std::size_t at = which * score_histogram_bins + bin;
            const double inside = std::round(scores.shares[at] * events);
            CHECK(inside == Approx(25.0).margin(3.0));
            CHECK(scores.shares[at] == Approx(inside / events));
            CHECK(scores.errors[at] == Approx(std::sqrt(inside) / events));
            total += scores.shares[at];
        }
        CHECK(total == Approx(1.0));
    }
}

TEST_CASE("a constant net has no scores", "[quality]") {
    PlainEvents events;
    for (int i = 0; i < 100; ++i) events.add(0.0, i % 2 == 0, 0.5);
    CHECK(measure_scores(events.table(), events.table(), {}) == ScoreHistograms{});
}
