#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "campaign/study_section.hpp"

#include "samplers.hpp"
#include "successive_halving.hpp"

namespace ratiofarm {

/// A trial as the books of a study have it.
struct StudyTrial {
    enum class State : std::uint8_t {
        running,  ///< a trainer has it
        lost,     ///< its trainer is gone: the next one begins this rung again
        paused,   ///< it has ended a rung and may go on
        done,     ///< at the last rung
        failed,
    };
    struct Rung {
        std::vector<double> values;  ///< [objectives] as they were reported; empty: it failed
        std::uint32_t attempt = 0;   ///< that reported them
    };

    SearchSetting setting;
    bool given = false;  ///< by the study file or a client
    State state = State::running;
    /// [attempts] the last rung that each was given; the first attempt is called 1.
    std::vector<std::uint32_t> attempts = {};
    std::uint32_t tries = 1;  ///< attempts at the rung that comes next
    std::string client = {};  ///< who had it last
    std::vector<Rung> rungs = {};
    std::string reason = {};  ///< why it failed

    std::uint32_t attempt() const { return static_cast<std::uint32_t>(attempts.size()); }
};
template <>
inline constexpr auto enum_words<StudyTrial::State> =
    words("running", "lost", "paused", "done", "failed");

/// The books of a study: what trainers ask and report, and what they are answered. A state machine
/// without files or a clock. Its state is a function of the study file and of what it was told in
/// which order, so who repeats that gets the same answers, to the byte. study.cpp keeps the books
/// and decides; study_conversation.cpp reads requests and writes answers.
///
/// A request is a JSON object with one of these members, and a `seq`:
///
///     {"hello": 1, "client": "name", "protocol": "ratiofarm-hpo/1"}
///     {"ask": 3}                  up to three trials
///     {"report": {"trial": 12, "attempt": 1, "rung": 0, "values": {"loss": 0.61}}}
///     {"fail": {"trial": 12, "attempt": 1, "reason": "nan"}}
///     {"renew": {"trial": 12, "attempt": 1}}
///     {"enqueue": [{"lr": 0.001}]}
///     {"best": 1}, {"status": 1}, {"bye": 1}
class Study {
public:
    static constexpr std::uint64_t most_asked = 1000;  ///< trials at a time

    explicit Study(StudySection section);

    /// A trial that somebody has.
    struct Lease {
        std::uint32_t trial = 0;
        std::uint32_t attempt = 0;
        auto operator<=>(const Lease&) const = default;
    };

    struct Answer {
        std::string text;                 ///< JSON on one line
        bool changed = false;             ///< whether the books did: then it must be kept
        std::optional<Lease> alive = {};  ///< who has this trial gave a sign of life
    };

    /// A request that changed the books gets its first answer again if it is repeated with its seq.
    /// What is wrong with a request is said in the answer, as `error`; it changes nothing.
    /// \param most_trials  that an `ask` gets: as many as it was given when it is told again, for
    /// the study may allow more by now
    Answer answer(const std::string& client,
                  std::string_view request,
                  std::uint64_t most_trials = most_asked);

    std::vector<Lease> leases() const;

    /// Who has a trial was not heard of for too long, or gives it back. One that was lost by all
    /// its attempts at a rung has failed. \return whether it was still out
    bool lose(const Lease& lease);

    bool finished() const;  ///< nothing is out, and nothing more will be given out

    const StudySection& section() const { return section_; }
    const std::vector<std::uint32_t>& epochs() const { return epochs_; }  ///< after each rung
    const std::vector<StudyTrial>& trials() const { return trials_; }
    std::size_t untried() const { return queue_.size(); }         ///< given points
    const std::vector<TrialRung>& told() const { return told_; }  ///< in the order of arrival
    std::uint64_t dropped() const { return dropped_; }  ///< reports of attempts that came too late

    /// Of the highest rung that has any, the smallest first objective.
    std::optional<TrialRung> best() const;

    /// What is to be small of a rung; infinite for a failure. \pre objective < objectives
    double score(const StudyTrial::Rung& rung, std::size_t objective) const;

private:
    using Json = nlohmann::ordered_json;
    struct Kept {
        std::string request;
        std::string answer;
    };
    struct Named {
        StudyTrial& trial;
        Lease lease;
    };

    // The conversation. A ConfigError is thrown before anything has changed.
    Json reply(const std::string& client,
               const Json& request,
               std::uint64_t most_trials,
               Answer& answer);
    Json welcome(const Json& request) const;
    Json ask(const std::string& client, const Json& count, std::uint64_t most);
    Json report(const Json& what, Answer& answer);
    Json fail(const Json& what, Answer& answer);
    Json renew(const Json& what, Answer& answer);
    Json enqueue(const Json& points);
    Json bye(const std::string& client, Answer& answer);
    Json best_json() const;
    Json status_json() const;
    Json trial_json(std::uint32_t number) const;
    Json decision(const Lease& lease) const;

    Named named(const Json& what);
    std::vector<double> values_of(const Json& values) const;

    // The books.
    void end_rung(const Lease& lease, std::vector<double> values);
    bool is_out(const Lease& lease) const;
    std::optional<std::uint32_t> give_out(const std::string& client);
    bool may_go_on(std::uint32_t number) const;
    std::optional<std::uint32_t> promotable() const;
    bool may_begin() const;
    bool target_reached() const;
    std::optional<SearchSetting> next();

    StudySection section_;
    std::vector<std::uint32_t> epochs_;
    std::deque<SearchSetting> queue_;  ///< given points that are not tried yet
    std::vector<StudyTrial> trials_;
    std::vector<TrialRung> told_;
    std::uint64_t dropped_ = 0;
    std::map<std::pair<std::string, std::uint64_t>, Kept> kept_;
};

}  // namespace ratiofarm
