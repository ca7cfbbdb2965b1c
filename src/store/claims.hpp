#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "job_watch.hpp"
#include "run_directory.hpp"

namespace ratiofarm {

/// Which of the jobs that work on one run directory has which task. A claim is a symbolic link,
/// claims/<digest>.<attempt>: one call makes it as a whole, and fails if it exists, also over a
/// network. It points at no file; its target says job, strikes and why a task was given up. The
/// highest attempt of a task counts.
///
///     task                          is
///     without a claim               free
///     of a job that lives           taken, or given up while that job lives
///     of a job that is gone         free: the claim of the next attempt takes it over
///
/// Claims save work, no result depends on them: a job that was taken for dead and goes on makes the
/// same bytes as its successor. It learns by its next look that it lost its claims.
class Claims {
public:
    using Instant = JobWatch::Instant;

    /// \param job    name of this job; no other ever had it
    /// \param lease  seconds without a sign of life after which a job is taken for dead
    /// \throws ConfigError  the file system cannot make such links
    Claims(const RunDirectory& directory, std::string job, double lease);
    ~Claims();  ///< removes those of tasks that are done
    Claims(const Claims&) = delete;
    Claims& operator=(const Claims&) = delete;

    /// Reads all claims and looks who lives. \throws SystemError
    void look(Instant now);

    /// Tasks of this job that others have taken over, by the last look; each is told once.
    std::vector<Digest> take_lost();

    /// What a task is by the last look.
    enum class Standing { free, taken, given_up };
    Standing standing(const Digest& task) const;
    const std::string& reason(const Digest& task) const;  ///< of one that was given up

    /// Jobs that live, with this one, by the last look.
    std::size_t jobs() const { return jobs_; }

    /// Claims a task that is free.
    enum class Take {
        claimed,
        taken,  ///< another job was faster
        done,   ///< there is a result
    };
    Take take(const Digest& task);

    /// Whether a task has a result, now.
    bool has_result(const Digest& task) const;
    /// Whether a claim of this job still counts, now.
    bool holds(const Digest& task) const;
    /// Of a task that this job claimed.
    std::uint64_t attempt(const Digest& task) const { return mine_.at(task).attempt; }
    std::uint32_t strikes(const Digest& task) const { return mine_.at(task).strikes; }
    /// Its checkpoint has the name of the attempt, and was that of the attempt before: a job that
    /// lost the claim goes on to write to the old name, until it removes that.
    void remove_lost_state(const Digest& task);

    void strike(const Digest& task);  ///< its trainer crashed; others will know
    void give_up(const Digest& task, const std::string& reason);
    /// It is done and noted. The claim stays for the time of a lease: so long others may not see
    /// the result of a network file system.
    void settle(const Digest& task, Instant now);
    void remove_settled(Instant now);

    double lease() const { return lease_; }

private:
    struct Claim {
        std::uint64_t attempt = 0;
        std::string job = {};
        std::uint32_t strikes = 0;
        std::string reason = {};  ///< why it was given up; empty: it was not
    };

    std::filesystem::path path(const Digest& task, std::uint64_t attempt) const;
    bool make(const Digest& task, const Claim& claim) const;
    bool replace(const Digest& task, Claim claim);
    void inherit_state(const Digest& task, std::uint64_t attempt) const;
    void expect_exclusive_links() const;
    void count_jobs(Instant now);
    void unlink_own(const std::filesystem::path& claim) const;

    RunDirectory directory_;
    std::string job_;
    double lease_;
    JobWatch watch_;
    JobWatch joined_;  ///< those that have not claimed anything
    std::unordered_map<Digest, Claim> found_;
    std::unordered_map<Digest, Claim> mine_;  ///< being done
    std::vector<Digest> lost_;
    std::unordered_map<Digest, std::uint64_t> lost_attempts_;
    std::map<std::string, bool> gone_;
    std::size_t jobs_ = 1;
    struct Settled {
        Instant at;
        std::filesystem::path claim;
    };
    std::deque<Settled> settled_;
};

/// What jobs left that are all gone, for a farm that works by itself: checkpoints get the name that
/// it knows, claims go. \throws SystemError
void end_claims(const RunDirectory& directory);

}  // namespace ratiofarm
