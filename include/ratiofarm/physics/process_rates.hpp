#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/physics/internal_coefficient.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// The signed rates of all processes of a region at one point, with derivatives in the internal
/// coordinates u. S processes, n parameters, row-major.
struct ProcessRates {
    std::vector<double> value;     ///< [S], expected events; may be negative
    std::vector<double> gradient;  ///< [S, n]
    std::vector<double> hessian;   ///< [S, n, n]

    /// nu, the expected number of events.
    double total() const;
};

/// f_j(mu) nu_j prod_m G_jm(alpha_m) of the processes of an unbinned region, compiled for
/// evaluation.
class RateModel {
public:
    /// \throws ConfigError naming region and process if a parameter is not declared, or an anchor
    /// is not positive
    RateModel(const UnbinnedRegion& region,
              const StatisticalModel& model,
              const InternalCoordinates& coordinates);

    std::size_t n_processes() const { return processes_.size(); }

    /// \param u [n], internal coordinates
    ProcessRates at(std::span<const double> u) const;

private:
    struct Yield {
        std::size_t parameter;
        Anchors anchors;
        Interpolation code;
    };
    struct Process {
        double yield;
        InternalCoefficient coefficient;
        std::vector<Yield> effects;
    };
    void add_process(std::size_t j, std::span<const double> u, ProcessRates& to) const;

    std::vector<Process> processes_;
};

/// Divides the rate of process j by Z, given ln Z with its derivatives.
/// \param gradient [n]  \param hessian [n, n], of ln Z
void divide_rate(ProcessRates& rates,
                 std::size_t j,
                 double log_z,
                 std::span<const double> gradient,
                 std::span<const double> hessian);

/// The rates of a region at a point. \param theta [n], external coordinates  \return [S]
std::vector<double> rates_at(const StatisticalModel& model,
                             const UnbinnedRegion& region,
                             std::span<const double> theta);

}  // namespace ratiofarm
