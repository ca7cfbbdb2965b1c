// Coverage of intervals on the interference model with exact densities: toys at truths between the
// points of a grid of thresholds. Prints a table with binomial errors.
//   coverage_study [toys at each truth] [toys at each point of the grid]

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ratiofarm/fit/neyman.hpp"

#include "tests/fit/toy_coverage.hpp"

using namespace ratiofarm;

namespace {

constexpr std::uint64_t grid_seed = 1;
constexpr std::uint64_t truth_seed = 2;

/// Fraction of toys with t at most a threshold.
Fraction covered(const std::vector<double>& sorted, double threshold) {
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), threshold) - sorted.begin();
    return fraction_of(static_cast<std::uint64_t>(below), sorted.size());
}

struct GridPoint {
    double mu;
    Threshold low;   ///< at 0.6827
    Threshold high;  ///< at 0.95
};

/// Threshold between two points of the grid, linear in the root: near 0 it changes over its scale.
double between(const GridPoint& a, const GridPoint& b, double mu, Threshold GridPoint::*which) {
    const double share = (std::sqrt(mu) - std::sqrt(a.mu)) / (std::sqrt(b.mu) - std::sqrt(a.mu));
    return (a.*which).value + share * ((b.*which).value - (a.*which).value);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000;
    const std::uint64_t n_grid = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000;
    // Pairs of a truth near 0 or 1 and the grid points around it.
    const std::vector<double> roots{0.0, 0.05, 0.1, 0.15, 0.25, 0.4, 0.7, 0.9, 1.1, 1.5};
    const std::vector<double> truths{0.0006, 0.0056, 0.0156, 0.04, 0.1, 0.3, 0.64, 1.0, 1.69};
    std::vector<GridPoint> grid;
    std::printf(
        "thresholds of t from %llu toys at each mu (asymptotic: 1.000, 3.841)\n%8s %18s %18s\n",
        static_cast<unsigned long long>(n_grid), "mu", "68.27 %", "95 %");
    for (const double root : roots) {
        const double mu = root * root;
        const auto t = test::sorted_t(mu, grid_seed, n_grid);
        grid.push_back({mu, threshold_of(t, 0.6827), threshold_of(t, 0.95)});
        std::printf("%8.4g %8.3f +- %5.3f %8.3f +- %5.3f\n", mu, grid.back().low.value,
                    grid.back().low.error, grid.back().high.value, grid.back().high.error);
        std::fflush(stdout);
    }
    std::printf(
        "\ncoverage in %% of %llu toys at each mu\n%8s %31s %31s\n%8s %15s %15s %15s %15s\n",
        static_cast<unsigned long long>(n), "", "intervals of 68.27 %", "intervals of 95 %", "mu",
        "asymptotic", "Neyman", "asymptotic", "Neyman");
    for (std::size_t k = 0; k < truths.size(); ++k) {
        const double mu = truths[k];
        const auto t = test::sorted_t(mu, truth_seed, n);
        const double low = between(grid[k], grid[k + 1], mu, &GridPoint::low);
        const double high = between(grid[k], grid[k + 1], mu, &GridPoint::high);
        std::printf("%8.4g", mu);
        for (const double threshold : {1.0, low, 3.8415, high}) {
            const Fraction fraction = covered(t, threshold);
            std::printf(" %8.1f +- %3.1f", 100.0 * fraction.value, 100.0 * fraction.error);
        }
        std::printf("\n");
        std::fflush(stdout);
    }
    return 0;
}
