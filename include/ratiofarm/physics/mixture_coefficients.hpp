#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// The signed rates c_j = f_j nu_j of all processes at one point, with derivatives in the internal
/// coordinates u. P processes, n parameters, row-major.
struct MixtureRates {
    std::vector<double> value;     ///< [P], expected events; may be negative
    std::vector<double> gradient;  ///< [P, n], dc_j/du_a
    std::vector<double> hessian;   ///< [P, n, n], d2c_j/du_a du_b

    /// nu = sum_j c_j, the expected number of events.
    double total() const;
};

/// The coefficients of a model, compiled for evaluation: names resolved to positions in theta and
/// powers of p to whole powers of u.
class MixtureCoefficients {
public:
    /// \throws ConfigError if a coefficient names an unknown parameter, or as InternalCoordinates
    explicit MixtureCoefficients(const StatisticalModel& model);

    const InternalCoordinates& coordinates() const { return coordinates_; }
    std::size_t n_parameters() const { return coordinates_.size(); }
    std::size_t n_processes() const { return processes_.size(); }

    /// \param u [n_parameters()], internal coordinates
    MixtureRates rates(std::span<const double> u) const;

    /// c_j alone. \param theta [n_parameters()], external coordinates  \return [n_processes()]
    std::vector<double> rates_at(std::span<const double> theta) const;

    /// True if the parameter stands in some coefficient.
    bool depends_on(std::size_t parameter) const;

private:
    struct Factor {
        std::size_t parameter;
        int power;  ///< of u, >= 1
    };
    struct Term {
        double constant;  ///< with the yield of the process
        std::vector<Factor> factors;
    };

    static void add_term(const Term& term,
                         std::span<const double> u,
                         std::size_t process,
                         MixtureRates& rates);

    InternalCoordinates coordinates_;
    std::vector<std::vector<Term>> processes_;
};

}  // namespace ratiofarm
