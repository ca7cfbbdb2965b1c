#include <cmath>
#include <string>

#include "cholesky.hpp"
#include "interference_model.hpp"

namespace ratiofarm {
namespace {

std::vector<double> flat_rows(const std::vector<std::vector<double>>& matrix) {
    std::vector<double> values;
    for (const auto& row : matrix) values.insert(values.end(), row.begin(), row.end());
    return values;
}

bool is_symmetric(const std::vector<double>& matrix, std::size_t d) {
    for (std::size_t row = 0; row < d; ++row) {
        for (std::size_t column = 0; column < row; ++column) {
            if (matrix[row * d + column] != matrix[column * d + row]) return false;
        }
    }
    return true;
}

void check_process(const std::string& name,
                   const GaussianProcess& process,
                   std::vector<std::string>& mistakes) {
    const std::size_t d = process.mean.size();
    if (!(process.yield > 0.0) || !std::isfinite(process.yield)) {
        mistakes.push_back(name + ": yield = " + std::to_string(process.yield) + " (must be > 0)");
    }
    if (d == 0) mistakes.push_back(name + ": mean is empty (one number per feature)");
    for (const double value : process.mean) {
        if (!std::isfinite(value)) mistakes.push_back(name + ": mean is not finite");
    }
    bool square = process.covariance.size() == d;
    for (const auto& row : process.covariance) square = square && row.size() == d;
    if (!square) {
        mistakes.push_back(name + ": covariance must have " + std::to_string(d) + " rows of " +
                           std::to_string(d) + " numbers, as many as mean has");
        return;
    }
    const auto matrix = flat_rows(process.covariance);
    if (d > 0 && (!is_symmetric(matrix, d) || !cholesky_factor(matrix, d))) {
        mistakes.push_back(name + ": covariance is not symmetric and positive definite");
    }
}

}  // namespace

std::vector<std::string> model_mistakes(const InterferenceModel& model) {
    std::vector<std::string> mistakes;
    check_process("signal", model.signal, mistakes);
    check_process("background", model.background, mistakes);
    if (model.signal.mean.size() != model.background.mean.size()) {
        mistakes.push_back("signal has " + std::to_string(model.signal.mean.size()) +
                           " features, background " + std::to_string(model.background.mean.size()) +
                           " (must agree)");
    }
    if (!(std::abs(model.interference) <= 1.0)) {
        mistakes.push_back("interference = " + std::to_string(model.interference) +
                           " (allowed: -1 to 1, so that no density is negative)");
    }
    return mistakes;
}

}  // namespace ratiofarm
