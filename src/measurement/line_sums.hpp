#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "results/finite_mc_record.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "fit_input.hpp"

/// Ratios that are sums of lines of a ratio file, and events that have them.
namespace ratiofarm {

/// Nets that every process of a file has lines of; 0 if there are no such lines.
std::uint32_t common_count(const RatioHeader& header, RatioLines lines);

/// True if some region's ratio file has such lines of at least two nets for every process.
bool has_lines(const RatioFiles& ratios, RatioLines lines);

/// Sums of all lines of a file with factors 0.
LineSums no_lines(const RatioHeader& header, RatioLines lines);

/// First line of a process and one past its last one.
Range lines_of(const RatioHeader& header, RatioLines lines, std::size_t process);

/// All events of a set. \return [events, processes]
/// \throws DataError if the file has no such lines, or a value is not finite
std::vector<double> summed_lines(const RatioFile& ratios,
                                 const std::string& set,
                                 const LineSums& sums);

/// The events of a region with sums of lines instead of ln r. The sums of all events are held in
/// memory. \param sets that make up the source, in order
EventSource with_line_ratios(EventSource source,
                             const RatioFile& ratios,
                             const std::vector<FittedSet>& sets,
                             const LineSums& sums);

/// With shapes of one nuisance parameter that are sums of lines, one column for every process.
EventSource with_line_shapes(EventSource source,
                             const RatioFile& ratios,
                             const std::vector<FittedSet>& sets,
                             const LineSums& sums);

/// Single lines as they are. \return [lines of all processes, events of the range]
std::vector<float> lines_of_range(const RatioFile& ratios,
                                  const std::vector<FittedSet>& sets,
                                  RatioLines lines,
                                  Range range);

}  // namespace ratiofarm
