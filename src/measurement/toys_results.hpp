#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm/fit/toys.hpp"

#include "toys_plan.hpp"

namespace ratiofarm {

/// Toys in bins of equal width from `low` to `high`; the outer bins hold those beyond, too.
struct ToyHistogram {
    double low = 0.0;
    double high = 0.0;
    std::vector<std::uint64_t> counts = {};
};

/// How estimates of a parameter scatter over the toys of a point.
struct ToyParameter {
    std::string name;
    double truth = 0.0;
    double mean = 0.0;
    double width = 0.0;      ///< standard deviation
    double pull_mean = 0.0;  ///< of (estimate - truth) / error; toys with an error only
    double pull_width = 0.0;
    std::uint64_t pulls = 0;      ///< toys with an error
    ToyHistogram histogram = {};  ///< of the pulls of the parameter of interest
};

/// Results of the toys of a point for one test statistic.
struct ToyStatistic {
    std::string name;
    double observed = 0.0;  ///< of the data
    std::vector<Threshold> thresholds;
    Fraction p_value;
    ToyHistogram histogram = {};
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
    std::string poi = {};
    MadeFrom made_from = {};
};

/// \param outcomes [points][toys]
ToyResults summarise(const ToyPlan& plan,
                     const std::string& campaign,
                     const std::vector<std::vector<ToyOutcome>>& outcomes);

/// toys.json, see docs/formats.md.
std::string toys_json(const ToyPlan& plan, const ToyResults& results);

/// What a report shows of toys.json: points without lists, statistics, parameters.
/// \throws DataError if it is another format or a key is missing
ToyResults parse_toys_json(std::string_view text);

/// The table for people.
std::string toys_text(const ToyPlan& plan, const ToyResults& results);

}  // namespace ratiofarm
