#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/run_directory.hpp"

/// What the Slurm of this machine says, if it has one.
namespace ratiofarm {

/// Name of the jobs of a run directory, "ratiofarm peak.run 5f3a91c2": the last part of its path,
/// for people, and digits of all of it, since directories in different places may have one name.
std::string job_name(const RunDirectory& directory);

/// Jobs of this run directory, running or waiting, by their name and by who submitted them, also
/// if somebody else asks: a line each, "17 PENDING, 0:00 of 4:00:00, Resources".
std::vector<std::string> queued_jobs(const RunDirectory& directory);

/// Cores of the largest node that a job may get; nothing where Slurm does not say.
/// \param partition  its name, or several with commas; empty: all
std::optional<std::uint64_t> most_cores(const std::string& partition);

struct TimeLimit {
    std::string partition;
    std::string text;  ///< as Slurm writes it, "1-00:00:00"
    double seconds = 0.0;
};

/// The longest that a job may run; nothing where there is no limit or Slurm does not say.
/// \param partition  its name, or several with commas; empty: the one that jobs get by default
std::optional<TimeLimit> longest_time(const std::string& partition);

}  // namespace ratiofarm
