#include "measurement/toys_events.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <random>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "measurement/cancelled_weights.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// n events of two processes and one shape; every number names its row.
EventSet numbered(std::uint64_t n, double (*weight)(std::uint64_t)) {
    EventSet events;
    events.processes = {"S", "B"};
    events.shapes = {{"S", "alpha"}};
    events.total = n;
    for (std::uint64_t i = 0; i < n; ++i) {
        events.weight.push_back(weight(i));
        events.log_r.push_back(static_cast<double>(i));
        events.log_r.push_back(-static_cast<double>(i));
    }
    for (const float side : {0.25F, 0.5F}) {
        for (std::uint64_t i = 0; i < n; ++i) {
            events.log_g.push_back(static_cast<float>(i) + side);
        }
    }
    return events;
}

/// n events of density 1 in x from 0 to 1, of which S has 2x and B 2 (1 - x). A share of 0.45 x of
/// them is negative, and |w| makes up for it.
EventSet signed_events(std::uint64_t n, std::vector<double>& x) {
    EventSet events;
    events.processes = {"S", "B"};
    events.total = n;
    events.origins = {{"R", 0, 0}};
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    for (std::uint64_t i = 0; i < n; ++i) {
        x.push_back(uniform(random));
        const double share = 0.45 * x.back();
        const double sign = uniform(random) < share ? -1.0 : 1.0;
        events.reference.push_back(sign / (1.0 - 2.0 * share) / static_cast<double>(n));
        events.log_r.push_back(std::log(2.0 * x.back()));
        events.log_r.push_back(std::log(2.0 - 2.0 * x.back()));
    }
    events.weight.assign(n, 0.0);
    return events;
}

double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

double rising(std::uint64_t i) { return static_cast<double>(i % 8) / 4.0; }

}  // namespace

TEST_CASE("a whole list is every event of the source", "[measurement][toys]") {
    const EventSet events = numbered(100, rising);

    CHECK(*whole_list(source_of(events)) == events);
}

TEST_CASE("cancelled weights are positive and keep density and expected events",
          "[measurement][toys]") {
    std::vector<double> x;
    const EventSet before = signed_events(40000, x);
    EventSet events = before;

    const auto sets = cancel_negative_weights(events, std::vector{20.0, 80.0});

    REQUIRE(sets.size() == 1);
    CHECK(sets[0].set == "R");
    CHECK(sets[0].negative > 8000);
    CHECK(sets[0].effective == Approx(effective_events(before.reference)));
    CHECK(sets[0].cells > 50);
    for (const double w : events.reference) CHECK(w >= 0.0);
    CHECK(sum_of(events.reference) == Approx(sum_of(before.reference)).epsilon(1e-12));
    for (std::size_t j = 0; j < 2; ++j) {
        double was = 0.0;
        double is = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            was += before.reference[i] * std::exp(before.log_r[2 * i + j]);
            is += events.reference[i] * std::exp(events.log_r[2 * i + j]);
        }
        CHECK(is == Approx(was).epsilon(1e-12));
        CHECK(events.log_r[j] == Approx(before.log_r[j]).margin(0.05));
    }
    // A tenth of the density in each tenth of x, within what the signed weights know of it.
    for (std::size_t slice = 0; slice < 10; ++slice) {
        double sum = 0.0;
        double squares = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (static_cast<std::size_t>(10.0 * x[i]) != slice) continue;
            sum += events.reference[i];
            squares += before.reference[i] * before.reference[i];
        }
        CAPTURE(slice, sum);
        CHECK(std::abs(sum - 0.1) < 4.0 * std::sqrt(squares));
    }
}

TEST_CASE("weights that are positive keep their bits, and too few events are refused",
          "[measurement][toys]") {
    std::vector<double> x;
    EventSet events = signed_events(1000, x);
    for (double& w : events.reference) w = std::abs(w);
    const EventSet before = events;
    EventSet few = signed_events(40, x);

    const auto sets = cancel_negative_weights(events, std::vector{20.0, 80.0});

    CHECK(events == before);
    CHECK(sets[0].cells == 0);
    CHECK_THROWS_WITH(cancel_negative_weights(few, std::vector{20.0, 80.0}),
                      Contains("reference events of 'R'") && Contains("worth"));
}

TEST_CASE("weights of a long list are read in pieces, each event once", "[measurement][toys]") {
    const EventSet events = numbered(40000, rising);
    EventSource source = source_of(events);
    std::atomic<std::uint64_t> read = 0;
    std::atomic<std::uint64_t> largest = 0;
    source.read = [&, inner = source.read](Range range) {
        read += range.size();
        largest = std::max(largest.load(), range.size());
        return inner(range);
    };

    const std::vector<double> weights = weights_of(source);

    CHECK(weights == events.weight);
    CHECK(read == events.size());
    CHECK(largest < events.size());
    CHECK(weights_of(source_of(numbered(0, rising))).empty());
}

TEST_CASE("unweighted events keep their ratios and shapes and have weight one",
          "[measurement][toys]") {
    const EventSet kept = unweighted_events(numbered(1000, rising), "S", 11);

    CHECK(kept.processes == std::vector<std::string>{"S", "B"});
    CHECK(kept.shapes == std::vector<ShapeColumn>{{"S", "alpha"}});
    CHECK(kept.total == kept.size());
    CHECK(kept.log_r.size() == 2 * kept.size());
    REQUIRE(kept.log_g.size() == 2 * kept.size());
    CHECK(std::all_of(kept.weight.begin(), kept.weight.end(), [](double w) { return w == 1.0; }));
    double before = -1.0;
    for (std::uint64_t i = 0; i < kept.size(); ++i) {
        const double row = kept.log_r[2 * i];
        CHECK(row > before);
        CHECK(kept.log_r[2 * i + 1] == -row);
        CHECK(double{kept.log_g[i]} == row + 0.25);
        CHECK(double{kept.log_g[kept.size() + i]} == row + 0.5);
        before = row;
    }
}

TEST_CASE("an event is kept with the probability weight over largest weight",
          "[measurement][toys]") {
    constexpr std::uint64_t n = 80000;
    const EventSet kept = unweighted_events(numbered(n, rising), "S", 5);

    std::array<double, 8> counts{};
    for (std::uint64_t i = 0; i < kept.size(); ++i) {
        ++counts[static_cast<std::uint64_t>(kept.log_r[2 * i]) % 8];
    }
    constexpr double each = n / 8.0;
    CHECK(counts[0] == 0.0);
    CHECK(counts[7] == each);
    for (std::size_t k = 1; k < 7; ++k) {
        const double p = static_cast<double>(k) / 7.0;
        INFO(k);
        CHECK(std::abs(counts[k] - each * p) < 5.0 * std::sqrt(each * p * (1.0 - p)));
    }
}

TEST_CASE("the same key keeps the same events, another key others", "[measurement][toys]") {
    const EventSet events = numbered(1000, rising);

    CHECK(unweighted_events(events, "S", 3) == unweighted_events(events, "S", 3));
    CHECK_FALSE(unweighted_events(events, "S", 3) == unweighted_events(events, "S", 4));
}

TEST_CASE("events of equal weights are all kept", "[measurement][toys]") {
    const EventSet kept = unweighted_events(numbered(500, [](auto) { return 0.125; }), "S", 1);

    CHECK(kept.size() == 500);
}

TEST_CASE("a sample with a negative weight cannot be unweighted", "[measurement][toys]") {
    const EventSet events = numbered(10, [](std::uint64_t i) { return i == 7 ? -0.5 : 1.0; });

    CHECK_THROWS_WITH(
        unweighted_events(events, "SBI", 1),
        Contains("sample 'SBI' has negative weights") && Contains("throw from the mixture"));
}
