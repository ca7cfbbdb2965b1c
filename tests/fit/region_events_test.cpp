// The fast sums over events. Oracle: textbook_sums.hpp, and the one-rank result for the bits.

#include "fit/events/region_events.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm_test/catch.hpp"

#include "fit/kernels/textbook_sums.hpp"

#include "region_recipes.hpp"
#include "region_sums_checks.hpp"

using namespace ratiofarm;
using namespace ratiofarm::test;

namespace {

const mpi::Communicator one_rank;

mpi::Communicator all_ranks() { return mpi::Communicator::world(); }

/// Both sums against the plain loop, on one rank.
void check_against_plain(const Recipe& recipe,
                         std::uint64_t n,
                         const LikelihoodOptions& options,
                         double share) {
    const EventSet events = events_of(recipe, {0, n}, n);
    const RegionEvents fast(recipe.layout, source_of(recipe, n), one_rank, options);
    const auto rates = rates_of(recipe);
    const auto alpha = alpha_of(recipe);

    check_close(fast.mixture(rates, alpha), textbook_mixture(recipe.layout, events, rates, alpha),
                share);
    check_close(fast.reference(alpha), textbook_reference(recipe.layout, events, alpha), share);
}

}  // namespace

TEST_CASE("sums are those of a plain loop, with every code inside and outside", "[fit]") {
    for (const std::uint64_t n : {0, 1, 63, 64, 1500}) {
        check_against_plain(sparse_recipe(), n, {}, 1e-12);
    }
    check_against_plain(dense_recipe(3, 40), 300, {}, 1e-12);
    check_against_plain(dense_recipe(10, 100), 100, {}, 1e-12);
    check_against_plain(dense_recipe(1, 1), 200, {}, 1e-12);
}

TEST_CASE("mixtures below their floor are continued, with either sign of the weight", "[fit]") {
    Recipe recipe = sparse_recipe();
    recipe.first_rate = -6.0;

    check_against_plain(recipe, 500, {}, 1e-11);

    const RegionEvents events(recipe.layout, source_of(recipe, 500), one_rank, {});
    CHECK(events.mixture(rates_of(recipe), alpha_of(recipe)).below_floor > 100);
}

TEST_CASE("gradients and curvatures are the derivatives of the value", "[fit]") {
    const Recipe recipe = dense_recipe(3, 5);
    const std::size_t p = 5;
    const RegionEvents events(recipe.layout, source_of(recipe, 300), one_rank, {});
    const std::vector<double> rates = recipe.layout.yields;
    const std::vector<double> alpha{0.4, -0.7, 1.6, -1.3, 0.05};
    const auto gradient = [&](const MixtureSums& sums) {
        std::vector<double> result(p);
        for (std::size_t c = 0; c < recipe.layout.columns.size(); ++c) {
            const ShapeIndex& column = recipe.layout.columns[c];
            result[column.parameter] += rates[column.process] * sums.shape_gradient[c];
        }
        return result;
    };
    const MixtureSums here = events.mixture(rates, alpha);
    const double step = 1e-5;
    for (std::size_t m = 0; m < p; ++m) {
        std::vector<double> high = alpha;
        std::vector<double> low = alpha;
        high[m] += step;
        low[m] -= step;

        const MixtureSums above = events.mixture(rates, high);
        const MixtureSums below = events.mixture(rates, low);

        CHECK((above.value - below.value) / (2.0 * step) ==
              Approx(gradient(here)[m]).epsilon(1e-6));
        for (std::size_t n = 0; n < p; ++n) {
            CHECK((gradient(above)[n] - gradient(below)[n]) / (2.0 * step) ==
                  Approx(here.shape_curvature[m * p + n] - here.outer[m * (p + 3) + n])
                      .epsilon(1e-6)
                      .margin(1e-6));
        }
    }
}

TEST_CASE("sums without shapes are those of a plain loop", "[fit]") {
    for (const std::uint64_t n : {0, 1, 64, 3000}) {
        check_against_plain(dense_recipe(3, 0), n, {}, 1e-12);
        check_against_plain(dense_recipe(6, 0), n, {}, 1e-12);
    }
}

TEST_CASE("extreme anchors are clipped and counted, factors held above their floor", "[fit]") {
    Recipe recipe = sparse_recipe();
    recipe.spread = 1.2;
    recipe.extreme = 0.05;
    const std::uint64_t n = 500;
    const EventSet events = events_of(recipe, {0, n}, n);

    check_against_plain(recipe, n, {}, 1e-11);

    const RegionEvents fast(recipe.layout, source_of(recipe, n), one_rank, {});
    std::vector<std::uint64_t> clipped(recipe.layout.n_processes);
    std::vector<std::vector<double>> largest(recipe.layout.n_processes, std::vector<double>(n));
    for (std::size_t c = 0; c < recipe.layout.columns.size(); ++c) {
        for (std::size_t i = 0; i < n; ++i) {
            if (events.weight[i] == 0.0 && events.reference[i] == 0.0) continue;
            for (const std::size_t side : {0, 1}) {
                const float log_g = events.log_g[(2 * c + side) * n + i];
                if (std::abs(log_g) <= 2.99573227F) continue;
                const std::size_t j = recipe.layout.columns[c].process;
                ++clipped[j];
                largest[j][i] = std::max({1.0, largest[j][i], std::exp(double{log_g})});
            }
        }
    }
    for (std::size_t j = 0; j < clipped.size(); ++j) {
        CHECK(fast.clipped_anchors()[j].count == clipped[j]);
        double share = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            share += events.reference[i] * largest[j][i] *
                     std::exp(events.log_r[i * clipped.size() + j]);
        }
        CHECK(fast.clipped_anchors()[j].share.value_or(0.0) ==
              Approx(std::min(share, 1.0)).epsilon(1e-6));
    }
    const auto held = fast.mixture(rates_of(recipe), alpha_of(recipe)).clipped;
    CHECK(held[0] > 0);
}

TEST_CASE("sums in single precision agree to single precision", "[fit]") {
    check_against_plain(sparse_recipe(), 1500, {.precision = ShapePrecision::fp32}, 1e-5);
    check_against_plain(dense_recipe(10, 100), 130, {.precision = ShapePrecision::fp32}, 1e-5);
}

TEST_CASE("half precision storage is that of rounded logarithms", "[fit]") {
    const Recipe recipe = sparse_recipe();
    const std::uint64_t n = 700;
    EventSet rounded = events_of(recipe, {0, n}, n);
    for (float& log_g : rounded.log_g) {
        // 11 significant bits, to the nearest even; multiples of 2^-24 below 2^-14.
        const int exponent = std::max(std::ilogb(log_g), -14);
        const double unit = std::ldexp(1.0, exponent - 10);
        log_g = static_cast<float>(std::nearbyint(log_g / unit) * unit);
    }
    for (const auto set :
         {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
        const RegionEvents fast(recipe.layout, source_of(recipe, n), one_rank,
                                {.storage = ShapeStorage::fp16, .instructions = set});
        const auto rates = rates_of(recipe);
        const auto alpha = alpha_of(recipe);

        check_close(fast.mixture(rates, alpha),
                    textbook_mixture(recipe.layout, rounded, rates, alpha), 1e-12);
    }
}

TEST_CASE("single precision gives way where its exponents end", "[fit]") {
    const Recipe recipe = sparse_recipe();
    std::vector<double> alpha = alpha_of(recipe);
    alpha[4] = 8.0;
    const auto rates = rates_of(recipe);
    const RegionEvents single(recipe.layout, source_of(recipe, 200), one_rank,
                              {.precision = ShapePrecision::fp32});
    const RegionEvents twice(recipe.layout, source_of(recipe, 200), one_rank, {});

    check_same(single.mixture(rates, alpha), twice.mixture(rates, alpha));
}

TEST_CASE("neither instructions nor threads nor ranks change a bit", "[fit][mpi]") {
    const auto comm = all_ranks();
    for (const auto& recipe : {sparse_recipe(), dense_recipe(3, 33), dense_recipe(4, 0)}) {
        const auto rates = rates_of(recipe);
        const auto alpha = alpha_of(recipe);
        for (const auto precision : {ShapePrecision::fp64, ShapePrecision::fp32}) {
            for (const std::uint64_t n : {0, 3, 65, 2500}) {
                const LikelihoodOptions plainest{.precision = precision,
                                                 .instructions = InstructionSet::portable};
                const EventSource source = source_of(recipe, n);
                const RegionEvents golden(recipe.layout, source, one_rank, plainest);
                const MixtureSums mixture = golden.mixture(rates, alpha);
                const ReferenceSums reference = golden.reference(alpha);
                for (const auto set :
                     {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
                    const RegionEvents events(
                        recipe.layout, source, comm,
                        {.threads = 2, .precision = precision, .instructions = set});

                    check_same(events.mixture(rates, alpha), mixture);
                    check_same(events.reference(alpha), reference);
                    CHECK(events.n_events() == n);
                    CHECK(events.n_zero_weight() == golden.n_zero_weight());
                }
            }
        }
    }
}

TEST_CASE("memory stays within 5 % of the data", "[fit]") {
    const Recipe recipe = dense_recipe(10, 100);
    const std::uint64_t n = 640;
    const RegionEvents fast(recipe.layout, source_of(recipe, n), one_rank, {});
    const double data = static_cast<double>(n) * (16.0 + 4.0 * 10.0 + 8.0 * 1000.0);

    CHECK(static_cast<double>(fast.n_bytes()) <= 1.05 * data);
}

TEST_CASE("an event that cannot be used is named, on every rank", "[fit][mpi]") {
    const auto comm = all_ranks();
    const Recipe recipe = sparse_recipe();
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    const auto refused_with = [&](const auto& spoil) -> std::string {
        EventSource source = source_of(recipe, 500);
        const auto read = source.read;
        source.read = [read, spoil](Range range) {
            EventSet events = read(range);
            for (const std::uint64_t bad : {437, 490}) {
                if (range.first <= bad && bad < range.last) spoil(events, bad - range.first);
            }
            return events;
        };
        try {
            RegionEvents(recipe.layout, source, comm, {.threads = 2});
        } catch (const mpi::AgreedError& error) {
            CHECK(error.exit_code() == ExitCode::usage);
            return error.what();
        }
        return "";
    };
    using Catch::Contains;

    CHECK_THAT(refused_with([&](EventSet& e, std::size_t i) { e.weight[i] = nan; }),
               Contains("event 437") && Contains("weight"));
    CHECK_THAT(refused_with([&](EventSet& e, std::size_t i) { e.log_r[5 * i + 1] = 601.0; }),
               Contains("event 437") && Contains("p1"));
    CHECK_THAT(refused_with([&](EventSet& e, std::size_t i) {
                   e.log_g[3 * e.size() + i] = static_cast<float>(nan);
               }),
               Contains("event 437") && Contains("'p0' for 'a18' down"));
    CHECK(refused_with([](EventSet&, std::size_t) {}).empty());
}

TEST_CASE("the switch to the textbook loop gives the same sums on all ranks", "[fit][mpi]") {
    const auto comm = all_ranks();
    const Recipe recipe = sparse_recipe();
    const auto rates = rates_of(recipe);
    const auto alpha = alpha_of(recipe);
    for (const std::uint64_t n : {0, 3, 700}) {
        const RegionEvents fast(recipe.layout, source_of(recipe, n), comm, {});
        const RegionEvents slow(recipe.layout, source_of(recipe, n), comm,
                                {.instructions = InstructionSet::textbook});

        check_close(fast.mixture(rates, alpha), slow.mixture(rates, alpha), 1e-12);
        check_close(fast.reference(alpha), slow.reference(alpha), 1e-12);
    }
}
