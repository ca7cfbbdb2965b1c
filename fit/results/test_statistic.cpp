#include "ratiofarm/fit/test_statistic.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "fit/search/profile.hpp"

namespace ratiofarm {

TestStatistic parse_test_statistic(const std::string& name) {
    if (const auto known = enumerator_of<TestStatistic>(name)) return *known;
    std::string allowed;
    for (const std::string& word : words_of<TestStatistic>()) {
        allowed += (allowed.empty() ? "" : ", ") + word;
    }
    throw ConfigError("test statistic '" + name + "' (allowed: " + allowed + ")");
}

struct TestStatistics::State {
    const Likelihood& likelihood;
    const FitResult& result;
    std::size_t poi;
    Profile profile;
    double inflation;

    ProfilePoint at(double mu) {
        const Parameter& parameter = likelihood.model().parameters[poi];
        if (!(mu >= parameter.low && mu <= parameter.high)) {
            throw ConfigError("test of " + parameter.name + " = " + std::to_string(mu) +
                              ": outside the parameter's range, " + std::to_string(parameter.low) +
                              " to " + std::to_string(parameter.high));
        }
        const ProfilePoint point = profile.at(likelihood.coordinates().to_internal(poi, mu));
        if (!point.converged) {
            throw NumericalError("the fit with " + parameter.name + " = " + std::to_string(mu) +
                                     " held did not converge",
                                 ExitCode::tasks_failed);
        }
        return point;
    }
};

TestStatistics::TestStatistics(const Likelihood& likelihood,
                               const FitResult& result,
                               double inflation) {
    const std::size_t poi = parameter_index(likelihood.model(), result.poi);
    if (search_space(likelihood).held[poi]) {
        throw ConfigError("test of '" + result.poi +
                          "': the parameter is fixed, or nothing depends on it");
    }
    state_ = std::make_unique<State>(
        State{likelihood, result, poi, Profile(likelihood, result, {poi}), inflation});
}

TestStatistics::~TestStatistics() = default;
TestStatistics::TestStatistics(TestStatistics&&) noexcept = default;
TestStatistics& TestStatistics::operator=(TestStatistics&&) noexcept = default;

double TestStatistics::estimate() const { return state_->result.parameters[state_->poi].value; }

double TestStatistics::value(TestStatistic statistic, double mu) {
    const bool tilde = statistic == TestStatistic::t_tilde || statistic == TestStatistic::q_tilde;
    const bool limit = statistic == TestStatistic::q || statistic == TestStatistic::q_tilde;
    const double estimated = estimate();
    if (statistic == TestStatistic::q0) {
        if (estimated < 0.0) return 0.0;
        mu = 0.0;
    }
    if (limit && estimated > mu) return 0.0;
    double t = state_->profile.t(state_->at(mu));
    if (tilde && estimated < 0.0) t -= state_->profile.t(state_->at(0.0));
    return std::max(0.0, t) / state_->inflation;
}

std::optional<std::vector<double>> TestStatistics::deeper() const {
    const std::vector<double>* u = state_->profile.deeper();
    if (u == nullptr) return std::nullopt;
    return state_->likelihood.coordinates().to_external(*u);
}

std::vector<double> TestStatistics::conditional(double mu) {
    auto theta = state_->likelihood.coordinates().to_external(state_->at(mu).u);
    theta[state_->poi] = mu;
    return theta;
}

}  // namespace ratiofarm
