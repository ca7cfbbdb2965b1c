// The minimiser and the search for several minima on functions with known minima.

#include "fit/search/newton.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "fit/search/minima_search.hpp"

using namespace ratiofarm;

namespace {

SearchSpace box(std::size_t n, double low, double high) {
    return {std::vector<double>(n, low), std::vector<double>(n, high), std::vector<bool>(n)};
}

/// f(x) = sum_k weight_k / 2 (x_k - centre_k)^2 + quartic terms, with exact derivatives.
struct Bowl {
    std::vector<double> centre;
    double quartic = 0.1;

    Evaluation operator()(std::span<const double> x) const {
        const std::size_t n = x.size();
        Evaluation at;
        at.gradient.resize(n);
        at.hessian.assign(n * n, 0.0);
        for (std::size_t k = 0; k < n; ++k) {
            const double d = x[k] - centre[k];
            const double weight = 1.0 + static_cast<double>(k);
            at.nll += 0.5 * weight * d * d + 0.25 * quartic * std::pow(d, 4);
            at.gradient[k] = weight * d + quartic * std::pow(d, 3);
            at.hessian[k * n + k] = weight + 3.0 * quartic * d * d;
        }
        at.fisher = at.hessian;
        return at;
    }
};

/// Room for y = x^2.
SearchSpace valley_box(double low) { return {{low, -3.0}, {3.0, 12.0}, {false, false}}; }

/// A polynomial in x, given by its roots' derivative: f' = gradient * prod (x - stationary_k);
/// beside it y follows x^2: + 2 (y - x^2)^2.
struct Valley {
    std::vector<double> stationary;
    double scale = 1.0;

    Evaluation operator()(std::span<const double> u) const {
        const double x = u[0];
        const double d = u[1] - x * x;
        Evaluation at;
        at.nll = value(x) + 2.0 * d * d;
        at.gradient = {gradient(x) - 8.0 * x * d, 4.0 * d};
        at.hessian = {curvature(x) - 8.0 * d + 16.0 * x * x, -8.0 * x, -8.0 * x, 4.0};
        at.fisher = {16.0 * x * x + 0.1, -8.0 * x, -8.0 * x, 4.0};
        return at;
    }

    double gradient(double x) const {
        double product = scale;
        for (const double s : stationary) product *= x - s;
        return product;
    }
    double curvature(double x) const {
        double sum = 0.0;
        for (std::size_t k = 0; k < stationary.size(); ++k) {
            double product = scale;
            for (std::size_t l = 0; l < stationary.size(); ++l) {
                if (l != k) product *= x - stationary[l];
            }
            sum += product;
        }
        return sum;
    }
    /// Integral of the gradient from 0 to x, by Gauss's formula with five points: exact up to
    /// order 9.
    double value(double x) const {
        constexpr std::array nodes{0.0, 0.5384693101056831, 0.9061798459386640};
        constexpr std::array weights{0.5688888888888889, 0.4786286704993665, 0.2369268850561891};
        double sum = weights[0] * gradient(0.5 * x);
        for (std::size_t k = 1; k < 3; ++k) {
            sum += weights[k] *
                   (gradient(0.5 * x * (1.0 + nodes[k])) + gradient(0.5 * x * (1.0 - nodes[k])));
        }
        return 0.5 * x * sum;
    }
};

struct Counted {
    int count = 0;
    Objective of(const Objective& f) {
        return [this, f](std::span<const double> u) {
            ++count;
            return f(u);
        };
    }
};

FoundMinima search(const Objective& f, const SearchSpace& space, std::vector<double> start) {
    MinimaSearchOptions options;
    options.axes = {0};
    return find_minima(f, space, start, options);
}

std::vector<double> places(const FoundMinima& found) {
    std::vector<double> x;
    for (const auto& minimum : found.minima) x.push_back(minimum.u[0]);
    std::sort(x.begin(), x.end());
    return x;
}

}  // namespace

TEST_CASE("a hundred coupled parameters take few steps from a cold start", "[fit]") {
    Bowl bowl;
    PhiloxSequence random(3);
    for (int k = 0; k < 100; ++k) bowl.centre.push_back(0.8 * random.normal());
    Counted counted;

    const NewtonResult end =
        minimise(counted.of(bowl), box(100, -5.0, 5.0), std::vector<double>(100), {});

    REQUIRE(end.end == NewtonEnd::converged);
    CHECK(counted.count <= 7);
    for (std::size_t k = 0; k < 100; ++k) CHECK(end.u[k] == Approx(bowl.centre[k]).margin(1e-8));
}

TEST_CASE("rounding of the objective ends the search at the minimum, and says so", "[fit]") {
    // Values in single precision of a large sum, gradients to six digits: what a sum over a million
    // events in single precision gives.
    const Bowl exact{{0.3, -0.7, 1.1}};
    const Objective rounded = [&](std::span<const double> x) {
        Evaluation at = exact(x);
        at.nll = static_cast<double>(static_cast<float>(4000.0 + at.nll));
        for (double& g : at.gradient) g += 1e-5 * std::sin(1e7 * x[0] + 3e6 * x[1]);
        return at;
    };
    Counted counted;

    const NewtonResult end = minimise(counted.of(rounded), box(3, -5.0, 5.0), {3.0, 3.0, -3.0}, {});

    CHECK(end.converged());
    CHECK(end.end == NewtonEnd::at_rounding);
    CHECK(counted.count <= 14);
    for (std::size_t k = 0; k < 3; ++k) CHECK(end.u[k] == Approx(exact.centre[k]).margin(1e-4));
}

TEST_CASE("a search leaves a saddle point although the Fisher form sees a minimum", "[fit]") {
    const Valley valley{{-1.0, 0.0, 1.0}};  // a hill at x = 0

    const NewtonResult end = minimise(valley, valley_box(-3.0), {0.0, 0.0}, {});

    REQUIRE(end.converged());
    CHECK(std::abs(end.u[0]) == Approx(1.0).margin(1e-8));
    CHECK(end.u[1] == Approx(1.0).margin(1e-8));
}

TEST_CASE("a search leaves a shallow saddle point, too", "[fit]") {
    for (const double scale : {1e-1, 1e-2}) {
        for (const double start : {0.1, 1e-2, 1e-4, 1e-6}) {
            INFO(scale << " from " << start);
            const Valley valley{{-1.0, 0.0, 1.0}, scale};
            Counted counted;

            const NewtonResult end =
                minimise(counted.of(valley), valley_box(-3.0), {start, start}, {});

            CHECK(end.end == NewtonEnd::converged);
            CHECK(end.u[0] == Approx(1.0).margin(1e-5));
            CHECK(counted.count <= 40);
        }
    }
}

TEST_CASE("one minimum costs few passes beside the descent", "[fit]") {
    const Valley valley{{0.6}};

    const FoundMinima found = search(valley, valley_box(-3.0), {0.5, 0.2});

    CHECK(found.minima.size() == 1);
    CHECK(found.search_passes <= 7);  // four probes, some moved on along the bent valley
}

TEST_CASE("all minima along an axis are found, from any start", "[fit]") {
    for (const double start : {-2.5, -1.0, 0.0, 0.7, 2.5}) {
        const Valley two{{-1.3, -0.2, 1.1}};
        CHECK(places(search(two, valley_box(-3.0), {start, 0.0})).size() == 2);

        // Minima at -2.2, 0.1 and 2, hills between them.
        const Valley three{{-2.2, -1.0, 0.1, 1.2, 2.0}};
        const auto x = places(search(three, valley_box(-3.0), {start, 0.0}));
        REQUIRE(x.size() == 3);
        CHECK(x[0] == Approx(-2.2).margin(1e-7));
        CHECK(x[1] == Approx(0.1).margin(1e-7));
        CHECK(x[2] == Approx(2.0).margin(1e-7));
    }
}

TEST_CASE("a fall towards an end of the range is followed to it", "[fit]") {
    // A minimum at -0.5, a hill at 1.5, and downhill from there to 3.
    const Valley valley{{-0.5, 1.5}, -1.0};

    const auto x = places(search(valley, valley_box(-3.0), {-0.4, 0.0}));

    REQUIRE(x.size() == 2);
    CHECK(x[0] == Approx(-0.5).margin(1e-7));
    CHECK(x[1] == 3.0);
}

TEST_CASE("a minimum at an end of the range does not hide another one", "[fit]") {
    // f' > 0 at 0, hill at 1, minimum at 2: from 0 the search stays at the end.
    const Valley valley{{1.0, 2.0}};

    const auto x = places(search(valley, valley_box(0.0), {0.2, 0.0}));

    REQUIRE(x.size() == 2);
    CHECK(x[0] == 0.0);
    CHECK(x[1] == Approx(2.0).margin(1e-7));
}

namespace {

/// (x - centre)^2 / 2 + slope |x| + (y - x)^2, with a kink at x = 0: the sign of x says the side.
struct Kink {
    double centre = 0.0;
    double slope = 0.0;

    Evaluation operator()(std::span<const double> u) const {
        const double d = u[1] - u[0];
        const double side = std::signbit(u[0]) ? -1.0 : 1.0;
        Evaluation at;
        at.nll = 0.5 * std::pow(u[0] - centre, 2) + slope * std::abs(u[0]) + d * d;
        at.gradient = {u[0] - centre + slope * side - 2.0 * d, 2.0 * d};
        at.hessian = {3.0, -2.0, -2.0, 2.0};
        at.fisher = at.hessian;
        return at;
    }
};

SearchSpace kinked_box() {
    SearchSpace space = box(2, -8.0, 8.0);
    space.kinked = {true, false};
    return space;
}

}  // namespace

TEST_CASE("a search ends on a kink, or goes over it, as the function falls", "[fit]") {
    for (const double centre : {-5.0, -1.0, 1.0, 5.0}) {
        for (const double start : {-4.0, 0.0, 4.0}) {
            Counted counted;
            const NewtonResult end =
                minimise(counted.of(Kink{centre, 3.0}), kinked_box(), {start, 1.0}, {});

            // Soft threshold: the minimum of (x - c)^2 / 2 + k |x|.
            const double least = std::copysign(std::max(0.0, std::abs(centre) - 3.0), centre);
            INFO(centre << " from " << start << ": " << counted.count);
            REQUIRE(end.end == NewtonEnd::converged);
            CHECK(end.u[0] == Approx(least).margin(1e-12));
            CHECK(end.u[1] == Approx(least).margin(1e-9));
            CHECK(counted.count <= 8);
            const bool held = end.curvature.free == std::vector<std::size_t>{1};
            CHECK(held == (least == 0.0));
        }
    }
}

TEST_CASE("the minima on both sides of a ridge are found", "[fit]") {
    MinimaSearchOptions options;
    options.turning = [](auto) { return std::vector<std::size_t>{0}; };

    const FoundMinima found = find_minima(Kink{0.5, -2.0}, kinked_box(), {0.0, 0.0}, options);

    REQUIRE(found.minima.size() == 2);
    CHECK(places(found)[0] == Approx(-1.5));
    CHECK(places(found)[1] == Approx(2.5));
}

namespace {

/// Along x a parabola with its minimum at -0.03 on one side of a kink; on the other side first a
/// rise, then a minimum at 0.4 that is deeper by 0.1, then a steeper rise.
struct Barrier {
    Evaluation operator()(std::span<const double> u) const {
        const double x = u[0];
        const double d = x - 0.4;
        Evaluation at;
        if (std::signbit(x)) {
            at.nll = 2.0 * x * x + 0.12 * x;
            at.gradient = {4.0 * x + 0.12};
            at.hessian = {4.0};
        } else {
            at.nll = 30.0 * x * d * d - 0.3 * x;
            at.gradient = {30.0 * d * d + 60.0 * x * d - 0.3};
            at.hessian = {120.0 * d + 60.0 * x};
        }
        at.fisher = {4.0};
        return at;
    }
};

/// Two wells along x, of which the one near 2 is deeper; the other component lies in a valley that
/// bends, y = 4 x - 2 x^2, with walls of fourth order.
struct Bend {
    Evaluation operator()(std::span<const double> u) const {
        const double x = u[0];
        const double d = u[1] - 4.0 * x + 2.0 * x * x;
        const double slope = 4.0 - 4.0 * x;
        const double wall = d * d * d + d;  // of d^4 / 4 + d^2 / 2
        const double stiff = 3.0 * d * d + 1.0;
        Evaluation at;
        at.nll = std::pow(x * x - 4.0, 2) - 0.5 * x + 0.25 * std::pow(d, 4) + 0.5 * d * d;
        at.gradient = {4.0 * x * (x * x - 4.0) - 0.5 - wall * slope, wall};
        at.hessian = {12.0 * x * x - 16.0 + stiff * slope * slope + 4.0 * wall, -stiff * slope,
                      -stiff * slope, stiff};
        at.fisher = {16.0 + stiff * slope * slope, -stiff * slope, -stiff * slope, stiff};
        return at;
    }
};

/// A minimum at 1; below 0 it is deeper, but its gradient is wrong, so that no step is accepted.
struct Misleading {
    Evaluation operator()(std::span<const double> u) const {
        const double x = u[0];
        const bool wrong = std::signbit(x);
        Evaluation at;
        at.nll = wrong ? 2.0 * x : 0.5 * std::pow(x - 1.0, 2);
        at.gradient = {wrong ? -5.0 : x - 1.0};
        at.hessian = {1.0};
        at.fisher = {1.0};
        return at;
    }
};

SearchSpace kinked_line() { return {{-8.0}, {8.0}, {false}, {true}}; }

}  // namespace

TEST_CASE("a minimum behind a rise on the other side of a kink is found", "[fit]") {
    MinimaSearchOptions options;
    options.turning = [](auto) { return std::vector<std::size_t>{0}; };

    const FoundMinima found = find_minima(Barrier{}, kinked_line(), {-1.0}, options);

    REQUIRE(found.minima.size() == 2);
    CHECK(places(found)[0] == Approx(-0.03));
    CHECK(places(found)[1] == Approx((1.6 + std::sqrt(2.56 - 12.0 * (0.16 - 0.01))) / 6.0));
}

TEST_CASE("a deeper minimum at the other end of a bent valley is found", "[fit]") {
    const SearchSpace space{{-3.0, -60.0}, {3.0, 60.0}, {false, false}};

    const FoundMinima found = search(Bend{}, space, {-1.8, -13.0});

    REQUIRE(found.minima.size() == 2);
    CHECK(places(found)[1] == Approx(2.0).margin(0.1));
}

TEST_CASE("a descent that fails below every minimum is the result, not converged", "[fit]") {
    MinimaSearchOptions options;
    options.turning = [](auto) { return std::vector<std::size_t>{0}; };

    const FoundMinima found = find_minima(Misleading{}, kinked_line(), {1.5}, options);

    CHECK_FALSE(found.minima.front().converged());
    CHECK(found.minima.front().at.nll < 0.0);
    CHECK(found.minima.back().u[0] == Approx(1.0));
}
