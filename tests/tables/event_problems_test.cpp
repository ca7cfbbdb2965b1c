#include <algorithm>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "h5/attributes.hpp"
#include "h5/dataset.hpp"
#include "h5/file.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> only_s{"S"};
constexpr float no_number = std::numeric_limits<float>::quiet_NaN();

/// What reading the samples complains about; empty if nothing.
std::string complaint(const std::vector<EventSample>& samples,
                      const std::vector<std::string>& names = only_s,
                      const std::vector<std::string>& features = {}) {
    const test::TemporaryDirectory folder;
    write_events(folder / "events.h5", samples);
    try {
        read_sample_info(folder / "events.h5", names, features, Split{});
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

/// The same for datasets written one by one.
template <class Write>
std::string complaint_about(Write&& write) {
    const test::TemporaryDirectory folder;
    {
        const h5::File file = h5::create_file(folder / "events.h5");
        h5::create_group(file, "/S");
        write(file);
        h5::write_attribute(file, "/", "format", std::string_view("ratiofarm-events"));
        h5::write_attribute(file, "/", "version", std::uint64_t{1});
    }
    try {
        read_sample_info(folder / "events.h5", only_s, {}, Split{});
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

template <class T>
void put(const h5::File& file, const std::string& path, std::vector<std::uint64_t> shape) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : shape) size *= extent;
    std::vector<T> values(size);
    std::iota(values.begin(), values.end(), T{1});
    h5::write_all<T>(file, path, shape, values);
}

void put_features(const h5::File& file, std::uint64_t rows, std::vector<std::string> columns) {
    put<float>(file, "/S/features", {rows, 2});
    h5::write_attribute(file, "/S/features", "columns", columns);
}

}  // namespace

TEST_CASE("sound events raise no complaint", "[tables]") {
    CHECK(complaint({test::example_sample("S", 10)}).empty());
    CHECK(complaint_about([](const h5::File& file) {
              put_features(file, 5, {"a", "b"});
              put<double>(file, "/S/weight", {5});
              put<std::uint64_t>(file, "/S/id", {5});
          }).empty());
}

TEST_CASE("features that are no numbers are named with row and column", "[tables]") {
    EventSample sample = test::example_sample("S", 70000);
    sample.features[2 * 66000 + 1] = no_number;
    sample.features[2 * 66001] = std::numeric_limits<float>::infinity();

    const std::string text = complaint({sample});

    CHECK_THAT(text, Contains("events.h5: /S/features row 66000") && Contains("'pt' is nan") &&
                         Contains("2 such rows"));
}

TEST_CASE("a column that is not used may hold anything", "[tables]") {
    EventSample sample = test::example_sample("S", 100);
    sample.features[2 * 17 + 1] = no_number;

    CHECK(complaint({sample}, only_s, {"mass"}).empty());
    CHECK_THAT(complaint({sample}, only_s, {"pt"}), Contains("row 17"));
}

TEST_CASE("weights must be numbers with a positive sum", "[tables]") {
    EventSample not_a_number = test::example_sample("S", 100);
    not_a_number.weight[42] = no_number;
    EventSample negative = test::example_sample("S", 100);
    for (double& weight : negative.weight) weight = -weight;
    EventSample one_negative = test::example_sample("S", 100);
    one_negative.weight[3] = -1.0;

    CHECK_THAT(complaint({not_a_number}),
               Contains("/S/weight row 42: is nan") && Contains("only such row"));
    CHECK_THAT(complaint({negative}), Contains("/S/weight") && Contains("must be > 0"));
    CHECK(complaint({one_negative}).empty());
}

TEST_CASE("ids must be distinct within a sample, in any order", "[tables]") {
    EventSample sample = test::example_sample("S", 100);
    std::reverse(sample.id.begin(), sample.id.end());
    CHECK(complaint({sample}).empty());

    sample.id[70] = sample.id[8];
    sample.id[90] = sample.id[8];

    CHECK_THAT(complaint({sample}),
               Contains("/S/id row 70: id 91 is in row 8 as well") && Contains("2 such rows"));
    CHECK(complaint({test::example_sample("S", 100), test::example_sample("T", 100)}, {"S", "T"})
              .empty());
}

TEST_CASE("what is missing is named with the nearest thing there is", "[tables]") {
    const std::vector<EventSample> samples{test::example_sample("signal", 10)};

    CHECK_THAT(complaint(samples, {"signa"}),
               Contains("sample 'signa': is missing") && Contains("did you mean 'signal'"));
    CHECK_THAT(complaint(samples, {"signal"}, {"maas"}),
               Contains("has no column 'maas'") && Contains("did you mean 'mass'"));
    CHECK_THAT(complaint_about([](const h5::File& file) {
                   put_features(file, 5, {"a", "b"});
                   put<double>(file, "/S/weights", {5});
                   put<std::uint64_t>(file, "/S/id", {5});
               }),
               Contains("/S/weight: is missing") && Contains("did you mean 'weights'"));
}

TEST_CASE("a wrong type or shape is told with the right one", "[tables]") {
    CHECK_THAT(complaint_about([](const h5::File& file) {
                   put<std::uint64_t>(file, "/S/features", {5, 2});
                   put<std::uint64_t>(file, "/S/weight", {5});
                   put<double>(file, "/S/id", {5, 1});
               }),
               Contains("/S/features: is u64 [5, 2], must be f32 [events, columns]") &&
                   Contains("/S/weight: is u64 [5], must be f64 [events]") &&
                   Contains("/S/id: is f64 [5, 1], must be u64 [events]"));
    CHECK_THAT(complaint_about([](const h5::File& file) {
                   put_features(file, 5, {"a"});
                   put<double>(file, "/S/weight", {5});
                   put<std::uint64_t>(file, "/S/id", {5});
               }),
               Contains("has 2 columns, its attribute 'columns' names 1"));
    CHECK_THAT(complaint_about([](const h5::File& file) {
                   put_features(file, 5, {"a", "b"});
                   put<double>(file, "/S/weight", {4});
                   put<std::uint64_t>(file, "/S/id", {5});
               }),
               Contains("/S/weight: has 4 rows, but features has 5"));
    CHECK_THAT(complaint_about([](const h5::File& file) {
                   put_features(file, 0, {"a", "b"});
                   put<double>(file, "/S/weight", {0});
                   put<std::uint64_t>(file, "/S/id", {0});
               }),
               Contains("has no events"));
}

TEST_CASE("the problems of all samples come together", "[tables]") {
    EventSample first = test::example_sample("A", 100);
    first.features[0] = no_number;
    first.weight[1] = no_number;
    EventSample second = test::example_sample("B", 100);
    second.id[1] = second.id[0];

    const std::string text = complaint({first, second}, {"A", "B", "C"});

    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    CHECK_THAT(text, Contains("/A/features row 0") && Contains("/A/weight row 1") &&
                         Contains("/B/id row 1") && Contains("sample 'C': is missing"));
}

TEST_CASE("another format or an unknown version is refused", "[tables]") {
    const test::TemporaryDirectory folder;
    {
        const h5::File file = h5::create_file(folder / "other.h5");
        h5::write_attribute(file, "/", "format", std::string_view("ratiofarm-ratios"));
        h5::write_attribute(file, "/", "version", std::uint64_t{1});
    }
    {
        const h5::File file = h5::create_file(folder / "new.h5");
        h5::write_attribute(file, "/", "format", std::string_view("ratiofarm-events"));
        h5::write_attribute(file, "/", "version", std::uint64_t{2});
    }
    h5::create_file(folder / "none.h5");

    CHECK_THROWS_WITH(sample_names(folder / "other.h5"),
                      Contains("format is 'ratiofarm-ratios', expected 'ratiofarm-events'"));
    CHECK_THROWS_WITH(sample_names(folder / "new.h5"),
                      Contains("version 2") && Contains("reads version 1"));
    CHECK_THROWS_WITH(sample_names(folder / "none.h5"), Contains("no root attribute 'format'"));
}
