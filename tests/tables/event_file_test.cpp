#include "ratiofarm/tables/event_file.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;

namespace {

const std::vector<std::string> both{"S", "B"};

/// S with 1000 and B with 70000 events, so that B has two checksum blocks.
std::vector<EventSample> example_samples() {
    return {test::example_sample("S", 1000), test::example_sample("B", 70000, 5000)};
}

Digest digest_of(const EventSample& sample, const std::vector<std::string>& features = {}) {
    const test::TemporaryDirectory folder;
    write_events(folder / "events.h5", std::span(&sample, 1));
    const std::vector<std::string> names{sample.name};
    return read_sample_info(folder / "events.h5", names, features, Split{}).front().digest;
}

}  // namespace

TEST_CASE("events are mapped as they were written", "[tables]") {
    const test::TemporaryDirectory folder;
    const auto samples = example_samples();
    write_events(folder / "events.h5", samples);

    const auto infos = read_sample_info(folder / "events.h5", both, {}, test::halves());

    REQUIRE(infos.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        const MappedSample mapped(infos[i]);
        CHECK(infos[i].name == samples[i].name);
        CHECK(infos[i].column_names == samples[i].columns);
        CHECK(std::ranges::equal(mapped.features(), samples[i].features));
        CHECK(std::ranges::equal(mapped.weight(), samples[i].weight));
        CHECK(std::ranges::equal(mapped.id(), samples[i].id));
    }
}

TEST_CASE("the description of a sample counts its events by split", "[tables]") {
    const test::TemporaryDirectory folder;
    const auto samples = example_samples();
    write_events(folder / "events.h5", samples);

    const auto info = read_sample_info(folder / "events.h5", both, {}, test::halves())[1];

    std::uint64_t training = 0;
    std::uint64_t inference = 0;
    for (const std::uint64_t id : samples[1].id) {
        training += split_part(id, test::halves()) == SplitPart::train ? 1 : 0;
        inference += split_part(id, test::halves()) == SplitPart::inference ? 1 : 0;
    }
    CHECK(info.columns.events == 70000);
    CHECK(info.training_events == training);
    CHECK(info.inference_events == inference);
    const double sum = std::accumulate(samples[1].weight.begin(), samples[1].weight.end(), 0.0);
    CHECK(info.sum_of_weights == Approx(sum).epsilon(1e-12));
}

TEST_CASE("a sample's digest follows what is used of it, not its name or place", "[tables]") {
    const EventSample sample = test::example_sample("S", 100);
    EventSample renamed = sample;
    renamed.name += "2";
    EventSample other_pt = sample;
    other_pt.features[1] += 1.0F;
    EventSample other_weight = sample;
    other_weight.weight[99] *= 2.0;
    EventSample other_id = sample;
    other_id.id[0] = 12345;

    CHECK(digest_of(sample) == digest_of(renamed));
    CHECK(digest_of(sample) != digest_of(other_pt));
    CHECK(digest_of(sample, {"mass"}) == digest_of(other_pt, {"mass"}));
    CHECK(digest_of(sample, {"mass", "pt"}) != digest_of(sample, {"pt", "mass"}));
    CHECK(digest_of(sample) != digest_of(other_weight));
    CHECK(digest_of(sample) != digest_of(other_id));
}

TEST_CASE("exact densities are kept where a simulation knows them", "[tables]") {
    const test::TemporaryDirectory folder;
    std::vector<EventSample> samples = example_samples();
    LogDensity density{.processes = {"S", "I", "B"}, .values = {}};
    for (int i = 0; i < 3000; ++i) density.values.push_back(-0.001 * i);
    samples[0].log_density = density;
    write_events(folder / "events.h5", samples);

    CHECK(read_log_density(folder / "events.h5", "S") == density);
    CHECK(!read_log_density(folder / "events.h5", "B"));
}

TEST_CASE("an events file lists its samples", "[tables]") {
    const test::TemporaryDirectory folder;
    write_events(folder / "events.h5", example_samples());

    CHECK(sample_names(folder / "events.h5") == std::vector<std::string>{"B", "S"});
}

TEST_CASE("writing events leaves no partial file and replaces an old one whole", "[tables]") {
    const test::TemporaryDirectory folder;
    write_events(folder / "events.h5", example_samples());
    const EventSample sample = test::example_sample("T", 3);
    write_events(folder / "events.h5", std::span(&sample, 1));

    CHECK(sample_names(folder / "events.h5") == std::vector<std::string>{"T"});
    CHECK(!std::filesystem::exists(folder / "events.h5.partial"));
}
