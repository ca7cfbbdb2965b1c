// Further weights of the events of a sample: variations that move no event.
#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "described_sample.hpp"
#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t n_events = 70000;  // two checksum blocks

/// S with the weights up = 2 w and down = w / 2.
EventSample weighted_sample() {
    EventSample sample = test::example_sample("S", n_events);
    sample.weights = {{"up", sample.weight}, {"down", sample.weight}};
    for (double& weight : sample.weights[0].values) weight *= 2.0;
    for (double& weight : sample.weights[1].values) weight *= 0.5;
    return sample;
}

std::vector<SampleToRead> wanting(std::vector<std::string> weights) {
    return {{"S", std::move(weights)}};
}

SampleInfo described(const EventSample& sample, std::vector<std::string> weights) {
    return test::described(sample, wanting(std::move(weights)));
}

std::string complaint(const EventSample& sample, std::vector<std::string> weights) {
    return test::complaint(sample, wanting(std::move(weights)));
}

}  // namespace

TEST_CASE("further weights are described in the order asked for, with place and sum", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = weighted_sample();
    write_events(folder / "events.h5", std::span(&sample, 1));

    const SampleInfo info =
        read_sample_info(folder / "events.h5", wanting({"down", "up"}), {}, Split{}).front();

    REQUIRE(info.weights.size() == 2);
    CHECK(info.weights[0].name == "down");
    CHECK(info.weights[0].sum == Approx(0.5 * info.sum_of_weights).epsilon(1e-12));
    CHECK(info.weights[1].sum == Approx(2.0 * info.sum_of_weights).epsilon(1e-12));
    const MappedFile file(info.columns.file);
    CHECK(std::ranges::equal(file.values<double>(info.weights[1].offset, n_events),
                             sample.weights[0].values));
}

TEST_CASE("a column of weights has a digest of its own and leaves the sample's alone", "[tables]") {
    const EventSample sample = weighted_sample();
    EventSample other = sample;
    other.weights[0].values.back() += 1.0;

    const SampleInfo info = described(sample, {"up", "down"});
    const SampleInfo changed = described(other, {"up", "down"});

    CHECK(info.digest == described(test::example_sample("S", n_events), {}).digest);
    CHECK(info.digest == changed.digest);
    CHECK(info.weights[0].digest != changed.weights[0].digest);
    CHECK(info.weights[1].digest == changed.weights[1].digest);
}

TEST_CASE("events with a further column as weights are a sample with these weights", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = weighted_sample();
    EventSample alone = test::example_sample("S", n_events);
    alone.weight = sample.weights[0].values;
    write_events(folder / "events.h5", std::span(&sample, 1));
    const std::vector<SampleToRead> wanted{{"S", {}}, {events_with_weight("S", "up"), {"down"}}};

    const auto infos = read_sample_info(folder / "events.h5", wanted, {}, Split{});
    const SampleInfo expected = described(alone, {});

    CHECK(infos[1].name == "S@up");
    CHECK(infos[1].digest == expected.digest);
    CHECK(infos[1].digest != infos[0].digest);
    CHECK(infos[1].sum_of_weights == expected.sum_of_weights);
    CHECK(infos[1].inference_events == infos[0].inference_events);
    CHECK(infos[1].columns.features_offset == infos[0].columns.features_offset);
    CHECK(infos[1].weights[0].sum == Approx(0.25 * infos[1].sum_of_weights));
    const MappedFile file(infos[1].columns.file);
    CHECK(std::ranges::equal(file.values<double>(infos[1].columns.weight_offset, n_events),
                             sample.weights[0].values));
    CHECK(events_with_weight("S", "") == "S");
    CHECK_THROWS_WITH(
        read_sample_info(folder / "events.h5",
                         std::vector<SampleToRead>{{"S@uq", {}}, {"Q@up", {}}}, {}, Split{}),
        Contains("/S/weights/uq: is missing; did you mean 'up'?") &&
            Contains("sample 'Q': is missing"));
}

TEST_CASE("mistakes in further weights name their column", "[tables]") {
    EventSample sample = weighted_sample();

    CHECK_THAT(complaint(sample, {"uq"}),
               Contains("/S/weights/uq: is missing; did you mean 'up'? (further weights of the "
                        "sample: down, up)"));
    CHECK_THAT(complaint(test::example_sample("S", 10), {"up"}),
               Contains("/S/weights/up: is missing (further weights of the sample: nothing)"));
    sample.weights[0].values[66000] = std::numeric_limits<double>::infinity();
    CHECK_THAT(complaint(sample, {"up"}), Contains("/S/weights/up row 66000: is inf"));
    CHECK(complaint(sample, {"down"}).empty());
    std::ranges::fill(sample.weights[1].values, -1.0);
    CHECK_THAT(complaint(sample, {"down"}), Contains("/S/weights/down: the weights sum to -70000"));
}

TEST_CASE("all that a file holds is listed with its columns of weights", "[tables]") {
    const test::TemporaryDirectory folder;
    const std::vector<EventSample> samples{weighted_sample(), test::example_sample("B", 10)};
    write_events(folder / "events.h5", samples);

    CHECK(all_samples(folder / "events.h5") ==
          std::vector<SampleToRead>{{"B", {}}, {"S", {"down", "up"}}});
}

TEST_CASE("weights in a foreign layout are copied with their sample", "[tables]") {
    const test::TemporaryDirectory folder;
    constexpr const char* write_foreign = R"(
import sys, h5py, numpy as np
n = 1000
row = np.arange(n)
with h5py.File(sys.argv[1], "w") as f:
    f.attrs["format"] = "ratiofarm-events"
    f.attrs["version"] = 1
    s = f.create_group("S")
    x = s.create_dataset("features", data=np.stack([row, -0.5 * row], axis=1).astype("f4"))
    x.attrs["columns"] = ["mass", "pt"]
    s.create_dataset("weight", data=np.full(n, 0.5))
    s.create_dataset("id", data=row.astype("u8"))
    s.create_dataset("weights/up", data=row.astype("f4"), chunks=(64,), compression="gzip")
)";
    if (!test::run_python(write_foreign, (folder / "events.h5").string())) return;

    CHECK(contiguous_events(folder / "events.h5", wanting({}), folder.path()) ==
          folder / "events.h5");
    std::vector<SampleToRead> both = wanting({"up"});
    both.push_back({"S@up", {}});
    const auto copy = contiguous_events(folder / "events.h5", both, folder.path());
    const auto infos = read_sample_info(copy, both, {}, Split{});
    const SampleInfo& info = infos.front();
    CHECK(infos[1].columns.features_offset == info.columns.features_offset);

    CHECK(copy != folder / "events.h5");
    const MappedFile file(info.columns.file);
    const auto up = file.values<double>(info.weights[0].offset, 1000);
    const auto weight = file.values<double>(infos[1].columns.weight_offset, 1000);
    for (std::size_t row = 0; row < up.size(); ++row) {
        CHECK(up[row] == static_cast<double>(row));
        CHECK(weight[row] == static_cast<double>(row));
    }
}

TEST_CASE("with folds all events are for inference and a net learns from the others", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = test::example_sample("S", n_events);
    write_events(folder / "events.h5", std::span(&sample, 1));
    const Split split{.train = 0.6, .validation = 0.2, .inference = 1.0, .folds = 4};

    const auto info = read_sample_info(folder / "events.h5", wanting({}), {}, split).front();

    CHECK(info.inference_events == n_events);
    // 3/4 of the events are of other folds, 3/4 of those train: binomial, five sigma.
    const double expected = 0.5625 * n_events;
    CHECK(std::abs(static_cast<double>(info.training_events) - expected) < 5 * 131);
}
