#include "ratiofarm/mpi/exact_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

mpi::Communicator world() { return mpi::Communicator::world(); }

/// Terms of very different size: a plain sum of them depends on the order.
std::vector<double> term(std::uint64_t k) {
    const auto x = static_cast<double>(k);
    const auto size = [k](std::uint64_t decades) {
        return std::pow(10.0, static_cast<double>((k * 7919) % decades));
    };
    return {std::sin(x) * size(17), std::cos(3.0 * x) * size(170) * 1e-160, std::sin(x * x) * 1e-12,
            k % 2 == 0 ? 1e300 / (x + 1.0) : -1e300 / x};
}

mpi::ExactSums sum_of(const std::vector<std::vector<double>>& terms) {
    mpi::ExactSums sums(terms.front().size());
    for (const auto& one : terms) sums.add(one);
    return sums;
}

double sum_of_numbers(const std::vector<double>& terms) {
    mpi::ExactSums sums(1);
    for (const double x : terms) sums.add(std::vector{x});
    return sums.values()[0];
}

}  // namespace

TEST_CASE("an exact sum has the same bits in any order and any grouping", "[mpi]") {
    std::vector<std::vector<double>> terms;
    for (std::uint64_t k = 0; k < 1000; ++k) terms.push_back(term(k));
    const std::vector<double> golden = sum_of(terms).values();

    for (std::size_t rotation : {1, 17, 500}) {
        std::rotate(terms.begin(), terms.begin() + static_cast<long>(rotation), terms.end());
        CHECK(sum_of(terms).values() == golden);
        mpi::ExactSums joined = sum_of({terms.begin(), terms.begin() + 300});
        joined.add(sum_of({terms.begin() + 300, terms.end()}));
        CHECK(joined.values() == golden);
    }
    std::sort(terms.begin(), terms.end());
    CHECK(sum_of(terms).values() == golden);
    std::reverse(terms.begin(), terms.end());
    CHECK(sum_of(terms).values() == golden);
}

TEST_CASE("an exact sum has the bits of one rank on any number of ranks", "[mpi]") {
    const auto comm = world();
    for (const std::uint64_t n : {0, 1, 2, 3, 1001}) {
        mpi::ExactSums all(4);
        mpi::ExactSums mine(4);
        for (std::uint64_t k = 0; k < n; ++k) {
            all.add(term(k));
            if (static_cast<int>(k % 5) % comm.size() == comm.rank()) mine.add(term(k));
        }

        CHECK(mpi::exact_sum(comm, mine) == all.values());
    }
}

TEST_CASE("what cancels leaves what was small", "[mpi]") {
    CHECK(sum_of_numbers({1e16, 1.0, -1e16}) == 1.0);
    CHECK(sum_of_numbers({1.0, 1e-20, -1.0}) == Approx(1e-20).epsilon(1e-3));
    CHECK(sum_of_numbers({3e-300, 1e-310, -3e-300}) == 1e-310);
    CHECK(sum_of_numbers({-0.1, 0.1}) == 0.0);
}

TEST_CASE("single terms come back as they were", "[mpi]") {
    for (const double x : {0.0, 1.0, -1.0, 0.1, -1e-12, 1e-300, 5e-324, -2.2250738585072014e-308,
                           1.7976931348623157e308, 1099511627775.5, 0x1p40, -0x1p-40}) {
        CHECK(sum_of_numbers({x}) == x);
    }
}

TEST_CASE("the sum is that of long double where that is exact enough", "[mpi]") {
    mpi::ExactSums sums(1);
    long double expected = 0.0L;
    for (int k = 0; k < 100000; ++k) {
        const double x = std::sin(k) * 1e-9;
        sums.add(std::vector{x});
        expected += x;
    }

    CHECK(sums.values()[0] == Approx(static_cast<double>(expected)).epsilon(1e-14));
}

TEST_CASE("a term that is not finite makes its sum NaN, on every rank, and no other", "[mpi]") {
    const auto comm = world();
    const double infinity = std::numeric_limits<double>::infinity();
    mpi::ExactSums mine(3);
    mine.add(std::vector{1.0, 2.0, 3.0});
    if (comm.rank() == comm.size() - 1) mine.add(std::vector{1.0, infinity, std::nan("")});
    mine.add(std::vector{1.0, 2.0, -infinity});

    const auto sum = mpi::exact_sum(comm, mine);

    CHECK(sum[0] == 2.0 * comm.size() + 1.0);
    CHECK(std::isnan(sum[1]));
    CHECK(std::isnan(sum[2]));
}
