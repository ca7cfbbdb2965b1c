#include "pipeline/search/ratio_quality.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/search/search_plan.hpp"
#include "campaign/search/search_sigma.hpp"
#include "tests/workers/scored_gaussians.hpp"

using namespace ratiofarm;

namespace {

constexpr std::size_t of_sample = 20000;

/// The events of a table, by sample; of S with weights of another sum.
std::vector<ScoredRatioEvents> by_sample(const test::ScoredGaussians& table,
                                         const std::vector<float>& log_ratio) {
    std::vector<ScoredRatioEvents> events;
    for (const bool signal : {true, false}) {
        const auto first = static_cast<std::ptrdiff_t>(signal ? 0 : of_sample);
        ScoredRatioEvents sample{.features = 1};
        sample.log_ratio.assign(log_ratio.begin() + first, log_ratio.begin() + first + of_sample);
        for (std::size_t event = 0; event < of_sample; ++event) {
            const std::size_t row = static_cast<std::size_t>(first) + event;
            sample.rows.insert(sample.rows.end(), {table.rows[3 * row], 0.0F, 0.0F});
        }
        const std::vector<double> weight(of_sample, signal ? 0.25 : 7.0);
        sample.add(weight, signal ? 1.0 : 0.0, 0.5);
        events.push_back(std::move(sample));
    }
    return events;
}

}  // namespace

TEST_CASE("members that are wrong in opposite ways make a good ratio", "[pipeline][search]") {
    const test::ScoredGaussians table(of_sample, 3);
    // r (1 + t) and r (1 - t): their mean is r.
    const auto tilted = [&](double sign) {
        return table.logits([sign](double z) { return z + std::log1p(sign * 0.8 * std::tanh(z)); });
    };
    const auto objective = [](SearchObjective what, const NetQuality& quality) {
        return quality_objective(what, quality);
    };

    const auto mean = quality_of_ratio(by_sample(table, log_mean_ratio({tilted(1), tilted(-1)})));

    const auto exact = measure_quality(table.with(table.exact));
    const auto first = measure_quality(table.with(tilted(1)));
    const auto second = measure_quality(table.with(tilted(-1)));
    for (const auto what : {SearchObjective::closure, SearchObjective::calibration}) {
        CAPTURE(what);
        CHECK(objective(what, mean) == Approx(objective(what, exact)).margin(1e-4));
        CHECK(objective(what, mean) < 0.03);
        // What the mean over the members says.
        CHECK(0.5 * (objective(what, first) + objective(what, second)) > 0.2);
    }
    CHECK(mean.excess == Approx(exact.excess).margin(1e-5));
    CHECK(mean.overtraining == 0.0);
}

TEST_CASE("a ratio that is not finite is the worst", "[pipeline][search]") {
    const test::ScoredGaussians table(of_sample, 3);
    auto logits = table.exact;
    logits[7] = std::numeric_limits<float>::infinity();

    const auto quality = quality_of_ratio(by_sample(table, logits));

    CHECK(std::isinf(quality_objective(SearchObjective::closure, quality)));
}
