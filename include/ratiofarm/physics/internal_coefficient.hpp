#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ratiofarm/physics/coefficient.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// A coefficient f(mu) compiled for evaluation: names resolved to positions in theta and powers of
/// p to whole powers of the internal coordinate u, so that it is a polynomial.
class InternalCoefficient {
public:
    /// \throws ConfigError if the coefficient names an unknown parameter
    InternalCoefficient(const Coefficient& coefficient,
                        const StatisticalModel& model,
                        const InternalCoordinates& coordinates);

    /// Positions in theta of the k parameters it depends on, ascending.
    const std::vector<std::size_t>& parameters() const { return parameters_; }

    struct Value {
        double value = 0.0;
        std::vector<double> gradient;  ///< [k]
        std::vector<double> hessian;   ///< [k, k]
    };
    /// \param u all internal coordinates of the model
    Value at(std::span<const double> u) const;

private:
    struct Factor {
        std::size_t index;  ///< in parameters_
        int power;          ///< of u, >= 1
    };
    struct Term {
        double constant;
        std::vector<Factor> factors;
    };
    void add_term(const Term& term, std::span<const double> u, Value& to) const;

    std::vector<std::size_t> parameters_;
    std::vector<Term> terms_;
};

}  // namespace ratiofarm
