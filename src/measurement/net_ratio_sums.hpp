#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "results/finite_mc_record.hpp"

#include "fit_input.hpp"

/// Ratios that are sums of ln r of single nets, the lines of a ratio file, and events that have
/// them.
namespace ratiofarm {

/// Number of nets that every process of a file has ratios of; 0 if there are none.
std::uint32_t common_count(const RatioHeader& header, NetRatios lines);

/// True if some region's ratio file has ratios of at least two such nets for every process.
bool has_net_ratios(const RatioFiles& ratios, NetRatios lines);

/// The sum over all nets of a file with factors 0.
NetRatioSums no_net_ratios(const RatioHeader& header, NetRatios lines);

/// First line of a process and one past its last one.
Range rows_of_process(const RatioHeader& header, NetRatios lines, std::size_t process);

/// All events of a set. \return [events, processes]
/// \throws DataError if the file has no such ratios, or a value is not finite
std::vector<double> summed_net_ratios(const RatioFile& ratios,
                                      const std::string& set,
                                      const NetRatioSums& sums);

/// The events of a region with sums of net ratios instead of ln r. The sums of all events are held
/// in memory. \param sets that make up the source, in order
EventSource with_net_ratios(EventSource source,
                            const RatioFile& ratios,
                            const std::vector<FittedSet>& sets,
                            const NetRatioSums& sums);

/// With shapes of one nuisance parameter that are sums of net ratios, one column for every process.
EventSource with_net_shapes(EventSource source,
                            const RatioFile& ratios,
                            const std::vector<FittedSet>& sets,
                            const NetRatioSums& sums);

/// Ratios of single nets as they are. \return [nets of all processes, events of the range]
std::vector<float> net_ratios_of(const RatioFile& ratios,
                                 const std::vector<FittedSet>& sets,
                                 NetRatios lines,
                                 Range range);

}  // namespace ratiofarm
