#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "campaign/search/samplers.hpp"
#include "core/line_program.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// What an external sampler proposed.
struct SteeringAnswer {
    std::vector<SearchSetting> points;  ///< none: the search ends
    std::uint64_t dropped = 0;          ///< points beyond those asked for
};

/// The program of a user that proposes points: search.sampler = "external". A command with %OUT is
/// started anew for each question, as by iDDS: it reads all points so far with their losses from
/// one file and writes further points to the other. One without it is started once and answers
/// lines of JSON; it is started again if it has ended meanwhile, and a question says all that there
/// is to know. An answer is kept, and asked for again only if the points and losses before it have
/// changed: a search that was killed goes on with the same points, even if the program is random.
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
    /// What came of a question.
    struct Outcome {
        std::string answer;   ///< JSON
        std::string failure;  ///< why there is none
        bool given_up = false;
    };
    void start(const std::string& question, std::size_t points);
    std::string command(const std::string& in, const std::string& out) const;
    Outcome by_files(const std::function<bool()>& give_up) const;
    Outcome by_lines(const std::string& question, const std::function<bool()>& give_up);

    const Campaign& campaign_;
    RunDirectory directory_;
    Log log_;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<LineProgram> lines_;  ///< that lives; used by the future alone
    std::future<Outcome> program_;
};

/// What the program reads: {"points": [[{key: value}, loss or null]], "opt_space": {...}}; a line
/// has also "max_points" and "num_points", how many points there may be and how many new ones. A
/// trial that is in flight or failed has no loss; one that was stopped early has that of its last
/// rung.
std::string steering_question(const SearchSection& search, std::span<const ToldTrial> told);

}  // namespace ratiofarm
