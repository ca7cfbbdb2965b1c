#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "samplers.hpp"

/// A genetic algorithm for two objectives (NSGA-II, Deb et al., IEEE Trans. Evol. Comput. 6, 182).
namespace ratiofarm {

/// Two numbers that are to be small.
using ObjectivePair = std::pair<double, double>;

/// Which of the points no other dominates: none is smaller in one number and at most as large in
/// the other. By their first number, of equal points all.
std::vector<std::size_t> pareto_front(std::span<const ObjectivePair> points);

/// Of each point the number of fronts that are taken away before it is in one.
std::vector<std::uint32_t> front_ranks(std::span<const ObjectivePair> points);

/// Of each point of one front the way between its neighbours, in parts of the whole range, summed
/// over both numbers; infinite at the ends.
std::vector<double> crowding_distances(std::span<const ObjectivePair> front);

/// What the algorithm proposes. Parents are the best `generation` of all trials of generations
/// before, by rank, then by crowding; the first generation is of Sobol points.
/// \pre !waits_for_generation()
SearchSetting nsga2_setting(const SearchSection& search,
                            std::uint64_t seed,
                            std::span<const ToldTrial> told);

}  // namespace ratiofarm
