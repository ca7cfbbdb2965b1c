#include "ratiofarm/tables/verify.hpp"

#include <fstream>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "h5/attributes.hpp"
#include "h5/dataset.hpp"
#include "h5/file.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// The three tables, small.
class Tables {
public:
    Tables() {
        std::vector<EventSample> samples{test::example_sample("S", 301),
                                         test::example_sample("B", 299, 1000)};
        samples[0].log_density = LogDensity{{"S"}, std::vector<double>(301, -1.0)};
        write_events(events(), samples);
        const EnsembleHeader header = test::example_header(3);
        write_ensemble(mpi::Communicator(), ensemble(), header,
                       [&](std::uint64_t net) { return test::example_net(header, net); });
        const RatioInput input = test::example_ratio_input(events(), 100);
        write_ratios(mpi::Communicator(), ratios(), input, test::example_provider(input));
    }

    std::filesystem::path events() const { return folder_ / "events.h5"; }
    std::filesystem::path ensemble() const { return folder_ / "S.h5"; }
    std::filesystem::path ratios() const { return folder_ / "ratios.h5"; }

private:
    test::TemporaryDirectory folder_;
};

void flip_bit(const std::filesystem::path& path, std::uint64_t byte, int bit = 4) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(byte));
    const int value = file.get();
    file.seekp(static_cast<std::streamoff>(byte));
    file.put(static_cast<char>(value ^ bit));
}

struct Place {
    std::string dataset;
    std::uint64_t offset;
    std::uint64_t bytes;
};

std::vector<Place> places_of(const std::filesystem::path& path) {
    const h5::File file = h5::open_file(path);
    std::vector<Place> places;
    for (const std::string& dataset : h5::dataset_paths(file)) {
        const h5::DatasetInfo info = h5::describe(h5::open_dataset(file, dataset));
        places.push_back({dataset, *info.offset, info.rows() * info.width() * info.type_size});
    }
    return places;
}

/// Flips a bit in the first, a middle and the last byte of each dataset, one at a time.
void check_every_dataset(const std::filesystem::path& path) {
    for (const Place& place : places_of(path)) {
        for (const std::uint64_t byte : {std::uint64_t{0}, place.bytes / 2, place.bytes - 1}) {
            flip_bit(path, place.offset + byte);
            INFO(place.dataset << " byte " << byte);
            CHECK(verify_file(path).size() == 1);
            flip_bit(path, place.offset + byte);
        }
    }
    CHECK(verify_file(path).empty());
}

}  // namespace

TEST_CASE("whole tables have no problems", "[tables]") {
    const Tables tables;

    CHECK(verify_file(tables.events()).empty());
    CHECK(verify_file(tables.ensemble()).empty());
    CHECK(verify_file(tables.ratios()).empty());
}

TEST_CASE("one flipped bit in any dataset of an events file is found", "[tables]") {
    const Tables tables;
    check_every_dataset(tables.events());
}

TEST_CASE("one flipped bit in any dataset of an ensemble is found", "[tables]") {
    const Tables tables;
    check_every_dataset(tables.ensemble());
}

TEST_CASE("one flipped bit in any dataset of a ratio file is found", "[tables]") {
    const Tables tables;
    check_every_dataset(tables.ratios());
}

TEST_CASE("damage is named with file, dataset and rows", "[tables]") {
    const Tables tables;
    for (const Place& place : places_of(tables.ratios())) {
        if (place.dataset == "/events/B/log_r") flip_bit(tables.ratios(), place.offset + 8);
    }

    CHECK_THAT(verify_file(tables.ratios()).at(0), Contains("ratios.h5") &&
                                                       Contains("/events/B/log_r rows 0 to") &&
                                                       Contains("damaged"));
    CHECK_THROWS_WITH(RatioFile(tables.ratios()).read_rows("B", {0, 1}),
                      Contains("/events/B/log_r") && Contains("damaged"));
    CHECK_NOTHROW(RatioFile(tables.ratios()).read_rows("S", {0, 1}));
}

TEST_CASE("one flipped bit anywhere in a table is found", "[tables]") {
    const Tables tables;
    for (const auto& path : {tables.events(), tables.ensemble(), tables.ratios()}) {
        const auto size = std::filesystem::file_size(path);
        // A dense look at one of them: each flip is read in a process of its own.
        const std::uint64_t step = path == tables.ensemble() ? 13 : 97;
        for (std::uint64_t byte = 0; byte < size; byte += byte + 8 < size ? step : 1) {
            const int bit = 1 << (byte % 8);
            flip_bit(path, byte, bit);
            INFO(path << " byte " << byte << " bit " << bit);
            CHECK_FALSE(verify_file(path).empty());
            flip_bit(path, byte, bit);
        }
        CHECK(verify_file(path).empty());
    }
}

TEST_CASE("truncated tables are refused", "[tables]") {
    const Tables tables;
    for (const auto& path : {tables.events(), tables.ensemble(), tables.ratios()}) {
        std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
        REQUIRE(verify_file(path).size() == 1);
        CHECK_THAT(verify_file(path).front(),
                   Contains(path.filename().string()) && Contains("truncated"));
    }
    CHECK_THROWS_AS(read_ensemble(tables.ensemble()), DataError);
    CHECK_THROWS_AS(RatioFile(tables.ratios()), DataError);
}

TEST_CASE("tables of an unknown version are refused", "[tables]") {
    const test::TemporaryDirectory folder;
    for (const char* format : {"ratiofarm-events", "ratiofarm-ensemble", "ratiofarm-ratios"}) {
        {
            const h5::File file = h5::create_file(folder / "new.h5");
            h5::write_attribute(file, "/", "format", std::string_view(format));
            h5::write_attribute(file, "/", "version", std::uint64_t{99});
        }
        CHECK_THAT(verify_file(folder / "new.h5").at(0), Contains("version 99"));
    }
    CHECK_THROWS_WITH(RatioFile(folder / "new.h5"), Contains("version 99"));
}

TEST_CASE("what is no table of ours is a problem, not a crash", "[tables]") {
    const test::TemporaryDirectory folder;
    std::ofstream(folder / "text.h5") << "hello";
    h5::create_file(folder / "bare.h5");

    CHECK_THAT(verify_file(folder / "none.h5").at(0), Contains("does not exist"));
    CHECK_THAT(verify_file(folder / "text.h5").at(0), Contains("not an HDF5 file"));
    CHECK_THAT(verify_file(folder / "bare.h5").at(0), Contains("no root attribute 'format'"));
}
