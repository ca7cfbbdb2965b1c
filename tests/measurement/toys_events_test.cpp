#include "measurement/toys_events.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

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

double rising(std::uint64_t i) { return static_cast<double>(i % 8) / 4.0; }

}  // namespace

TEST_CASE("a whole list is every event of the source", "[measurement][toys]") {
    const EventSet events = numbered(100, rising);

    CHECK(*whole_list(source_of(events)) == events);
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
