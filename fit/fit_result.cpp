#include "ratiofarm/fit/fit_result.hpp"

#include <algorithm>

namespace ratiofarm {

std::vector<double> best_values(const FitResult& fit) {
    std::vector<double> theta;
    for (const FittedParameter& parameter : fit.parameters) theta.push_back(parameter.value);
    return theta;
}

const FittedParameter* find_fitted(const FitResult& fit, std::string_view parameter) {
    const auto found =
        std::find_if(fit.parameters.begin(), fit.parameters.end(),
                     [&](const FittedParameter& fitted) { return fitted.name == parameter; });
    return found == fit.parameters.end() ? nullptr : &*found;
}

}  // namespace ratiofarm
