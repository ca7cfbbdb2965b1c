#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/physics/coefficient.hpp"

namespace ratiofarm {

/// One component of theta: a parameter of interest or, later, a nuisance parameter.
struct Parameter {
    std::string name;
    double start = 1.0;
    double low = 0.0;  ///< range, inclusive; low < high
    double high = 10.0;
    bool fixed = false;
    bool operator==(const Parameter&) const = default;
};

/// One process of the mixture lambda(x) = sum_j f_j(mu) nu_j p_j(x).
struct ProcessModel {
    std::string name;
    double yield = 0.0;  ///< nu_j, expected events at f_j = 1, > 0
    Coefficient coefficient;
    bool operator==(const ProcessModel&) const = default;
};

/// Everything the likelihood knows besides the events.
struct StatisticalModel {
    std::vector<Parameter> parameters;    ///< order of theta
    std::vector<ProcessModel> processes;  ///< order of the columns of log r
    std::string parameter_of_interest;
    bool operator==(const StatisticalModel&) const = default;
};

}  // namespace ratiofarm
