// Truth and flags of simulated events.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "described_sample.hpp"
#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// Matched, miss, fake, neither, and so on.
EventSample leveled_sample(std::uint64_t events = 70000) {
    EventSample sample = test::example_sample("S", events);
    EventLevels levels{.columns = {"pt", "mass"}, .truth = {}, .pass_reco = {}, .pass_truth = {}};
    const std::size_t width = sample.columns.size();
    for (std::uint64_t event = 0; event < events; ++event) {
        const bool reco = event % 2 == 0;
        const bool truth = event % 4 < 2;
        levels.pass_reco.push_back(reco ? 1 : 0);
        levels.pass_truth.push_back(truth ? 1 : 0);
        levels.truth.push_back(truth ? static_cast<float>(event) : nan_value);
        levels.truth.push_back(truth ? 1.0F : nan_value);
        if (!reco) sample.features[event * width] = nan_value;  // must not be looked at
    }
    sample.levels = std::move(levels);
    return sample;
}

const std::vector<SampleToRead> with_levels{{"S", {}, false, true, {"pt"}}};

SampleInfo described(const EventSample& sample) { return test::described(sample, with_levels); }

std::string complaint(const EventSample& sample) { return test::complaint(sample, with_levels); }

}  // namespace

TEST_CASE("truth and flags are mapped, and events counted by their flags", "[events]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = leveled_sample();
    write_events(folder / "events.h5", std::span(&sample, 1));

    const SampleInfo info =
        read_sample_info(folder / "events.h5", with_levels, {}, Split{}).front();
    const MappedSample mapped(info);

    CHECK(info.columns.levels.names == std::vector<std::string>{"pt", "mass"});
    CHECK(mapped.truth()[2 * 65540] == 65540.0F);
    CHECK(std::ranges::equal(mapped.pass_reco(), sample.levels->pass_reco));
    CHECK(std::ranges::equal(mapped.pass_truth(), sample.levels->pass_truth));
    CHECK(info.facts.levels.matched.events == 17500);
    CHECK(info.facts.levels.misses.events == 17500);
    CHECK(info.facts.levels.fakes.events == 17500);
    CHECK(info.facts.levels.nothing.events == 17500);
    CHECK(verify_file(folder / "events.h5").empty());
}

TEST_CASE("values of a level that an event did not pass do not count", "[events]") {
    EventSample other = leveled_sample(100);
    other.levels->truth[2 * 2] = 7.0F;                // event 2 is a fake
    other.features[1 * other.columns.size()] = 7.0F;  // event 1 is a miss
    EventSample changed = leveled_sample(100);
    changed.levels->truth[0] = 7.0F;  // event 0 is matched

    const Digest digest = described(leveled_sample(100)).digest;

    CHECK(described(other).digest == digest);
    CHECK(described(changed).digest != digest);
}

TEST_CASE("what is wrong with truth and flags is one clear error each", "[events]") {
    EventSample sample = leveled_sample(100);
    sample.levels->truth[0] = nan_value;
    CHECK_THAT(complaint(sample), Contains("/S/truth row 0: 'pt' is nan, but the event passes"));

    sample = leveled_sample(100);
    sample.levels->truth[1] = nan_value;  // a column that is not in use
    CHECK(complaint(sample).empty());

    sample = leveled_sample(100);
    sample.features[0] = nan_value;
    CHECK_THAT(complaint(sample), Contains("/S/features row 0"));

    sample = leveled_sample(100);
    sample.levels->pass_reco[3] = 2;
    CHECK_THAT(complaint(sample), Contains("/S/pass_reco row 3: is 2, must be 0 or 1"));

    sample = leveled_sample(100);
    sample.id[5] = sample.id[6];
    CHECK_THAT(complaint(sample), Contains("ids must be distinct"));

    sample = leveled_sample(100);
    for (std::uint8_t& flag : sample.levels->pass_truth) flag = 0;
    CHECK_THAT(complaint(sample), Contains("has no event that passes both"));

    sample = leveled_sample(100);
    for (std::uint64_t i = 0; i < 100; i += 4) sample.weight[i] = -sample.weight[i];
    CHECK_THAT(complaint(sample), Contains("weights of events that pass both levels sum to"));
}

TEST_CASE("levels of another layout are copied, other lengths are errors", "[events]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = leveled_sample(300);
    const auto file = folder / "events.h5";
    write_events(file, std::span(&sample, 1));
    const Digest digest = read_sample_info(file, with_levels, {}, Split{}).front().digest;
    if (!test::run_python(R"(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], "a") as f:
    for key in [k for k in f["S"] if k.endswith("_crc")] : del f["S/" + key]
    f.pop("metadata_crc", None)
    flags = f["S/pass_reco"][:]
    del f["S/pass_reco"]
    f["S/pass_reco"] = flags.astype("i8")
)",
                          file.string())) {
        return;
    }

    const auto copy = contiguous_events(file, with_levels, folder.path());
    const SampleInfo info = read_sample_info(copy, with_levels, {}, Split{}).front();

    CHECK(copy != file);
    CHECK(info.digest == digest);
    CHECK(std::ranges::equal(MappedSample(info).pass_reco(), sample.levels->pass_reco));

    test::run_python(R"(
import sys, h5py
with h5py.File(sys.argv[1], "a") as f:
    truth = f["S/truth"][:-1]
    columns = f["S/truth"].attrs["columns"]
    del f["S/truth"]
    f.create_dataset("S/truth", data=truth).attrs["columns"] = columns
)",
                     file.string());
    CHECK_THROWS_WITH(read_sample_info(file, with_levels, {}, Split{}),
                      Contains("/S/truth: has 299 rows, but features has 300"));
}
