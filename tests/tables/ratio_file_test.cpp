#include "ratiofarm/tables/ratio_file.hpp"

#include <algorithm>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/shared_folder.hpp"

#include "tables/ratios/ratio_writer.hpp"

#include "example_tables.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// S with 501, B with 200003 events: two checksum blocks of selected events, the second not full.
/// Ranges of 30000 file rows, so that blocks and ranges cut the events at different places.
class Example {
public:
    Example() : comm(mpi::Communicator::world()), folder(comm) {
        if (comm.is_root()) {
            const std::vector<EventSample> samples{test::example_sample("S", 501),
                                                   test::example_sample("B", 200003, 1000)};
            write_events(folder / "events.h5", samples);
        }
        mpi::barrier(comm);
        input = test::example_ratio_input(folder / "events.h5", 30000);
    }

    RatioSummary write(const char* name) {
        return write_ratios(comm, folder / name, input, test::example_provider(input));
    }

    mpi::Communicator comm;
    test::SharedFolder folder;
    RatioInput input;
};

/// E_ref of a function of (row of the set, ratios), computed in the plainest way.
template <class Function>
double reference_mean(const RatioInput& input, Function&& value) {
    double mean = 0.0;
    for (std::size_t set = 0; set < input.sets.size(); ++set) {
        const MappedSample sample(input.sets[set].sample);
        long double sum = 0.0L;
        long double weights = 0.0L;
        for (std::uint64_t row = 0; row < sample.events(); ++row) {
            if (split_part(sample.id()[row], test::halves()) != SplitPart::inference) continue;
            const double r_s = std::exp(double{test::example_log_ratio(0, sample.id()[row])});
            const double r_b = std::exp(double{test::example_log_ratio(1, sample.id()[row])});
            weights += sample.weight()[row];
            sum += sample.weight()[row] * value(r_s, r_b);
        }
        mean += input.header.reference[set].fraction * static_cast<double>(sum / weights);
    }
    return mean;
}

}  // namespace

TEST_CASE("ratios are normalised on the reference events", "[tables][mpi]") {
    Example example;

    const RatioSummary summary = example.write("ratios.h5");

    const double z_s = reference_mean(example.input, [](double s, double) { return s; });
    const double z_b = reference_mean(example.input, [](double, double b) { return b; });
    CHECK(summary.excess[0] == Approx(z_s - 1.0).epsilon(1e-10));
    CHECK(summary.excess[1] == Approx(z_b - 1.0).epsilon(1e-10));
    CHECK(summary.log_z[0] == Approx(std::log(z_s)).epsilon(1e-10));
    CHECK(summary.log_z[1] == Approx(std::log(z_b)).epsilon(1e-10));
}

TEST_CASE("the sum of pi r is checked before and after normalisation", "[tables][mpi]") {
    Example example;

    const RatioSummary summary = example.write("ratios.h5");

    const double z_s = reference_mean(example.input, [](double s, double) { return s; });
    const double z_b = reference_mean(example.input, [](double, double b) { return b; });
    const auto before = [](double s, double b) { return 0.25 * s + 0.75 * b - 1.0; };
    const auto after = [&](double s, double b) { return 0.25 * s / z_s + 0.75 * b / z_b - 1.0; };
    const double mean = reference_mean(example.input, before);
    const double square = reference_mean(
        example.input, [&](double s, double b) { return before(s, b) * before(s, b); });
    const double square_after = reference_mean(
        example.input, [&](double s, double b) { return after(s, b) * after(s, b); });
    CHECK(summary.identity_before.mean == Approx(mean).epsilon(1e-9));
    CHECK(summary.identity_before.spread == Approx(std::sqrt(square - mean * mean)).epsilon(1e-9));
    CHECK(std::abs(summary.identity_after.mean) < 1e-7);
    CHECK(summary.identity_after.spread == Approx(std::sqrt(square_after)).epsilon(1e-6));
}

TEST_CASE("the error of the normalisation is that of independent events", "[tables][mpi]") {
    Example example;

    const RatioSummary summary = example.write("ratios.h5");

    double variance = 0.0;
    for (std::size_t set = 0; set < 2; ++set) {
        const MappedSample sample(example.input.sets[set].sample);
        double sum = 0.0;
        double weights = 0.0;
        std::vector<std::pair<double, double>> events;
        for (std::uint64_t row = 0; row < sample.events(); ++row) {
            if (split_part(sample.id()[row], test::halves()) != SplitPart::inference) continue;
            const double r = std::exp(double{test::example_log_ratio(0, sample.id()[row])});
            events.emplace_back(sample.weight()[row], r);
            weights += sample.weight()[row];
            sum += sample.weight()[row] * r;
        }
        double squares = 0.0;
        for (const auto& [weight, r] : events) {
            squares += std::pow(weight * (r - sum / weights), 2);
        }
        const double fraction = example.input.header.reference[set].fraction;
        variance += fraction * fraction * squares / (weights * weights);
    }
    CHECK(summary.excess_error[0] == Approx(std::sqrt(variance)).epsilon(1e-8));
}

TEST_CASE("every event of the inference split is in the file once", "[tables][mpi]") {
    Example example;
    const RatioSummary summary = example.write("ratios.h5");

    const RatioFile file(example.folder / "ratios.h5");

    CHECK(file.header() == example.input.header);
    CHECK(file.summary() == summary);
    CHECK(file.warnings().empty());
    for (std::size_t set = 0; set < 2; ++set) {
        const MappedSample sample(example.input.sets[set].sample);
        const RatioSet& info = file.sets()[set];
        const RatioRows rows = file.read_rows(info.name, {0, info.events});
        const RatioColumns columns = file.read_columns(info.name, {0, info.events});
        std::uint64_t event = 0;
        std::uint64_t wrong = 0;
        double weights = 0.0;
        for (std::uint64_t row = 0; row < sample.events(); ++row) {
            const std::uint64_t id = sample.id()[row];
            if (split_part(id, test::halves()) != SplitPart::inference) continue;
            REQUIRE(event < info.events);
            wrong += columns.row[event] != row || columns.id[event] != id ? 1 : 0;
            for (std::uint64_t process = 0; process < 2; ++process) {
                const double log_r =
                    double{test::example_log_ratio(process, id)} - summary.log_z[process];
                wrong += rows.log_r[2 * event + process] != static_cast<float>(log_r) ? 1 : 0;
                wrong += columns.spread[2 * event + process] != 0.125F * static_cast<float>(process)
                             ? 1
                             : 0;
            }
            weights += rows.weight[event];
            ++event;
        }
        CHECK(event == info.events);
        CHECK(wrong == 0);
        CHECK(weights == Approx(*example.input.sets[set].yield).epsilon(1e-12));
        CHECK(info.sum_of_weights == *example.input.sets[set].yield);
    }
}

TEST_CASE("any range of events can be read", "[tables][mpi]") {
    Example example;
    example.write("ratios.h5");
    const RatioFile file(example.folder / "ratios.h5");
    const RatioSet& set = file.set("B");
    const RatioRows all = file.read_rows("B", {0, set.events});

    for (const Range range : {Range{0, 1}, Range{65535, 65537}, Range{70000, set.events},
                              Range{5, 5}, Range{set.events, set.events}}) {
        const RatioRows part = file.read_rows("B", range);
        CHECK(std::ranges::equal(part.weight,
                                 std::span(all.weight).subspan(range.first, range.size())));
        CHECK(std::ranges::equal(part.log_r,
                                 std::span(all.log_r).subspan(2 * range.first, 2 * range.size())));
    }
}

TEST_CASE("the number of ranks does not change a bit of the ratios", "[tables][mpi]") {
    Example example;
    const auto alone = example.folder / ("alone" + std::to_string(example.comm.rank()) + ".h5");

    const RatioSummary together = example.write("ratios.h5");
    const RatioSummary by_one = write_ratios(mpi::Communicator(), alone, example.input,
                                             test::example_provider(example.input));

    CHECK(together == by_one);
    CHECK(dataset_digests(example.folder / "ratios.h5") == dataset_digests(alone));
    CHECK(verify_file(example.folder / "ratios.h5").empty());
}

TEST_CASE("normalisation can be switched off and is measured all the same", "[tables][mpi]") {
    Example example;
    const RatioSummary on = example.write("on.h5");
    example.input.header.shape_norm = ShapeNorm::none;

    const RatioSummary off = example.write("off.h5");

    CHECK(off.log_z == std::vector<double>{0.0, 0.0});
    CHECK(off.excess == on.excess);
    CHECK(off.identity_after == off.identity_before);
    const RatioFile file(example.folder / "off.h5");
    const RatioColumns columns = file.read_columns("S", {0, 1});
    CHECK(file.read_rows("S", {0, 1}).log_r[1] == test::example_log_ratio(1, columns.id[0]));
}

TEST_CASE("a ratio that is no number fails all ranks and is named", "[tables][mpi]") {
    Example example;
    const RatioProvider good = test::example_provider(example.input);
    const RatioProvider bad = [&](const RatioBlockKey& key) {
        RatioBlock block = good(key);
        if (key.set == 1 && key.column == 1 && key.range == 6) {
            block.log_ratio.back() = std::numeric_limits<float>::quiet_NaN();
        }
        return block;
    };

    CHECK_THROWS_WITH(write_ratios(example.comm, example.folder / "ratios.h5", example.input, bad),
                      Contains("sample 'B', process 'B', range 6 row 200") && Contains("nan"));

    mpi::barrier(example.comm);
    CHECK(!std::filesystem::exists(example.folder / "ratios.h5"));
}

TEST_CASE("a set may be empty if it is not part of the reference", "[tables][mpi]") {
    Example example;
    RatioSetInput data = example.input.sets[0];
    data.sample.name = "data";
    data.split = {.train = 1.0, .validation = 0.0, .inference = 0.0};
    data.yield.reset();
    example.input.sets.push_back(data);

    example.write("ratios.h5");
    const RatioFile file(example.folder / "ratios.h5");

    CHECK(file.set("data").events == 0);
    CHECK(file.read_rows("data", {0, 0}).weight.empty());
}

TEST_CASE("a set that is missing is answered with the nearest name", "[tables][mpi]") {
    Example example;
    example.input.sets[1].sample.name = "background";
    example.input.header.reference[1].sample = "background";
    example.write("ratios.h5");

    const RatioFile file(example.folder / "ratios.h5");

    CHECK_THROWS_WITH(file.set("backgruond"), Contains("did you mean 'background'"));
    CHECK_THROWS_AS(file.header().column_of("X"), DataError);
}
