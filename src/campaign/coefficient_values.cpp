#include "coefficient_values.hpp"

#include <cmath>

namespace ratiofarm {

ParameterValues start_values(const Campaign& campaign) {
    ParameterValues values;
    for (const auto& parameter : campaign.parameters) values[parameter.name] = parameter.start;
    return values;
}

double value_of(const Coefficient& coefficient, const ParameterValues& values) {
    double sum = 0.0;
    for (const CoefficientTerm& term : coefficient.terms) {
        double product = term.constant;
        for (const auto& factor : term.factors) {
            product *= std::pow(values.at(factor.parameter), factor.power);
        }
        sum += product;
    }
    return sum;
}

}  // namespace ratiofarm
