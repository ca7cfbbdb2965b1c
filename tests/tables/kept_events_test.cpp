#include <filesystem>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "tables/events/event_selection.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;

namespace {

/// 150000 events: three blocks, with one further column of weights and exact densities.
EventSample large_sample() {
    EventSample sample = test::example_sample("B", 150000, 5000);
    sample.log_density = LogDensity{{"S", "B"}, {}};
    sample.weights = {{"up", {}}};
    for (std::size_t row = 0; row < 150000; ++row) {
        sample.log_density->values.push_back(0.5 * static_cast<double>(row));
        sample.log_density->values.push_back(-static_cast<double>(row));
        sample.weights[0].values.push_back(1.0 + static_cast<double>(row));
    }
    return sample;
}

std::vector<bool> two_thirds(std::size_t events) {
    std::vector<bool> kept(events);
    for (std::size_t row = 0; row < events; ++row) kept[row] = row % 3 != 1;
    return kept;
}

/// The kept rows, taken out of memory one by one, with a column that holds their number.
EventSample kept_by_hand(const EventSample& all, const std::vector<bool>& kept) {
    EventSample some{.name = all.name,
                     .columns = all.columns,
                     .features = {},
                     .weight = {},
                     .id = {},
                     .log_density = LogDensity{all.log_density->processes, {}},
                     .weights = {{"up", {}}}};
    some.columns.push_back("row");
    const std::size_t width = all.columns.size();
    for (std::size_t row = 0; row < kept.size(); ++row) {
        if (!kept[row]) continue;
        for (std::size_t i = 0; i < width; ++i) {
            some.features.push_back(all.features[row * width + i]);
        }
        some.features.push_back(static_cast<float>(row));
        some.weight.push_back(all.weight[row]);
        some.id.push_back(all.id[row]);
        for (std::size_t i = 0; i < 2; ++i) {
            const double share = i == 1 ? 0.25 : 0.0;
            some.log_density->values.push_back(all.log_density->values[2 * row + i] - share);
        }
        some.weights[0].values.push_back(all.weights[0].values[row]);
    }
    return some;
}

AddedColumns row_numbers() {
    return {{"row"}, [](const std::string&, Range rows) {
                std::vector<float> values;
                for (std::uint64_t row = rows.first; row < rows.last; ++row) {
                    values.push_back(static_cast<float>(row));
                }
                return values;
            }};
}

}  // namespace

TEST_CASE("the file of kept events is the one that is written from memory", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample all = large_sample();
    const std::vector<bool> kept = two_thirds(150000);
    write_events(folder / "all.h5", std::span(&all, 1));
    const EventSample some = kept_by_hand(all, kept);
    write_events(folder / "wanted.h5", std::span(&some, 1));

    const std::vector<KeptEvents> selection{{{"B", {"up"}}, kept}};
    write_kept_events(folder / "kept.h5", folder / "all.h5", selection, row_numbers(),
                      {{"B", 0.25}, {"C", 7.0}});

    CHECK(verify_file(folder / "kept.h5").empty());
    CHECK(dataset_digests(folder / "kept.h5") == dataset_digests(folder / "wanted.h5"));
    CHECK(read_log_density(folder / "kept.h5", "B") == some.log_density);
    const std::vector<SampleToRead> names{{"B", {"up"}}};
    const auto kept_info = read_sample_info(folder / "kept.h5", names, {}, Split{}).front();
    const auto wanted_info = read_sample_info(folder / "wanted.h5", names, {}, Split{}).front();
    CHECK(kept_info.digest == wanted_info.digest);
    CHECK(kept_info.column_names == some.columns);
    CHECK(kept_info.weights.front().digest == wanted_info.weights.front().digest);
    CHECK(kept_info.columns.features_offset > 0);
}

TEST_CASE("a sample is read in blocks that together are its events", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample all = large_sample();
    write_events(folder / "all.h5", std::span(&all, 1));

    const SampleBlocks blocks(folder / "all.h5", {"B", {"up"}});

    REQUIRE(blocks.events() == 150000);
    REQUIRE(blocks.blocks() == 3);
    CHECK(blocks.columns() == all.columns);
    std::vector<std::uint64_t> id;
    std::vector<double> up;
    for (std::uint64_t block = 0; block < 3; ++block) {
        const EventBlock events = blocks.read(block);
        id.insert(id.end(), events.id.begin(), events.id.end());
        up.insert(up.end(), events.weights[0].begin(), events.weights[0].end());
    }
    CHECK(id == all.id);
    CHECK(up == all.weights[0].values);
}

TEST_CASE("kept events of a sample that is not there are an error", "[tables]") {
    const test::TemporaryDirectory folder;
    const EventSample all = large_sample();
    write_events(folder / "all.h5", std::span(&all, 1));

    const std::vector<KeptEvents> selection{{{"C", {}}, {}}};

    CHECK_THROWS_AS(write_kept_events(folder / "kept.h5", folder / "all.h5", selection, {}),
                    DataError);
    CHECK_FALSE(std::filesystem::exists(folder / "kept.h5"));
}
