// Particle lists of the events of a sample.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "protocol/list_quantities.hpp"
#include "tables/events/event_blocks.hpp"
#include "tables/events/event_rows.hpp"
#include "tables/events/event_selection.hpp"
#include "tables/table_file.hpp"

#include "described_sample.hpp"
#include "example_tables.hpp"
#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const std::vector<SampleToRead> with_particles{{"S", {}, true}};

/// Event i has i % 4 particles, all along x; 105,000 particles in 70,000 events: two blocks of
/// each.
EventSample listed_sample(std::uint64_t events = 70000) {
    EventSample sample = test::example_sample("S", events);
    ParticleLists lists{
        .columns = {"E", "px", "py", "pz", "d0"}, .offsets = {0}, .values = {}, .types = {}};
    for (std::uint64_t event = 0; event < events; ++event) {
        for (std::uint64_t i = 0; i < event % 4; ++i) {
            const float momentum = 1.0F + static_cast<float>(event) + static_cast<float>(i);
            const float values[] = {momentum, momentum, 0.0F, 0.0F, static_cast<float>(i)};
            lists.values.insert(lists.values.end(), std::begin(values), std::end(values));
            lists.types.push_back(i == 0 ? -11 : 22);
        }
        lists.offsets.push_back(lists.types.size());
    }
    sample.particles = std::move(lists);
    return sample;
}

SampleInfo described(const EventSample& sample) { return test::described(sample, with_particles); }

std::string complaint(const EventSample& sample) { return test::complaint(sample, with_particles); }

}  // namespace

TEST_CASE("particle lists are described with their place and what is in them", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = listed_sample();
    write_events(folder / "events.h5", std::span(&sample, 1));

    const auto info = read_sample_info(folder / "events.h5", with_particles, {}, Split{}).front();

    const ParticleColumns& columns = info.columns.particles;
    CHECK(columns.names == sample.particles->columns);
    REQUIRE(columns.particles == 105000);
    const MappedFile file(folder / "events.h5");
    CHECK(std::ranges::equal(file.values<float>(columns.values_offset, 5 * 105000),
                             sample.particles->values));
    CHECK(std::ranges::equal(file.values<std::uint64_t>(columns.offsets_offset, 70001),
                             sample.particles->offsets));
    CHECK(std::ranges::equal(file.values<std::int64_t>(columns.types_offset, 105000),
                             sample.particles->types));
    const ParticleFacts& facts = info.facts.particles;
    CHECK(facts.most == 3);
    CHECK(facts.events == std::vector<std::uint64_t>{17500, 17500, 17500, 17500});
    CHECK(facts.empty_events == 17500);
    CHECK(facts.types == std::vector<std::uint64_t>{22, 11});
    CHECK(facts.median_energy == Approx(35000).epsilon(0.02));
    CHECK(verify_file(folder / "events.h5").empty());
}

TEST_CASE("the digest knows particle lists where they are asked for", "[tables]") {
    EventSample sample = listed_sample(100);
    const Digest digest = described(sample).digest;
    const auto without = [](const EventSample& of) {
        const test::TemporaryDirectory folder;
        write_events(folder / "events.h5", std::span(&of, 1));
        return read_sample_info(folder / "events.h5", std::vector<std::string>{"S"}, {}, Split{})
            .front()
            .digest;
    };
    const EventSample plain = test::example_sample("S", 100);
    CHECK(without(sample) == without(plain));

    sample.particles->types[3] = 13;
    const Digest other_type = described(sample).digest;
    sample.particles->values[4] = 0.25F;
    CHECK(std::set<std::string>{digest.hex(), other_type.hex(), described(sample).digest.hex(),
                                without(plain).hex()}
              .size() == 4);
}

TEST_CASE("what is wrong with particle lists is said before anything is trained", "[tables]") {
    const EventSample good = listed_sample(100);
    const auto bad = [&](auto&& spoil) {
        EventSample sample = good;
        spoil(*sample.particles);
        return complaint(sample);
    };
    using Lists = ParticleLists;

    CHECK(complaint(good).empty());
    CHECK_THAT(complaint(test::example_sample("S", 100)),
               Contains("/S/particles: is missing (the sample holds: "));
    CHECK_THAT(bad([](Lists& lists) { lists.offsets[5] = 40; }),
               Contains("/S/particle_offsets row 6: is 7: less than the row before"));
    CHECK_THAT(bad([](Lists& lists) { lists.offsets[0] = 1; }),
               Contains("row 0: is 1: the first event begins at particle 0"));
    CHECK_THAT(bad([](Lists& lists) {
                   lists.values[7 * 5 + 4] = std::numeric_limits<float>::quiet_NaN();
               }),
               Contains("'d0' is nan in row 7, a particle of event 6"));
    CHECK_THAT(bad([](Lists& lists) { lists.values[0] = -1.0F; }),
               Contains("'E' is -1.000000 in row 0, a particle of event 1"));
    CHECK_THAT(bad([](Lists& lists) {
                   for (std::size_t i = 0; i < lists.values.size(); i += 5) lists.values[i] /= 2;
               }),
               Contains("150 of 150 particles have E < |p|"));
    CHECK_THAT(bad([](Lists& lists) { lists.columns[4] = "E"; }), Contains("names a column twice"));
    const test::TemporaryDirectory folder;
    write_events(folder / "events.h5", std::span(&good, 1));
    CHECK_THROWS_WITH(read_sample_info(folder / "events.h5", with_particles,
                                       std::vector<std::string>{"d0"}, Split{}),
                      Contains("/S/features: has no column 'd0': it is one of the particle lists, "
                               "for network.particles"));
}

TEST_CASE("multiplicity, leading pT and the mass of the sum are computed of the lists",
          "[tables]") {
    const test::TemporaryDirectory folder;
    EventSample sample = test::example_sample("S", 3);
    sample.particles = ParticleLists{.columns = {"E", "px", "py", "pz"},
                                     .offsets = {0, 2, 2, 3},
                                     .values = {5, 3, 4, 0, 13, 0, -5, 12, 2, 0, 1, 0},
                                     .types = {}};
    write_events(folder / "events.h5", std::span(&sample, 1));
    const auto infos = read_sample_info(folder / "events.h5", with_particles, {}, Split{});
    const std::vector<std::uint64_t> rows{2, 0, 1};
    const auto at_rows = [&](const std::string& name) {
        return column_at_rows(infos.front(), rows, name);
    };

    CHECK(shown_columns({"x"}, infos) ==
          std::vector<std::string>{"x", "multiplicity", "leading_pt", "sum_mass"});
    CHECK(at_rows("multiplicity") == std::vector<float>{1, 2, 0});
    CHECK(at_rows("leading_pt") == std::vector<float>{1, 5, 0});
    // (18, 3, -1, 12): 324 - 9 - 1 - 144
    CHECK(at_rows("sum_mass") == std::vector<float>{std::sqrt(3.0F), std::sqrt(170.0F), 0.0F});
    CHECK_FALSE(at_rows("sum_pt").has_value());
    CHECK_THROWS_WITH(column_at_rows(infos.front(), std::vector<std::uint64_t>{3}, "leading_pt"),
                      Contains("names row 3 of 3"));
}

TEST_CASE("what lists have not is not shown", "[tables]") {
    const test::TemporaryDirectory folder;
    EventSample sample = test::example_sample("S", 2);
    sample.particles =
        ParticleLists{.columns = {"mark"}, .offsets = {0, 1, 2}, .values = {5, 3}, .types = {}};
    write_events(folder / "events.h5", std::span(&sample, 1));

    const auto lists = read_sample_info(folder / "events.h5", with_particles, {}, Split{});
    const auto none =
        read_sample_info(folder / "events.h5", std::vector<std::string>{"S"}, {}, Split{});

    CHECK(shown_columns({}, lists).empty());  // one particle in each event, without momentum
    CHECK(shown_columns({"x"}, none) == std::vector<std::string>{"x"});
    CHECK_FALSE(column_at_rows(lists.front(), std::vector<std::uint64_t>{0}, "sum_mass"));
}

TEST_CASE("kept events keep their particles", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample all = listed_sample();
    write_events(folder / "all.h5", std::span(&all, 1));
    std::vector<bool> kept(70000);
    for (std::size_t row = 0; row < kept.size(); ++row) kept[row] = row % 3 != 1;
    const std::vector<KeptEvents> selection{{{"S", {}, true}, kept}};

    write_kept_events(folder / "kept.h5", folder / "all.h5", selection, {});

    EventSample some = test::example_sample("S", 0);
    some.particles =
        ParticleLists{.columns = all.particles->columns, .offsets = {0}, .values = {}, .types = {}};
    for (std::size_t row = 0; row < kept.size(); ++row) {
        if (!kept[row]) continue;
        some.features.insert(some.features.end(), all.features.begin() + 2 * row,
                             all.features.begin() + 2 * row + 2);
        some.weight.push_back(all.weight[row]);
        some.id.push_back(all.id[row]);
        for (std::uint64_t p = all.particles->offsets[row]; p < all.particles->offsets[row + 1];
             ++p) {
            some.particles->values.insert(some.particles->values.end(),
                                          all.particles->values.begin() + 5 * p,
                                          all.particles->values.begin() + 5 * p + 5);
            some.particles->types.push_back(all.particles->types[p]);
        }
        some.particles->offsets.push_back(some.particles->types.size());
    }
    write_events(folder / "wanted.h5", std::span(&some, 1));
    CHECK(dataset_digests(folder / "kept.h5") == dataset_digests(folder / "wanted.h5"));
    CHECK(verify_file(folder / "kept.h5").empty());
}

TEST_CASE("compressed particle lists are copied and have the same digest", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample sample = listed_sample();
    write_events(folder / "events.h5", std::span(&sample, 1));
    if (!test::run_python(R"(
import sys
import h5py
folder = sys.argv[1]
with h5py.File(folder + "/events.h5") as here, h5py.File(folder + "/small.h5", "w") as there:
    for key, value in here.attrs.items():
        there.attrs[key] = value
    for name, data in here["S"].items():
        if name.endswith("_crc"):
            continue
        kind = {"particle_type": "i4", "particle_offsets": "i8"}.get(name, data.dtype)
        copy = there.create_dataset("S/" + name, data=data[()].astype(kind), compression="gzip")
        for key, value in data.attrs.items():
            copy.attrs[key] = value
)",
                          folder.path().string())) {
        return;
    }

    const auto copy = contiguous_events(folder / "small.h5", with_particles, folder.path());

    CHECK(copy.filename() == "events.contiguous.h5");
    const auto native = read_sample_info(folder / "events.h5", with_particles, {}, Split{}).front();
    const auto foreign = read_sample_info(folder / "small.h5", with_particles, {}, Split{}).front();
    const auto copied = read_sample_info(copy, with_particles, {}, Split{}).front();
    CHECK(foreign.columns.particles.values_offset == 0);
    CHECK(foreign.digest == native.digest);
    CHECK(copied.digest == native.digest);
    CHECK(copied.columns.particles.types_offset > 0);
}
