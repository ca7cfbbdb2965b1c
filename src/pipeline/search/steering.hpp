#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "campaign/search/samplers.hpp"
#include "core/process.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// What an external sampler proposed.
struct SteeringAnswer {
    std::vector<SearchSetting> points;  ///< none: the search ends
    std::uint64_t dropped = 0;          ///< points beyond those asked for
};

/// The program of a user that proposes points: search.sampler = "external". It is started anew each
/// time, as by iDDS: with %MAX_POINTS, %NUM_POINTS, %IN and %OUT of its command replaced it reads
/// all points so far with their losses from one file and writes further points to the other. Its
/// answer is kept, and asked for again only if the points and losses before it have changed: a
/// search that was killed goes on with the same points, even if the program is random.
class Steering {
public:
    /// \param campaign  with a search by an external sampler; outlives this
    Steering(const Campaign& campaign, const RunDirectory& directory, const Log& log)
        : campaign_(campaign), directory_(directory), log_(log) {}
    ~Steering();  ///< ends a program that runs
    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;

    /// Begins to ask, or looks whether the program has ended meanwhile; never waits for it.
    /// \param told  all trials so far; the same until there is an answer
    /// \return nothing while the program runs, or if it was ended because the job stops
    /// \throws DataError if the program fails, takes too long or answers with no such points
    std::optional<SteeringAnswer> ask(std::span<const ToldTrial> told);

    bool running() const { return program_.valid() && !has_ended(); }

    /// Whether the program has ended since it was asked: ask again.
    bool has_ended() const;

private:
    std::optional<SteeringAnswer> known(const std::string& question, std::size_t points) const;
    void start();
    bool ended_by_itself(const std::optional<ProcessEnd>& end) const;

    const Campaign& campaign_;
    RunDirectory directory_;
    Log log_;
    std::atomic<bool> abandoned_ = false;
    std::future<std::optional<ProcessEnd>> program_;
};

/// What the program reads: {"points": [[{key: value}, loss or null]], "opt_space": {...}}. A trial
/// that is in flight or failed has no loss; one that was stopped early has that of its last rung.
std::string steering_question(const SearchSection& search, std::span<const ToldTrial> told);

}  // namespace ratiofarm
