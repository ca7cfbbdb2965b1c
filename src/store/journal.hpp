#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "core/task_identity.hpp"
#include "core/task_progress.hpp"

#include "farm_times.hpp"
#include "line_file.hpp"
#include "run_directory.hpp"

namespace ratiofarm {

/// A farm began to work on the run directory.
struct FarmStarted {
    std::string host;
    std::string job;  ///< of the batch system, empty without one
    std::uint64_t ranks = 1;
    std::string graph;          ///< digest of the trainings or chains it works on
    std::string version = {};   ///< of the program: made_by()
    std::string time = {};      ///< utc_now()
    std::string device = {};    ///< cpu or cuda
    std::string campaign = {};  ///< digest of all that decides a result
};

/// A worker began an attempt at a task. The line of its commit ends it, or AttemptEnded.
struct AttemptBegan {
    std::string task;  ///< name
    std::uint64_t worker = 0;
    double at = 0.0;                    ///< seconds since its farm began
    TaskKind kind = TaskKind::unknown;  ///< also in lines of older versions
};

/// The attempt that a worker had begun ended without a result.
struct AttemptEnded {
    std::string outcome;  ///< failed, crashed, stopped or postponed; killed: its farm was
    std::uint64_t worker = 0;
    double at = 0.0;  ///< seconds since its farm began
};

/// What attempts that ended without a result took, of a journal whose old lines were removed.
struct TaskAttempted {
    std::string task;  ///< name
    TaskKind kind = TaskKind::unknown;
    double seconds = 0.0;
};

/// A result counts from here on.
struct TaskCommitted {
    Digest task;
    std::string name;            ///< for people
    TaskIdentity identity = {};  ///< of unknown kind in lines of older versions
    std::uint64_t attempt = 0;
    std::uint64_t worker = 0;
    TaskResult result = {};
    bool adopted = false;  ///< found complete although its line was lost
    double flop = 0.0;     ///< expected work; 0 where it is not known
    double at = 0.0;       ///< seconds since its farm began
};

/// A task was given up for good.
struct TaskGivenUp {
    Digest task;
    std::string name;            ///< for people
    TaskIdentity identity = {};  ///< of unknown kind in lines of older versions
    std::string reason;
    std::uint64_t strikes = 0;
};

/// Something happened to a task that is not its end: a crash, a late result.
struct TaskNoted {
    std::string task;                   ///< name
    TaskKind kind = TaskKind::unknown;  ///< also of late results
    std::string text;
    std::uint64_t worker = 0;
    double at = 0.0;  ///< seconds since its farm began
};

/// What the workers of a farm did with their time.
struct FarmEnded {
    double seconds = 0.0;
    std::uint64_t workers = 0;
    double busy_seconds = 0.0;       ///< over all workers
    double tail_seconds = 0.0;       ///< when no task waited any more
    double tail_idle_seconds = 0.0;  ///< over all workers, within the tail
};

/// A stage of the chain ended.
struct StageEnded {
    std::string stage;
    double seconds = 0.0;
    std::string time = {};      ///< when it ended, utc_now()
    std::string warnings = {};  ///< a line each; what the stage found that no result holds
};

/// The state that the lines of a journal add up to.
struct JournalState {
    std::unordered_map<Digest, TaskCommitted> committed;
    std::unordered_map<std::string, Digest> latest;    ///< by name: what was committed last
    std::unordered_map<Digest, TaskGivenUp> given_up;  ///< and not committed since
    std::vector<FarmStarted> farms;
    std::vector<FarmEnded> ends;  ///< of farms that ended in order
    std::vector<TaskNoted> notes;
    std::vector<StageEnded> stages;
    std::unordered_map<std::string, TaskAttempted> attempted;  ///< by name
    std::map<std::uint64_t, AttemptBegan> running;  ///< by worker; of this journal, not of others
    double last_at = 0.0;             ///< latest time of its last farm that a line tells
    RunTimes times;                   ///< of the workers; not merged from other journals
    std::uint64_t lines = 0;          ///< good ones
    std::uint64_t damaged_lines = 0;  ///< skipped
    std::uint64_t good_bytes = 0;     ///< up to the end of the last complete line
};

/// Reads a journal, also while it is written: a torn last line counts as not written yet. A missing
/// file is an empty journal. Damaged lines are counted and skipped; their tasks are adopted by
/// file.
JournalState read_journal(const std::filesystem::path& path);

/// Counts the attempts that no line ends as ended, `at` seconds after their farm began.
void end_running(JournalState& state, double at);

/// Seconds of attempts at tasks of this kind that ended without a result.
double attempted_seconds(const JournalState& state, TaskKind kind);

/// What the journal and those of all shards say together; no lock is taken.
JournalState read_journals(const RunDirectory& directory);

/// Likewise, but only of lines that hold one of these texts: of 10^5 tasks those of one, say.
/// Damage is looked for in all lines.
JournalState read_journals_about(const RunDirectory& directory, std::span<const std::string> texts);

/// Adds what another journal says, as if its lines followed those of `state`; counts of lines
/// and bytes, and the farms that started, stay those of `state`.
void merge(JournalState& state, const JournalState& other);

/// Tells which task a digest is where only lines of an older version know it: those have names
/// alone. \param identity of a planned task
void identify(JournalState& state, const Digest& task, const TaskIdentity& identity);

/// True if most lines are obsolete: repeated commits, attempts and notes of tasks that are
/// done, ended farms and stages of long ago.
bool worth_compacting(const JournalState& state);

/// Replaces a journal by one that adds up to the same tasks, in one atomic step.
/// \return what the new one says
/// \throws SystemError; the old one is untouched then
JournalState compact_journal(const std::filesystem::path& path, const JournalState& state);

/// Appends to journal.jsonl: one JSON object a line with schema, sequence number and CRC-32. Lines
/// become durable in groups, by flush().
class Journal {
public:
    /// Opens for appending behind the last complete line; what was torn is cut off.
    /// \throws SystemError
    Journal(const std::filesystem::path& path, const JournalState& state);

    void write(const FarmStarted& event);
    void write(const AttemptBegan& event);
    void write(const AttemptEnded& event);
    void write(const TaskCommitted& event);
    void write(const TaskGivenUp& event);
    void write(const TaskNoted& event);
    void write(const FarmEnded& event);
    void write(const StageEnded& event);
    void write(const TaskAttempted& event);

    /// Writes and syncs the lines collected so far. What could not be written is kept for the next
    /// call.
    /// \throws SystemError (disk full, the run directory was removed, ...)
    void flush();

    const std::filesystem::path& path() const { return file_.path(); }

private:
    LineFile file_;
    std::uint64_t sequence_;
};

}  // namespace ratiofarm
