#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// The coordinates u in which a likelihood is evaluated and minimised: u = sqrt(p) for a parameter
/// whose root appears in some coefficient, u = p for every other. In p the derivative of sqrt(p) is
/// infinite at p = 0; in u every coefficient is a polynomial.
class InternalCoordinates {
public:
    /// \throws ConfigError if a parameter with a root may become negative, or a name does not
    /// resolve
    explicit InternalCoordinates(const StatisticalModel& model);

    std::size_t size() const { return is_root_.size(); }

    /// True if the parameter is replaced by its square root.
    bool is_root(std::size_t parameter) const { return is_root_[parameter]; }

    /// One component; `external` is >= 0 where is_root().
    double to_internal(std::size_t parameter, double external) const;
    double to_external(std::size_t parameter, double internal) const;

    /// dp/du of one component.
    double gradient(std::size_t parameter, double internal) const;

    /// \param theta [size()], in the order of the model
    std::vector<double> to_internal(std::span<const double> theta) const;
    std::vector<double> to_external(std::span<const double> u) const;

    std::span<const double> low() const { return low_; }    ///< [size()], of u
    std::span<const double> high() const { return high_; }  ///< [size()], of u

private:
    std::vector<bool> is_root_;
    std::vector<double> low_;
    std::vector<double> high_;
};

/// Position of a parameter in theta.
/// \throws ConfigError naming the parameter, with a suggestion
std::size_t parameter_index(const StatisticalModel& model, const std::string& name);

/// theta with every parameter at its start.
std::vector<double> start_values(const StatisticalModel& model);

}  // namespace ratiofarm
