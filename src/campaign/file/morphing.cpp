#include "morphing.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Anchors whose smallest pivot is below this part of the largest entry are taken for dependent.
constexpr double dependent = 1e-12;
/// Constants below this part of the largest of a coefficient are rounding.
constexpr double rounding = 1e-13;

using Matrix = std::vector<std::vector<double>>;

/// Inverse by elimination with the largest pivot of each column.
Matrix inverse(Matrix matrix) {
    const std::size_t n = matrix.size();
    Matrix result(n, std::vector<double>(n, 0.0));
    double largest = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
        result[k][k] = 1.0;
        for (const double value : matrix[k]) largest = std::max(largest, std::abs(value));
    }
    for (std::size_t column = 0; column < n; ++column) {
        std::size_t pivot = column;
        for (std::size_t row = column; row < n; ++row) {
            if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
        }
        if (!(std::abs(matrix[pivot][column]) > dependent * largest)) {
            throw ConfigError(
                "the anchors do not tell the terms apart: some combination of the terms vanishes "
                "at all of them; choose other points");
        }
        std::swap(matrix[pivot], matrix[column]);
        std::swap(result[pivot], result[column]);
        const double scale = 1.0 / matrix[column][column];
        for (std::size_t k = 0; k < n; ++k) {
            matrix[column][k] *= scale;
            result[column][k] *= scale;
        }
        for (std::size_t row = 0; row < n; ++row) {
            const double factor = matrix[row][column];
            if (row == column || factor == 0.0) continue;
            for (std::size_t k = 0; k < n; ++k) {
                matrix[row][k] -= factor * matrix[column][k];
                result[row][k] -= factor * result[column][k];
            }
        }
    }
    return result;
}

/// sum_k weight_k t_k, like terms merged, rounding dropped.
Coefficient combine(std::span<const Coefficient> terms, std::span<const double> weights) {
    Coefficient sum;
    for (std::size_t k = 0; k < terms.size(); ++k) {
        for (const CoefficientTerm& term : terms[k].terms) {
            const auto like = std::find_if(
                sum.terms.begin(), sum.terms.end(),
                [&](const CoefficientTerm& other) { return other.factors == term.factors; });
            const double constant = weights[k] * term.constant;
            if (like == sum.terms.end()) {
                sum.terms.push_back({constant, term.factors});
            } else {
                like->constant += constant;
            }
        }
    }
    double largest = 0.0;
    for (const auto& term : sum.terms) largest = std::max(largest, std::abs(term.constant));
    std::erase_if(sum.terms, [&](const CoefficientTerm& term) {
        return std::abs(term.constant) <= rounding * largest;
    });
    return sum;
}

}  // namespace

double value_at(const Coefficient& coefficient,
                std::span<const std::pair<std::string, double>> point) {
    double value = 0.0;
    for (const CoefficientTerm& term : coefficient.terms) {
        double product = term.constant;
        for (const auto& factor : term.factors) {
            const auto given = std::find_if(point.begin(), point.end(), [&](const auto& entry) {
                return entry.first == factor.parameter;
            });
            product *= std::pow(given == point.end() ? 0.0 : given->second, factor.power);
        }
        value += product;
    }
    return value;
}

std::vector<Coefficient> morphing_coefficients(std::span<const Coefficient> terms,
                                               std::span<const MorphingAnchor> anchors) {
    RATIOFARM_EXPECT(terms.size() == anchors.size());
    Matrix values;
    for (const Coefficient& term : terms) {
        auto& row = values.emplace_back();
        for (const MorphingAnchor& anchor : anchors) row.push_back(value_at(term, anchor.point));
    }
    std::vector<Coefficient> coefficients;
    for (const std::vector<double>& weights : inverse(std::move(values))) {
        coefficients.push_back(combine(terms, weights));
    }
    return coefficients;
}

std::vector<Coefficient> terms_of_amplitude(std::span<const Coefficient> couplings) {
    std::vector<std::string> names;
    for (const Coefficient& coupling : couplings) {
        for (const CoefficientTerm& term : coupling.terms) {
            for (const auto& factor : term.factors) names.push_back(factor.parameter);
        }
    }
    std::vector<Coefficient> terms;
    for (std::size_t a = 0; a < couplings.size(); ++a) {
        for (std::size_t b = a; b < couplings.size(); ++b) {
            Coefficient product = Coefficient::parse(
                "(" + couplings[a].text() + ")*(" + couplings[b].text() + ")", names);
            if (std::find(terms.begin(), terms.end(), product) == terms.end()) {
                terms.push_back(std::move(product));
            }
        }
    }
    return terms;
}

}  // namespace ratiofarm
