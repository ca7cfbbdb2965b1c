#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

/// The problem on which the fit and its peers are compared. Every number is a pure function of its
/// indices, so that any program can make any part of it, with the same bits.
namespace ratiofarm::bench {

/// N events of S processes; P nuisance parameters that act on the yield and, event by event, on
/// the shape of every process, code 4. Process 0 has the coefficient mu - sqrt(mu), 1 sqrt(mu),
/// 2 1 - sqrt(mu), the others 1. Parameters in order: mu, then alpha_0 ... alpha_{P-1}.
struct FitProblem {
    std::uint64_t events = 20000;
    std::size_t processes = 10;  ///< >= 3
    std::size_t parameters = 100;
};

/// ln g of one event at alpha = +1 and -1: of densities 1 + x and 1 - x, so that a shape stays
/// normalised between its anchors.
struct LogAnchors {
    float up;
    float down;
};
class LogShape {
public:
    LogShape(std::size_t process, std::size_t parameter);
    LogAnchors operator()(std::uint64_t event) const;

private:
    std::uint64_t key_;
    double amplitude_;
};

/// ln r of one event, with mean r of 1.
double log_r(std::uint64_t event, std::size_t process);

double yield(std::size_t process);                               ///< nu_j
double yield_shift(std::size_t process, std::size_t parameter);  ///< G = 1 + this and 1 - this
double observed(std::size_t parameter);                          ///< global observables

/// Weight of an event of the Asimov data at sqrt(mu) = 1.2, all alpha = 0.
double weight(const FitProblem& problem, std::uint64_t event);

/// A point in internal coordinates, [1 + P]: sqrt(mu) first.
/// \param outside every tenth alpha lies beyond the anchors, where g is a power
std::vector<double> point(const FitProblem& problem, bool outside);

StatisticalModel model(const FitProblem& problem, ShapeNorm shape_norm);
EventSource source(const FitProblem& problem, bool with_reference);

/// Columns of the events in the order of EventSet.
std::vector<ShapeColumn> shape_columns(const FitProblem& problem);
EventSet read_events(const FitProblem& problem, bool with_reference, Range range);

}  // namespace ratiofarm::bench
