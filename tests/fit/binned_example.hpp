#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "ratiofarm_test/catch.hpp"

#include "fit/binned_term.hpp"

namespace ratiofarm::test {

inline Coefficient coefficient(std::string_view text, const std::vector<std::string>& names) {
    return Coefficient::parse(text, names);
}

/// Every kind of effect: two shapes and a yield that share a parameter, one parameter twice in the
/// factors of a bin and in the coefficient of another sample, a root.
inline StatisticalModel rich_model() {
    StatisticalModel model;
    for (const std::string name : {"mu", "kappa", "jes", "jer", "g0", "g1", "g2"}) {
        model.parameters.push_back({.name = name, .low = name.front() == 'j' ? -5.0 : 0.0});
    }
    const std::vector<std::string> names{"mu", "kappa", "jes", "jer", "g0", "g1", "g2"};
    BinnedSample signal{
        .name = "signal",
        .contents = {5.0, 12.0, 3.0},
        .coefficient = coefficient("mu*kappa - 0.2*sqrt(mu)", names),
        .yields = {{"jes", {1.1, 0.92}}, {"jer", {1.2, 0.7}, Interpolation::code1}},
        .shapes = {{"jes", {5.5, 11.0, 3.5}, {4.0, 12.5, 2.9}},
                   {"jes", {5.1, 12.4, 2.9}, {5.0, 11.9, 3.1}, Interpolation::code2},
                   {"jer", {6.0, 12.0, 3.0}, {4.5, 12.2, 3.3}, Interpolation::code0}},
        .factors = {{{"g0", "g1", ""}}}};
    BinnedSample background{.name = "background",
                            .contents = {50.0, 40.0, 30.0},
                            .coefficient = coefficient("1", names),
                            .yields = {{"jes", {1.05, 0.97}}, {"jes", {0.8, 1.3}}},
                            .shapes = {{"jer", {52.0, 39.0, 31.0}, {49.0, 42.0, 29.5}}},
                            .factors = {{{"g0", "g1", "g2"}}, {{"g0", "", "g0"}}}};
    BinnedSample other{.name = "other",
                       .contents = {1.0, 0.0, 7.0},
                       .coefficient = coefficient("g2^2 + 0.5*kappa", names)};
    model.binned.push_back({"SR", {signal, background, other}});
    model.parameter_of_interest = "mu";
    return model;
}

/// A region with data, on its own.
struct Binned {
    explicit Binned(StatisticalModel m, std::vector<double> n)
        : model(std::move(m)),
          coordinates(model),
          observed(std::move(n)),
          term(model.binned[0], observed, model, coordinates) {}

    Evaluation at(const std::vector<double>& u) const {
        Evaluation result{.gradient = std::vector<double>(u.size()),
                          .hessian = std::vector<double>(u.size() * u.size()),
                          .fisher = std::vector<double>(u.size() * u.size())};
        term.add(u, result);
        return result;
    }

    StatisticalModel model;
    InternalCoordinates coordinates;
    std::vector<double> observed;
    BinnedTerm term;
};

inline void check_finite_differences(const Binned& binned, const std::vector<double>& u) {
    const double step = 1e-5;
    const Evaluation here = binned.at(u);
    const std::size_t n = u.size();
    double scale = 1.0;
    for (const double h : here.hessian) scale = std::max(scale, std::abs(h));
    for (std::size_t a = 0; a < n; ++a) {
        auto up = u;
        auto down = u;
        up[a] += step;
        down[a] -= step;
        const Evaluation above = binned.at(up);
        const Evaluation below = binned.at(down);

        CHECK((above.nll - below.nll) / (2.0 * step) ==
              Approx(here.gradient[a]).margin(1e-7 * scale));
        for (std::size_t b = 0; b < n; ++b) {
            CHECK((above.gradient[b] - below.gradient[b]) / (2.0 * step) ==
                  Approx(here.hessian[a * n + b]).margin(1e-7 * scale));
        }
    }
}

/// Two parameters mu and alpha: nu = mu s + b (1 + delta alpha).
inline StatisticalModel counting_model(double s, double b, double delta) {
    StatisticalModel model;
    model.parameters = {{.name = "mu"}, {.name = "alpha", .start = 0.0, .low = -5.0}};
    const std::vector<std::string> names{"mu", "alpha"};
    model.binned.push_back(
        {"SR",
         {{.name = "S", .contents = {s}, .coefficient = coefficient("mu", names)},
          {.name = "B",
           .contents = {b},
           .coefficient = coefficient("1", names),
           .yields = {{"alpha", {1.0 + delta, 1.0 - delta}, Interpolation::code0}}}}});
    return model;
}

}  // namespace ratiofarm::test
