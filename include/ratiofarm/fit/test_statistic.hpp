#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// The test statistics of arXiv:1007.1727, section 2, of the parameter of interest mu.
enum class TestStatistic {
    t,        ///< -2 ln L(mu) / L(mu-hat): two-sided
    t_tilde,  ///< t with mu = 0 instead of a negative mu-hat
    q0,       ///< discovery: t at mu = 0 where mu-hat >= 0, else 0
    q,        ///< upper limit: t where mu-hat <= mu, else 0
    q_tilde,  ///< upper limit: t-tilde where mu-hat <= mu, else 0
};

template <>
inline constexpr auto enum_words<TestStatistic> = words("t", "t_tilde", "q0", "q", "q_tilde");

/// \throws ConfigError for another word, naming those that are allowed
TestStatistic parse_test_statistic(const std::string& name);

/// Evaluates test statistics of one data set, each from profiles that start from their neighbours.
class TestStatistics {
public:
    /// Collective over the likelihood's communicator, one pass. Both must outlive this object.
    /// \param result fit of the same likelihood with its parameter of interest free
    /// \param inflation every statistic is divided by it: one plus the variance that the likelihood
    /// does not have over that which it has
    /// \throws ConfigError if the parameter of interest is fixed or nothing depends on it
    TestStatistics(const Likelihood& likelihood, const FitResult& result, double inflation = 1.0);
    ~TestStatistics();
    TestStatistics(TestStatistics&&) noexcept;
    TestStatistics& operator=(TestStatistics&&) noexcept;

    /// mu-hat.
    double estimate() const;

    /// Collective over the likelihood's communicator. \param mu in the range of the parameter of
    /// interest; ignored by q0  \return >= 0
    /// \throws ConfigError if mu, or 0 where it is needed, is outside the range
    double value(TestStatistic statistic, double mu);

    /// Collective. theta with the parameter of interest held at mu and the others at their best.
    /// \throws ConfigError as value()
    std::vector<double> conditional(double mu);

    /// theta of a place below the minimum of the result that a test came to, if any: the fit must
    /// begin again from it (FitOptions::places), and these statistics mean nothing.
    std::optional<std::vector<double>> deeper() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm
