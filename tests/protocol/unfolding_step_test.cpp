// The steps of an unfolding with exact ratios, on grids, against closed forms.
#include "protocol/unfolding_step.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

double gauss(double x, double mean, double variance) {
    return std::exp(-(x - mean) * (x - mean) / (2.0 * variance)) /
           std::sqrt(2.0 * std::numbers::pi * variance);
}

std::vector<double> grid(double low, double high, double step) {
    std::vector<double> points;
    const auto n = static_cast<int>(std::lround((high - low) / step));
    for (int i = 0; i <= n; ++i) points.push_back(low + (i + 0.5) * step);
    return points;
}

/// Simulated events on a grid of truth cells and reconstructed cells. In place of nets the exact
/// ratios of the classes in each cell.
struct Grid {
    double least = 1e-17;      ///< events that weigh less are left out
    std::vector<double> t;     ///< of the truth cells
    std::vector<double> data;  ///< of the reconstructed cells
    std::vector<double> weight;
    std::vector<std::uint8_t> pass_reco, pass_truth;
    std::vector<std::size_t> truth_cell, reco_cell;

    void add(double w, std::size_t truth, std::size_t reco, bool has_truth, bool has_reco) {
        if (w < least) return;
        weight.push_back(w);
        pass_reco.push_back(has_reco ? 1 : 0);
        pass_truth.push_back(has_truth ? 1 : 0);
        truth_cell.push_back(truth);
        reco_cell.push_back(reco);
    }
    LeveledEvents events() const { return {weight, pass_reco, pass_truth}; }
};

std::vector<double> cell_sums(const std::vector<std::size_t>& cells,
                              const std::vector<double>& weights,
                              std::size_t n) {
    std::vector<double> sums(n, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) sums[cells[i]] += weights[i];
    return sums;
}

/// What a perfect net says of each event: ln of the ratio of the normalised classes in its cell.
std::vector<float> exact_logits(const std::vector<std::size_t>& cells,
                                const std::vector<double>& numerator,
                                const std::vector<double>& denominator) {
    const double shift = std::log(sum_of(numerator) / sum_of(denominator));
    std::vector<float> logits;
    for (const std::size_t cell : cells) {
        const double ratio = numerator[cell] / denominator[cell];
        logits.push_back(static_cast<float>(ratio > 0.0 ? std::log(ratio) - shift : -500.0));
    }
    return logits;
}

std::vector<double> acceptance_of(const Grid& grid) {
    const ClassWeights weights = weigh_acceptance(grid.events());
    const std::size_t n = grid.data.size();
    auto share = cell_sums(grid.reco_cell, weights.numerator, n);
    const auto all = cell_sums(grid.reco_cell, weights.denominator, n);
    for (std::size_t cell = 0; cell < n; ++cell) share[cell] /= all[cell] > 0.0 ? all[cell] : 1.0;
    return share;
}

/// The weight nu of every event after some iterations.
std::vector<double> unfold(const Grid& grid, int iterations, Misses misses, Fakes fakes) {
    const double no_limit = 600.0;  // tails of the grid would be clipped
    std::vector<double> data = grid.data;
    if (fakes == Fakes::follow) {
        const auto share = acceptance_of(grid);
        for (std::size_t cell = 0; cell < data.size(); ++cell) data[cell] *= share[cell];
    }
    std::vector<double> nu(grid.weight.size(), 1.0);
    for (int iteration = 0; iteration < iterations; ++iteration) {
        const auto simulation = weigh_reco(grid.events(), nu, fakes);
        const ClassSums reco{sum_of(data), sum_of(simulation)};
        const auto cells = cell_sums(grid.reco_cell, simulation, data.size());
        const auto omega = normalise(exact_logits(grid.reco_cell, data, cells), grid.pass_reco,
                                     simulation, reco.prior(), no_limit);
        const auto pulled = pull(grid.events(), nu, omega.values, misses);
        const auto classes = weigh_truth(grid.events(), pulled, misses);
        const ClassSums truth{sum_of(classes.numerator), sum_of(classes.denominator)};
        const auto above = cell_sums(grid.truth_cell, classes.numerator, grid.t.size());
        const auto below = cell_sums(grid.truth_cell, classes.denominator, grid.t.size());
        nu = normalise(exact_logits(grid.truth_cell, above, below), grid.pass_truth,
                       classes.denominator, truth.prior(), no_limit)
                 .values;
    }
    return nu;
}

struct Moments {
    double yield = 0.0, mean = 0.0, variance = 0.0;
};

/// Of the unfolded truth.
Moments moments_of(const Grid& grid, const std::vector<double>& nu) {
    Moments m;
    double squares = 0.0;
    for (std::size_t i = 0; i < nu.size(); ++i) {
        if (grid.pass_truth[i] == 0) continue;
        const double w = grid.weight[i] * nu[i];
        const double t = grid.t[grid.truth_cell[i]];
        m.yield += w;
        m.mean += w * t;
        squares += w * t * t;
    }
    m.mean /= m.yield;
    m.variance = squares / m.yield - m.mean * m.mean;
    return m;
}

double nu_at(const Grid& grid, const std::vector<double>& nu, double t) {
    for (std::size_t i = 0; i < nu.size(); ++i) {
        if (std::abs(grid.t[grid.truth_cell[i]] - t) < 1e-9) return nu[i];
    }
    FAIL("no such cell");
    return 0.0;
}

void expect(const Moments& found, const Moments& wanted) {
    CHECK(found.yield == Approx(wanted.yield).epsilon(1e-6));
    CHECK(found.mean == Approx(wanted.mean).margin(1e-6));
    CHECK(found.variance == Approx(wanted.variance).margin(2e-6));
}

struct Gaussian {
    double mean, variance;
};

/// Truth `mc` smeared with `smearing`; data smeared `truth`. \param step of the truth
/// \param wide  for a truth that is wider than the simulation
Grid smeared(Gaussian mc, double smearing, Gaussian truth, double step = 0.2, bool wide = false) {
    Grid grid;
    if (wide) grid.least = 1e-60;
    const double low = wide ? -14.1 : -8.1, high = wide ? 15.9 : 8.9;
    grid.t = ::grid(low, high, step);
    const auto x = ::grid(low, high, 0.2);
    for (const double at : x) {
        grid.data.push_back(0.2 * gauss(at, truth.mean, truth.variance + smearing));
    }
    for (std::size_t i = 0; i < grid.t.size(); ++i) {
        for (std::size_t j = 0; j < x.size(); ++j) {
            const double w = step * gauss(grid.t[i], mc.mean, mc.variance) * 0.2 *
                             gauss(x[j], grid.t[i], smearing);
            grid.add(w, i, j, true, true);
        }
    }
    return grid;
}

void add_fakes(Grid& grid, double share, Gaussian shape) {
    const auto x = ::grid(-8.1, 8.9, 0.2);
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double fakes = share * 0.2 * gauss(x[j], shape.mean, shape.variance);
        grid.data[j] += fakes;
        grid.add(fakes, 0, j, false, true);
    }
}

/// Efficiency 0.9 exp(-t^2 / 8), or one number. Data pass likewise.
Grid inefficient(
    double scale_mc, Gaussian mc, double scale, Gaussian truth, double constant = 0.0) {
    const double h = 0.2, smearing = 0.25;
    const auto efficiency = [&](double t) {
        return constant > 0.0 ? constant : 0.9 * std::exp(-t * t / 8.0);
    };
    Grid grid;
    grid.t = ::grid(-8.1, 8.9, h);
    grid.data.assign(grid.t.size(), 0.0);
    for (std::size_t i = 0; i < grid.t.size(); ++i) {
        const double t = grid.t[i];
        const double w = scale_mc * h * gauss(t, mc.mean, mc.variance);
        grid.add(w * (1.0 - efficiency(t)), i, 0, true, false);
        for (std::size_t j = 0; j < grid.t.size(); ++j) {
            const double response = h * efficiency(t) * gauss(grid.t[j], t, smearing);
            grid.add(w * response, i, j, true, true);
            grid.data[j] += scale * h * gauss(t, truth.mean, truth.variance) * response;
        }
    }
    return grid;
}

}  // namespace

TEST_CASE("an unfolding with exact ratios follows the closed forms of Gaussians", "[unfolding]") {
    struct Row {
        int iteration;
        double mean, variance, nu_0, nu_1;
    };
    const auto check = [](const Grid& grid, std::initializer_list<Row> rows) {
        for (const Row& row : rows) {
            const auto nu = unfold(grid, row.iteration, Misses::extrapolate, Fakes::none);
            INFO("iteration " << row.iteration);
            expect(moments_of(grid, nu), {1.0, row.mean, row.variance});
            CHECK(nu_at(grid, nu, 0.0) == Approx(row.nu_0).epsilon(2e-6));
            CHECK(nu_at(grid, nu, 1.0) == Approx(row.nu_1).epsilon(2e-6));
        }
    };

    check(smeared({1, 1}, 0.25, {0, 1}), {{1, 0.2, 1, 1.61607440, 0.72614904},
                                          {2, 0.04, 1, 1.64740282, 0.63077882},
                                          {3, 0.008, 1, 1.64866851, 0.61138280}});
    check(smeared({0, 1}, 0.25, {1, 2.25}, 0.2, true),
          {{1, 0.8, 1.8, 0.62395869, 1.21530559},
           {2, 0.9756097561, 2.1469363474, 0.54679081, 1.12506467},
           {3, 0.9974561023, 2.2296221345, 0.53578099, 1.10415737}});
    check(smeared({0, 1}, 1, {0.5, 0.64}),
          {{1, 0.25, 0.91, 1.01289714, 1.26882263},
           {3, 0.4291993042, 0.8047240175, 0.99418824, 1.50108766},
           {5, 0.4778604031, 0.7469246212, 0.99305919, 1.58945944}});
}

TEST_CASE("misses are extrapolated, or kept, as the closed form and the grid say", "[unfolding]") {
    const Grid grid = inefficient(800, {0, 1}, 1000, {0.5, 0.8});
    const auto after = [&](int iterations, Misses misses) {
        return moments_of(grid, unfold(grid, iterations, misses, Fakes::none));
    };

    expect(after(1, Misses::extrapolate), {997.79712963, 0.3874538745, 0.8819188192});
    expect(after(2, Misses::extrapolate), {1000.85727604, 0.4729551896, 0.8363583332});
    expect(after(3, Misses::extrapolate), {1000.98253212, 0.4935851405, 0.8166736276});
    expect(after(5, Misses::extrapolate), {1000.33629647, 0.4997847936, 0.8036333701});
    expect(after(8, Misses::extrapolate), {1000.04018601, 0.5000274042, 0.8003780802});
    expect(after(1, Misses::keep), {956.477030, 0.26567888, 0.91626274});
    expect(after(2, Misses::keep), {986.064607, 0.37884742, 0.86590635});
    expect(after(3, Misses::keep), {993.874582, 0.43310645, 0.83750806});
    expect(after(5, Misses::keep), {998.157644, 0.47473767, 0.81335691});
    expect(after(8, Misses::keep), {999.398258, 0.49058925, 0.80404198});
    expect(after(20, Misses::keep), {999.941391, 0.49890947, 0.80036784});
}

TEST_CASE("a constant efficiency cancels if misses are extrapolated", "[unfolding]") {
    const Grid grid = inefficient(1, {1, 1}, 1, {0, 1}, 0.8);

    for (const auto& [iteration, mean, kept] :
         {std::tuple{1, 0.2, 0.36}, {2, 0.04, 0.12531703}, {3, 0.008, 0.04415250}}) {
        expect(moments_of(grid, unfold(grid, iteration, Misses::extrapolate, Fakes::none)),
               {1.0, mean, 1.0});
        CHECK(moments_of(grid, unfold(grid, iteration, Misses::keep, Fakes::none)).mean ==
              Approx(kept).margin(1e-6));
    }
}

TEST_CASE("fakes of a known background are fixed, and do not follow the signal", "[unfolding]") {
    Grid grid = smeared({1, 1}, 0.25, {0, 1});
    add_fakes(grid, 0.1, {0.5, 2});
    const auto after = [&](int iterations, Fakes fakes) {
        return moments_of(grid, unfold(grid, iterations, Misses::extrapolate, fakes));
    };

    expect(after(1, Fakes::fixed), {0.95201296, 0.32362015, 0.97365007});
    expect(after(2, Fakes::fixed), {0.99593333, 0.10355980, 0.98481368});
    expect(after(3, Fakes::fixed), {1.00138639, 0.03375309, 0.99555018});
    CHECK(after(1, Fakes::follow).mean == Approx(0.32362015).margin(1e-6));
    CHECK(after(2, Fakes::follow).mean == Approx(0.18928451).margin(1e-6));
    CHECK(after(3, Fakes::follow).mean == Approx(0.16175236).margin(1e-6));
    CHECK(after(3, Fakes::follow).yield == Approx(0.95201296).epsilon(1e-6));
}

TEST_CASE("fakes that migrate in follow the signal, and are not fixed", "[unfolding]") {
    Grid grid = smeared({1, 1}, 0.25, {0, 1});
    const std::size_t matched = grid.weight.size();
    for (std::size_t i = 0; i < matched; ++i) {
        grid.add(0.1 * grid.weight[i], 0, grid.reco_cell[i], false, true);
        grid.weight[i] *= 0.9;
    }
    const auto mean_after = [&](int iterations, Fakes fakes) {
        return moments_of(grid, unfold(grid, iterations, Misses::extrapolate, fakes)).mean;
    };

    CHECK(mean_after(1, Fakes::follow) == Approx(0.2).margin(1e-6));
    CHECK(mean_after(2, Fakes::follow) == Approx(0.04).margin(1e-6));
    CHECK(mean_after(3, Fakes::follow) == Approx(0.008).margin(1e-6));
    CHECK(mean_after(1, Fakes::fixed) == Approx(0.2).margin(1e-6));
    CHECK(mean_after(2, Fakes::fixed) == Approx(-0.01206298).margin(1e-6));
    CHECK(mean_after(3, Fakes::fixed) == Approx(-0.07169151).margin(1e-6));
}

TEST_CASE("what the response depends on but was not given biases the rest", "[unfolding]") {
    const double h = 0.5, smearing = 0.25;
    const auto axis = grid(-5.75, 5.75, h);
    const auto wide = grid(-7.25, 7.25, h);
    const std::size_t n = axis.size(), m = wide.size();
    Grid both;   // both components on either side
    Grid first;  // the first one of each
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) both.t.push_back(axis[a]);
    }
    first.t = axis;
    both.data.assign(m * m, 0.0);
    first.data.assign(m, 0.0);
    const double det = 0.8 - 0.04;
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            const double u = axis[a] - 0.3, v = axis[b] - 0.5;
            const double truth = h * h / (2.0 * std::numbers::pi * std::sqrt(det)) *
                                 std::exp(-(0.8 * u * u - 0.4 * u * v + v * v) / (2.0 * det));
            const double mc = h * h * gauss(axis[a], 0, 1) * gauss(axis[b], 0, 1);
            for (std::size_t i = 0; i < m; ++i) {
                const double x = h * gauss(wide[i], axis[a] + 0.3 * axis[b], smearing);
                first.add(mc * x, a, i, true, true);
                first.data[i] += truth * x;
                for (std::size_t j = 0; j < m; ++j) {
                    const double y = h * gauss(wide[j], axis[b], smearing);
                    if (x * y < 1e-14) continue;
                    both.add(mc * x * y, a * n + b, i * m + j, true, true);
                    both.data[i * m + j] += truth * x * y;
                }
            }
        }
    }

    Grid second = both, sum = both;  // the same events, seen by another function of the truth
    for (std::size_t cell = 0; cell < n * n; ++cell) {
        second.t[cell] = axis[cell % n];
        sum.t[cell] = both.t[cell] + second.t[cell];
    }
    struct Row {
        int iteration;
        std::array<double, 2> mean;
        double v11, v12, v22;
    };
    for (const Row& row :
         {Row{1, {0.26025237, 0.41561514}, 1.0144791967, 0.1194807392, 0.8862855636},
          Row{3, {0.30090642, 0.49637057}, 1.0102519848, 0.1818735181, 0.8216475928},
          Row{5, {0.30020789, 0.49972571}, 1.0038222511, 0.1949861321, 0.8059442469}}) {
        INFO("iteration " << row.iteration);
        const auto nu = unfold(both, row.iteration, Misses::extrapolate, Fakes::none);
        const Moments a = moments_of(both, nu), b = moments_of(second, nu);
        CHECK(a.mean == Approx(row.mean[0]).margin(2e-6));
        CHECK(b.mean == Approx(row.mean[1]).margin(2e-6));
        CHECK(a.variance == Approx(row.v11).margin(5e-6));
        CHECK(b.variance == Approx(row.v22).margin(5e-6));
        CHECK(0.5 * (moments_of(sum, nu).variance - a.variance - b.variance) ==
              Approx(row.v12).margin(5e-6));
    }
    const auto alone = [&](int iterations) {
        return moments_of(first, unfold(first, iterations, Misses::extrapolate, Fakes::none));
    };
    CHECK(alone(1).mean == Approx(0.33582090).margin(2e-6));
    CHECK(alone(2).mean == Approx(0.42220737).margin(2e-6));
    CHECK(alone(3).mean == Approx(0.44335794).margin(2e-6));
    CHECK(alone(25).mean == Approx(0.45).margin(1e-5));  // the truth is 0.3
    CHECK(alone(25).variance == Approx(1.102).margin(1e-4));
}

namespace {

/// After one iteration a bin holds sum_d P(bin | x_d), where t given x has the mean 0.2 + 0.8 x and
/// the variance 0.2: its error is the root of the integral of the data times P^2.
double bin_error(double low, double high) {
    double variance = 0.0;
    const auto below = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(0.4)); };
    for (const double x : grid(-9.0, 9.0, 0.01)) {
        const double mean = 0.2 + 0.8 * x;
        const double share = below(high - mean) - below(low - mean);
        variance += 0.01 * gauss(x, 0.0, 1.25) * share * share;
    }
    return std::sqrt(variance);
}

}  // namespace

TEST_CASE("errors from the number of data are those of the closed form", "[unfolding]") {
    const Grid grid = smeared({1, 1}, 0.25, {0, 1}, 0.05);
    struct Row {
        int iteration;
        double mean, bin_4, bin_5, correlation_56;
        double tolerance;  // of the bins
    };

    for (const Row& row :
         {Row{1, 0.894427, bin_error(-1.0, -0.5), bin_error(-0.5, 0.0), 0.7802, 1e-3},
          Row{3, 1.109223, 0.31168, 0.34800, 0.5513, 1e-2}}) {
        // What the mean and the bins [-1, -0.5], [-0.5, 0], [0, 0.5] do with the events of a cell.
        const auto results = [&](const Grid& varied) {
            const auto nu = unfold(varied, row.iteration, Misses::extrapolate, Fakes::none);
            std::array<double, 4> sums{moments_of(varied, nu).mean};
            for (std::size_t i = 0; i < nu.size(); ++i) {
                const double t = varied.t[varied.truth_cell[i]];
                if (t < -1.0 || t > 0.5) continue;
                sums[t < -0.5 ? 1 : t < 0.0 ? 2 : 3] += varied.weight[i] * nu[i];
            }
            return sums;
        };
        std::array<std::array<double, 4>, 4> covariance{};
        for (std::size_t cell = 0; cell < grid.data.size(); ++cell) {
            if (grid.data[cell] < 1e-9) continue;
            const double step = 1e-2 * grid.data[cell];
            Grid up = grid, down = grid;
            up.data[cell] += step;
            down.data[cell] -= step;
            const auto above = results(up), below = results(down);
            for (std::size_t i = 0; i < 4; ++i) {
                for (std::size_t j = 0; j < 4; ++j) {
                    covariance[i][j] += grid.data[cell] * (above[i] - below[i]) *
                                        (above[j] - below[j]) / (4.0 * step * step);
                }
            }
        }

        INFO("iteration " << row.iteration);
        CHECK(std::sqrt(covariance[0][0]) == Approx(row.mean).epsilon(2e-4));
        CHECK(std::sqrt(covariance[1][1]) == Approx(row.bin_4).epsilon(row.tolerance));
        CHECK(std::sqrt(covariance[2][2]) == Approx(row.bin_5).epsilon(row.tolerance));
        CHECK(covariance[2][3] / std::sqrt(covariance[2][2] * covariance[3][3]) ==
              Approx(row.correlation_56).margin(5e-3));
    }
}

TEST_CASE("logits beyond the limit are clipped and counted, NaN is an error", "[unfolding]") {
    const std::vector<double> weights{1.0, 2.0, 5.0, 0.0};
    const std::vector<std::uint8_t> passes{1, 1, 0, 1};
    const float nan = std::numeric_limits<float>::quiet_NaN();

    const Ratios ratios =
        normalise(std::vector<float>{0.0F, 20.0F, nan, -30.0F}, passes, weights, 3.0);

    CHECK(ratios.made.events == 3);
    CHECK(ratios.made.clipped == 2);
    CHECK(ratios.values[2] == 1.0);  // did not pass: not read
    CHECK(ratios.values[1] / ratios.values[0] == Approx(std::exp(10.0)));
    const double sum = weights[0] * ratios.values[0] + weights[1] * ratios.values[1];
    CHECK(sum == Approx(3.0 * 3.0));  // closes over its denominator
    CHECK_THROWS_AS(normalise(std::vector<float>{nan, 0.0F, 0.0F, 0.0F}, passes, weights, 1.0),
                    NumericalError);
}

TEST_CASE("classes that weigh nothing are an error", "[unfolding]") {
    CHECK_THROWS_AS((ClassSums{.numerator = 1.0, .denominator = 0.0}.prior()), NumericalError);
    CHECK_THROWS_AS((ClassSums{.numerator = -1.0, .denominator = -1.0}.prior()), NumericalError);
    CHECK(ClassSums{.numerator = 3.0, .denominator = 2.0}.prior() == 1.5);
}
