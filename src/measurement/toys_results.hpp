#pragma once

#include <string>
#include <vector>

#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm/fit/toys.hpp"

#include "toys_plan.hpp"

namespace ratiofarm {

/// How estimates of a parameter scatter over the toys of a point.
struct ToyParameter {
    std::string name;
    double truth = 0.0;
    double mean = 0.0;
    double width = 0.0;      ///< standard deviation
    double pull_mean = 0.0;  ///< of (estimate - truth) / error; toys with an error only
    double pull_width = 0.0;
    std::uint64_t pulls = 0;  ///< toys with an error
};

/// Results of the toys of a point for one test statistic.
struct ToyStatistic {
    std::string name;
    double observed = 0.0;  ///< of the data
    std::vector<Threshold> thresholds;
    Fraction p_value;
};

/// All toys of a point.
struct ToyPointResult {
    double test = 0.0;
    std::uint64_t toys = 0;
    Fraction converged;
    double mean_events = 0.0;           ///< in the unbinned regions
    std::vector<ToyListSummary> lists;  ///< [region], where toys are drawn by weight
    std::vector<double> reuse;  ///< [samples], how often real events were used on average, if > 1
    std::vector<ToyStatistic> statistics;
    std::vector<ToyParameter> parameters;  ///< in the order of theta
};

/// The values of the parameter of interest that the data accept, by the toys of a grid.
struct NeymanResult {
    std::string statistic;
    double level = 0.0;
    std::vector<AcceptedRange> ranges;
};

struct ToyResults {
    std::string campaign;
    std::vector<ToyPointResult> points;
    std::vector<NeymanResult> neyman;  ///< of a grid
    std::vector<std::string> warnings;
};

/// \param outcomes [points][toys]
ToyResults summarise(const ToyPlan& plan,
                     const std::string& campaign,
                     const std::vector<std::vector<ToyOutcome>>& outcomes);

/// toys.json, see docs/formats.md.
std::string toys_json(const ToyPlan& plan, const ToyResults& results);

/// The table for people.
std::string toys_text(const ToyPlan& plan, const ToyResults& results);

}  // namespace ratiofarm
