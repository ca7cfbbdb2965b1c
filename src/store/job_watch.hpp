#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "run_directory.hpp"

namespace ratiofarm {

/// Which of the jobs that joined still live, as far as an observer can tell. A job is gone if its
/// lock is, or the owner of its lock is known to be, or if its progress file, which a job that
/// holds claims writes again all the time, stood still for the length of a lease. Only the
/// observer's clock counts, and of the time between two of its looks at most a quarter of a lease:
/// an observer that was suspended itself does not take the others for dead.
class JobWatch {
public:
    using Instant = std::chrono::steady_clock::time_point;

    /// \param lease  seconds
    JobWatch(RunDirectory directory, double lease)
        : directory_(std::move(directory)), lease_(lease) {}

    /// Looks at the job.
    bool is_gone(const std::string& job, Instant now);
    /// Looks at files, the first of which somebody writes again all the time: whether all of them
    /// stood still for a lease.
    bool stands_still(const std::vector<std::filesystem::path>& signs, Instant now);

private:
    struct Seen {
        std::string sign;    ///< content of the files
        double still = 0.0;  ///< seconds for which it was the same
        Instant last;        ///< look
    };

    RunDirectory directory_;
    double lease_;
    std::map<std::filesystem::path, Seen> seen_;  ///< by the first of the files
};

/// Seconds between signs of life of a job with this lease.
double sign_interval(double lease);

}  // namespace ratiofarm
