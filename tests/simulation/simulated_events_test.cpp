#include "simulation/files/simulated_events.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "campaign/file/starter_campaign.hpp"
#include "campaign/task_graph.hpp"
#include "simulation/files/exact_ratios.hpp"

using namespace ratiofarm;

namespace {

/// Signal N(1.5, 1) whose mean moves by 0.2, by samples; background N(0, 1.5^2) whose mean moves
/// by 0.3, by weights.
Campaign campaign() {
    return parse_campaign(starter_campaign("toy", Starter::interference) + R"toml(
[[simulate.systematic]]
name = "scale"
S = { shift = [0.2], up = 1.10, down = 0.92 }
[[simulate.systematic]]
name = "theory"
B = { shift = [0.3], up = 1.05, down = 0.96 }
[[systematic]]
name = "scale"
shape = { S = { up = "S_plus", down = "S_minus" } }
[[systematic]]
name = "theory"
shape = { B = { up_weight = "muR_2", down_weight = "muR_05" } }
)toml",
                          "/campaigns");
}

VariedDensities model_of(const Campaign& campaign) {
    return {campaign.simulate->model, model_variations(*campaign.simulate)};
}

const EventSample& named(const std::vector<EventSample>& samples, const std::string& name) {
    return *std::ranges::find(samples, name, &EventSample::name);
}

Campaign with_events(std::uint64_t events) {
    Campaign small = campaign();
    small.simulate->events = events;
    return small;
}

}  // namespace

TEST_CASE("varied samples have the names of the campaign and the ids of the nominal", "[toy]") {
    const Campaign small = with_events(100);

    const auto samples = simulated_events(small, model_of(small));

    const EventSample& nominal = named(samples, "S");
    const EventSample& varied = named(samples, "S_plus");
    CHECK(varied.id == nominal.id);
    CHECK(varied.weight[0] == Approx(1.10 * nominal.weight[0]).epsilon(1e-12));
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(varied.features[i] == Approx(nominal.features[i] + 0.2).epsilon(1e-5));
    }
    // No systematic of the campaign names the variation of SBI.
    CHECK(named(samples, "SBI_scale_down").weight.size() == 100);
}

TEST_CASE("varied weights are the exact ratio of the densities", "[toy]") {
    const Campaign small = with_events(100);

    const auto samples = simulated_events(small, model_of(small));

    const EventSample& background = named(samples, "B");
    REQUIRE(background.weights.size() == 2);
    CHECK(background.weights[0].name == "muR_2");
    CHECK(background.weights[1].name == "muR_05");
    const auto gauss = [](double x, double mean) {
        return std::exp(-(x - mean) * (x - mean) / 4.5);
    };
    for (std::size_t i = 0; i < 100; ++i) {
        const double x = background.features[i];
        CHECK(background.weights[0].values[i] ==
              Approx(background.weight[i] * 1.05 * gauss(x, 0.3) / gauss(x, 0.0)).epsilon(1e-12));
        CHECK(background.weights[1].values[i] ==
              Approx(background.weight[i] * 0.96 * gauss(x, -0.3) / gauss(x, 0.0)).epsilon(1e-12));
    }
}

TEST_CASE("what will be simulated is described as what was", "[toy]") {
    const test::TemporaryDirectory folder;
    const Campaign small = with_events(20000);
    write_events(folder / "events.h5", simulated_events(small, model_of(small)));
    const auto wanted = samples_to_read(small);

    const auto written =
        read_sample_info(folder / "events.h5", wanted, small.events.features, small.split);
    const auto expected = simulated_sample_info(small, model_of(small));

    for (const SampleInfo& info : written) {
        INFO(info.name);
        const SampleInfo& before = *std::ranges::find(expected, info.name, &SampleInfo::name);
        CHECK(before.columns.events == info.columns.events);
        CHECK(before.sum_of_weights == Approx(info.sum_of_weights).epsilon(1e-6));
        // Five standard deviations of a binomial count.
        CHECK(std::abs(static_cast<double>(before.training_events) -
                       static_cast<double>(info.training_events)) < 5 * 71);
        REQUIRE(before.weights.size() == info.weights.size());
        for (std::size_t i = 0; i < info.weights.size(); ++i) {
            CHECK(before.weights[i].name == info.weights[i].name);
            CHECK(before.weights[i].sum == Approx(info.weights[i].sum).epsilon(0.01));
        }
    }
    // Both descriptions can be planned with.
    CHECK(make_task_graph(small, expected, "cpu").trainings.size() ==
          make_task_graph(small, written, "cpu").trainings.size());
}
