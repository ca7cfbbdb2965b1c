// Systematic shapes in ratio files: what is written is what is read, however it is stored.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <thread>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "h5/attributes.hpp"
#include "h5/dataset.hpp"
#include "h5/file.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// ln g of a column at a row: any function that tells all places apart.
float example_log_g(std::size_t set, std::uint64_t column, bool up, std::uint64_t row) {
    const double place = static_cast<double>(row) + 0.37 * static_cast<double>(column);
    return static_cast<float>(0.3 * std::sin(0.01 * place + (up ? 0.0 : 2.0)) +
                              0.01 * static_cast<double>(set));
}

RatioSetRows example_rows(std::size_t set, Range rows) {
    RatioSetRows values;
    for (std::uint64_t row = rows.first; row < rows.last; ++row) {
        values.id.push_back(1000 * set + row);
        values.weight.push_back(1.0 + 0.5 * std::sin(static_cast<double>(row)));
        values.log_r.push_back(std::sin(0.1F * static_cast<float>(row)));
        values.log_r.push_back(std::cos(0.1F * static_cast<float>(row)));
    }
    for (std::uint64_t column = 0; column < 3; ++column) {
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            values.log_g_up.push_back(example_log_g(set, column, true, row));
            values.log_g_down.push_back(example_log_g(set, column, false, row));
        }
    }
    return values;
}

/// S with 70001 events, more than a block of weights and 17 blocks of shapes; B with 5.
RatioSetsInput example_input() {
    RatioSetsInput input;
    input.header.processes = {{"S", 10.0, {}}, {"B", 90.0, {}}};
    input.header.shape_norm = ShapeNorm::none;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.header.shapes = {{"S", "alpha_1"}, {"S", "alpha_2"}, {"B", "alpha_2"}};
    input.header.yields = {{"S", "alpha_1", {1.1, 0.92}}};
    input.header.reference = {{"S", "S", 0.25}, {"B", "B", 0.75}};
    input.sets = {{"S", 70001}, {"B", 5}};
    input.rows = example_rows;
    return input;
}

struct Read {
    std::vector<double> weight;
    std::vector<double> log_r;
    std::vector<float> log_g;  ///< [shapes, 2, n]
};

Read read(const RatioFile& file,
          const std::string& set,
          Range rows,
          const std::vector<std::size_t>& shapes) {
    const std::uint64_t n = rows.size();
    Read values{std::vector<double>(n), std::vector<double>(2 * n),
                std::vector<float>(2 * shapes.size() * n)};
    file.read_events(set, rows, {values.weight, values.log_r, shapes, values.log_g, n});
    return values;
}

/// Rounding of what is stored; next to zero halves are a fixed 2^-24 apart.
double margin(double step, float value) {
    return step == 0.0 ? 0.0 : std::max(step * std::abs(value), 0x1p-25);
}

/// How many numbers of a range are not those that were written. \param step of what is stored
std::uint64_t count_wrong(const Read& values,
                          std::size_t set,
                          Range rows,
                          const std::vector<std::size_t>& shapes,
                          double step = 0.0) {
    const RatioSetRows wanted = example_rows(set, rows);
    std::uint64_t wrong = values.weight != wanted.weight ? 1 : 0;
    for (std::size_t k = 0; k < wanted.log_r.size(); ++k) {
        wrong += values.log_r[k] != double{wanted.log_r[k]} ? 1 : 0;
    }
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        for (std::uint64_t i = 0; i < rows.size(); ++i) {
            for (const bool up : {true, false}) {
                const float found = values.log_g[(2 * k + (up ? 0 : 1)) * rows.size() + i];
                const float written = example_log_g(set, shapes[k], up, rows.first + i);
                wrong += std::abs(found - written) > margin(step, written) ? 1 : 0;
            }
        }
    }
    return wrong;
}

/// Turns one bit of a file's byte around.
void damage(const std::filesystem::path& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
}

std::uint64_t offset_of(const std::filesystem::path& path, const std::string& dataset) {
    return *h5::dataset_offset(h5::open_dataset(h5::open_file(path), dataset));
}

}  // namespace

TEST_CASE("systematics of a ratio file are read as they were written", "[tables]") {
    const test::TemporaryDirectory folder;
    const RatioSetsInput input = example_input();

    write_ratio_sets(folder / "ratios.h5", input);
    const RatioFile file(folder / "ratios.h5");

    CHECK(file.header() == input.header);
    CHECK(file.warnings().empty());
    CHECK(count_wrong(read(file, "S", {0, 70001}, {0, 1, 2}), 0, {0, 70001}, {0, 1, 2}) == 0);
    CHECK(count_wrong(read(file, "B", {0, 5}, {0, 1, 2}), 1, {0, 5}, {0, 1, 2}) == 0);
    CHECK(verify_file(folder / "ratios.h5").empty());
}

TEST_CASE("any range and any choice of columns gives the same numbers", "[tables]") {
    const test::TemporaryDirectory folder;
    write_ratio_sets(folder / "ratios.h5", example_input());
    const RatioFile file(folder / "ratios.h5");

    for (const Range rows : {Range{0, 1}, Range{4095, 4097}, Range{4096, 8192}, Range{5000, 5001},
                             Range{100, 20000}, Range{65530, 70001}, Range{70001, 70001}}) {
        for (const std::vector<std::size_t>& shapes :
             {std::vector<std::size_t>{}, {2}, {2, 0}, {0, 1, 2}}) {
            INFO(rows.first << " to " << rows.last);
            CHECK(count_wrong(read(file, "S", rows, shapes), 0, rows, shapes) == 0);
        }
    }
}

TEST_CASE("several threads read one file at once", "[tables]") {
    const test::TemporaryDirectory folder;
    write_ratio_sets(folder / "ratios.h5", example_input());
    const RatioFile file(folder / "ratios.h5");
    std::vector<std::uint64_t> wrong(4, 0);

    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < wrong.size(); ++thread) {
        threads.emplace_back([&, thread] {
            for (std::uint64_t part = thread; part < 64; part += wrong.size()) {
                const Range rows = block_partition(70001, 64, part);
                wrong[thread] += count_wrong(read(file, "S", rows, {0, 2}), 0, rows, {0, 2});
            }
        });
    }
    for (std::thread& thread : threads) thread.join();

    CHECK(wrong == std::vector<std::uint64_t>(4, 0));
}

TEST_CASE("what was found out about the shapes stays with them", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    input.header.significances = {{.gain = 1e-3, .gain_error = 1e-4, .noise_variance = 2e-5},
                                  {.gain = -1e-5, .gain_error = 1e-5, .significant = false},
                                  {.gain = 0.5, .gain_error = 0.1, .noise_variance = 0.0}};

    write_ratio_sets(folder / "ratios.h5", input);
    const auto read = RatioFile(folder / "ratios.h5").header().significances;

    REQUIRE(read.size() == 3);
    CHECK(read[0] == input.header.significances[0]);
    CHECK_FALSE(read[1].significant);
    CHECK(read[1].gain == -1e-5);
    CHECK(std::isnan(read[1].noise_variance));
    CHECK(read[2] == input.header.significances[2]);
}

TEST_CASE("a file with judged shapes has a version that older programs refuse", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    const auto version = [&](const char* name) {
        write_ratio_sets(folder / name, input);
        return h5::read_integer_attribute(h5::open_file(folder / name), "/", "version");
    };

    CHECK(version("unjudged.h5") == 2);
    CHECK(RatioFile(folder / "unjudged.h5").header().significances.empty());
    input.header.significances.resize(3);
    CHECK(version("judged.h5") == 3);
}

TEST_CASE("significances of another number of shapes are refused", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    input.header.significances.resize(2);

    CHECK_THROWS_WITH(write_ratio_sets(folder / "ratios.h5", input),
                      Contains("attribute 'shape_none' has 2 entries, must have 3"));
}

TEST_CASE("half precision keeps shapes to eleven bits", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    input.half_precision = true;

    write_ratio_sets(folder / "ratios.h5", input);
    const RatioFile file(folder / "ratios.h5");

    CHECK(file.warnings().empty());
    const Range all{0, 70001};
    const Read values = read(file, "S", all, {0, 1, 2});
    CHECK(count_wrong(values, 0, all, {0, 1, 2}, 0x1.01p-11) == 0);  // half of the last bit
    CHECK(count_wrong(values, 0, all, {0, 1, 2}, 0x1p-12) > 1000);
    CHECK(verify_file(folder / "ratios.h5").empty());
}

TEST_CASE("a damaged shape is found by whoever reads its block first", "[tables]") {
    const test::TemporaryDirectory folder;
    const auto path = folder / "ratios.h5";
    write_ratio_sets(path, example_input());
    // Row 9000 of the second column.
    damage(path, offset_of(path, "/events/S/log_g_down") + 4 * (70001 + 9000));
    const RatioFile file(path);

    CHECK(count_wrong(read(file, "S", {0, 8192}, {1}), 0, {0, 8192}, {1}) == 0);
    CHECK_THROWS_WITH(
        read(file, "S", {8192, 8193}, {1}),
        Contains("/events/S/log_g_down column 1 rows 8192 to 12287") && Contains("damaged"));
    CHECK_THROWS_WITH(read(file, "S", {0, 70001}, {1}), Contains("damaged"));
    CHECK(count_wrong(read(file, "S", {0, 70001}, {0, 2}), 0, {0, 70001}, {0, 2}) == 0);
    CHECK_THAT(verify_file(path).at(0), Contains("damaged"));
}

TEST_CASE("damaged weights are found, too", "[tables]") {
    const test::TemporaryDirectory folder;
    const auto path = folder / "ratios.h5";
    write_ratio_sets(path, example_input());
    damage(path, offset_of(path, "/events/S/weight") + 8 * 66000);
    const RatioFile file(path);

    CHECK(count_wrong(read(file, "S", {0, 65536}, {1}), 0, {0, 65536}, {1}) == 0);
    CHECK_THROWS_WITH(read(file, "S", {70000, 70001}, {}),
                      Contains("/events/S/weight rows 65536 to 70000"));
}

TEST_CASE("a shape that is not finite is named by process, parameter and row", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    input.rows = [](std::size_t set, Range rows) {
        RatioSetRows values = example_rows(set, rows);
        if (set == 1) values.log_g_down[5 + 3] = std::numeric_limits<float>::quiet_NaN();
        return values;
    };

    CHECK_THROWS_WITH(write_ratio_sets(folder / "ratios.h5", input),
                      Contains("/events/B/log_g_down row 3, 'alpha_2' of process 'S' is nan"));
    CHECK(!std::filesystem::exists(folder / "ratios.h5"));
    CHECK(!std::filesystem::exists(folder / "ratios.h5.partial"));
}

TEST_CASE("a file without systematics stays one of version 1", "[tables]") {
    const test::TemporaryDirectory folder;
    RatioSetsInput input = example_input();
    input.header.shapes.clear();
    input.header.yields.clear();
    input.rows = [](std::size_t set, Range rows) {
        RatioSetRows values = example_rows(set, rows);
        values.log_g_up.clear();
        values.log_g_down.clear();
        return values;
    };

    write_ratio_sets(folder / "ratios.h5", input);

    const h5::File file = h5::open_file(folder / "ratios.h5");
    CHECK(h5::read_integer_attribute(file, "/", "version") == 1);
    CHECK(!h5::is_dataset(file, "/events/S/log_g_up"));
    CHECK(count_wrong(read(RatioFile(folder / "ratios.h5"), "B", {1, 4}, {}), 1, {1, 4}, {}) == 0);
}
