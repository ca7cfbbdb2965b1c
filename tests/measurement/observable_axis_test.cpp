#include "measurement/observable_axis.hpp"

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

namespace {

/// A flat background from 100 to 160 and a peak at 125, and which event is of which.
struct Example {
    ObservableAxis axis{.name = "mass"};
    std::vector<double> reference;
    ProcessEvents processes{{}, std::vector<std::vector<double>>(2)};
};

Example example(double peak_width, float tail) {
    Example result;
    PhiloxSequence random(11, 1);
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        const bool peak = i % 2 == 0;
        const double value =
            peak ? 125.0 + peak_width * random.normal() : 100.0 + 60.0 * random.uniform();
        result.axis.values.push_back(static_cast<float>(value));
        result.reference.push_back(1.0);
        result.processes.event.push_back(i);
        result.processes.weight[0].push_back(peak ? 1.0 : 0.0);
        result.processes.weight[1].push_back(peak ? 0.0 : 1.0);
    }
    for (int i = 0; i < 10; ++i) result.axis.values[2 * i + 1] = tail;
    return result;
}

double high(const ObservableAxis& axis) {
    return axis.low + axis.width * static_cast<double>(axis.bins);
}

}  // namespace

TEST_CASE("a narrow peak has bins that show it", "[measurement]") {
    Example narrow = example(2.0, 130.0F);
    choose_bins(narrow.axis, narrow.reference, narrow.processes);
    CHECK(narrow.axis.width == 1.0);
    CHECK(narrow.axis.low == Approx(100.0));
    CHECK(high(narrow.axis) == Approx(160.0));

    Example wide = example(20.0, 130.0F);
    choose_bins(wide.axis, wide.reference, wide.processes);
    CHECK(wide.axis.bins <= 24);

    Example unknown = example(2.0, 130.0F);
    choose_bins(unknown.axis, unknown.reference, {});
    CHECK(unknown.axis.width == 5.0);
}

TEST_CASE("an edge is drawn, a long tail lies in the outermost bin", "[measurement]") {
    Example edge = example(2.0, 163.0F);
    choose_bins(edge.axis, edge.reference, edge.processes);
    CHECK(high(edge.axis) >= 163.0);

    Example tail = example(2.0, 900.0F);
    choose_bins(tail.axis, tail.reference, tail.processes);
    CHECK(high(tail.axis) < 170.0);
    CHECK(tail.axis.bin_of(1) == tail.axis.bins - 1);
}

TEST_CASE("one value makes one bin around it", "[measurement]") {
    ObservableAxis axis{.name = "one", .values = {3.0F, 3.0F}};
    choose_bins(axis, {1.0, 1.0}, {});
    CHECK(axis.bins == 1);
    CHECK(axis.low == 2.5);
}
