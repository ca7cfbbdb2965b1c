#pragma once

#include <cstddef>
#include <cstdint>

namespace ratiofarm {

/// What rank 0 of a job that joined others knows when it decides how much to claim.
struct ClaimState {
    std::uint64_t ranks = 1;
    std::uint64_t idle = 0;       ///< ranks without a task
    std::uint64_t waiting = 0;    ///< tasks that are claimed and not begun
    double waiting_cost = 0.0;    ///< of these, in seconds
    double claimable_cost = 0.0;  ///< of the tasks that nobody has, in seconds
    std::uint64_t jobs = 1;       ///< that work on the run directory, with this one
    double look_seconds = 0.0;    ///< that one look at the claims and what follows takes, mean
    double longest_look = 0.0;    ///< seconds between looks at most
    bool learned = false;         ///< whether the costs come from tasks that were done
};

struct ClaimNeed {
    std::size_t tasks = 0;  ///< one for each rank that could begin it now
    double seconds = 0.0;  ///< of work beyond these, which keeps the ranks busy until the next look
};

/// Seconds of work of each rank that may wait: so short that others do not end before this job has
/// done what it keeps, so long that looking takes little of rank 0's time.
double claimed_ahead(double look_seconds, double longest_look);

/// How much to claim now: nothing ahead before it is known what tasks cost, nor where enough waits
/// still, and never more ahead than this job's part of what is left.
ClaimNeed claim_need(const ClaimState& state);

}  // namespace ratiofarm
