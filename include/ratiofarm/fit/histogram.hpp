#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"

namespace ratiofarm {

/// Edges of n_bins bins that hold about equal numbers of the given values; fewer bins where many
/// values are equal. The outer edges are the extreme values.
/// \param values finite, not empty
std::vector<double> quantile_edges(std::span<const float> values, std::size_t n_bins);

/// Sums of weights in bins [edge_b, edge_b+1). Values outside go to the first or last bin, so that
/// the sum over bins is the sum of weights.
/// \param edges [bins + 1], ascending, at least one bin  \return [bins]
std::vector<double> fill_histogram(std::span<const double> edges,
                                   std::span<const float> values,
                                   std::span<const double> weight);

/// A binned likelihood in the shape of an unbinned one: one event per bin, with the bin's content
/// of data as weight and p_jb / p_ref,b, the normalised bin contents, as ratios. With it the same
/// Likelihood gives the extended binned likelihood nu - sum_b n_b ln nu_b, up to a constant.
/// Bins where the reference is empty must be empty of everything and are left out.
/// \param processes names, in the order of the model
/// \param process_bins [processes][bins], contents of each process, each sum > 0
/// \param reference_bins [bins]  \param data_bins [bins]
/// \throws DataError naming bin and process where a content is negative or not covered
EventSet histogram_ratios(std::span<const std::string> processes,
                          std::span<const std::vector<double>> process_bins,
                          std::span<const double> reference_bins,
                          std::span<const double> data_bins);

}  // namespace ratiofarm
