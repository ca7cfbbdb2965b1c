#include "journal.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/publish.hpp"

#include "journal_line.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t small_journal = 1000;  // lines; not worth compacting
constexpr std::size_t kept_stages = 100;

void add(JournalState& state, TaskCommitted event) {
    state.given_up.erase(event.task);
    state.latest.insert_or_assign(event.name, event.task);
    state.committed.insert_or_assign(event.task, std::move(event));
}

void add(JournalState& state, TaskGivenUp event) {
    state.given_up.insert_or_assign(event.task, std::move(event));
}

TaskCommitted read_committed(const LineReader& line) {
    return {.task = Digest::from_hex(line.text("task")),
            .name = line.text("name"),
            .attempt = line.whole("attempt"),
            .worker = line.whole("worker"),
            .bytes = line.whole("bytes"),
            .crc = static_cast<std::uint32_t>(line.whole("file_crc")),
            .seconds = line.number("seconds"),
            .resumed = line.flag("resumed"),
            .adopted = line.flag("adopted"),
            .flop = line.number("flop"),
            .at = line.number("at")};
}

void add(JournalState& state, const LineReader& line) {
    const std::string event = line.text("event");
    if (event == "task_committed") {
        TaskCommitted committed = read_committed(line);
        if (!committed.adopted) state.times.attempt_ended(committed.worker, committed.at);
        add(state, std::move(committed));
    } else if (event == "attempt_began") {
        state.times.attempt_began(line.whole("worker"), line.number("at"));
    } else if (event == "attempt_ended") {
        state.times.attempt_ended(line.whole("worker"), line.number("at"));
    } else if (event == "farm_started") {
        state.farms.push_back(
            {line.text("host"), line.text("job"), line.whole("ranks"), line.text("graph")});
        state.times.program_started(state.farms.back().ranks);
    } else if (event == "farm_ended") {
        state.ends.push_back({line.number("seconds"), line.whole("workers"),
                              line.number("busy_seconds"), line.number("tail_seconds"),
                              line.number("tail_idle_seconds")});
        state.times.farm_ended(state.ends.back().seconds, state.ends.back().tail_seconds);
    } else if (event == "stage_ended") {
        state.stages.push_back({line.text("stage"), line.number("seconds")});
        state.times.stage_ended(state.stages.back().stage);
    } else if (event == "task_noted") {
        state.notes.push_back(
            {line.text("task"), line.text("text"), line.whole("worker"), line.number("at")});
    } else if (event == "task_given_up") {
        add(state, TaskGivenUp{Digest::from_hex(line.text("task")), line.text("name"),
                               line.text("reason"), line.whole("strikes")});
    }
}

std::string line_of(const FarmStarted& event, std::uint64_t sequence) {
    return LineWriter("farm_started", sequence)
        .text("host", event.host)
        .text("job", event.job)
        .whole("ranks", event.ranks)
        .text("graph", event.graph)
        .finish();
}

std::string line_of(const FarmEnded& event, std::uint64_t sequence) {
    return LineWriter("farm_ended", sequence)
        .number("seconds", event.seconds)
        .whole("workers", event.workers)
        .number("busy_seconds", event.busy_seconds)
        .number("tail_seconds", event.tail_seconds)
        .number("tail_idle_seconds", event.tail_idle_seconds)
        .finish();
}

std::string line_of(const AttemptBegan& event, std::uint64_t sequence) {
    return LineWriter("attempt_began", sequence)
        .text("task", event.task)
        .whole("worker", event.worker)
        .number("at", event.at)
        .finish();
}

std::string line_of(const AttemptEnded& event, std::uint64_t sequence) {
    return LineWriter("attempt_ended", sequence)
        .text("outcome", event.outcome)
        .whole("worker", event.worker)
        .number("at", event.at)
        .finish();
}

std::string line_of(const TaskCommitted& event, std::uint64_t sequence) {
    return LineWriter("task_committed", sequence)
        .text("task", event.task.hex())
        .text("name", event.name)
        .whole("attempt", event.attempt)
        .whole("worker", event.worker)
        .whole("bytes", event.bytes)
        .whole("file_crc", event.crc)
        .number("seconds", event.seconds)
        .flag("resumed", event.resumed)
        .flag("adopted", event.adopted)
        .number("flop", event.flop)
        .number("at", event.at)
        .finish();
}

std::string line_of(const TaskGivenUp& event, std::uint64_t sequence) {
    return LineWriter("task_given_up", sequence)
        .text("task", event.task.hex())
        .text("name", event.name)
        .text("reason", event.reason)
        .whole("strikes", event.strikes)
        .finish();
}

std::string line_of(const TaskNoted& event, std::uint64_t sequence) {
    return LineWriter("task_noted", sequence)
        .text("task", event.task)
        .text("text", event.text)
        .whole("worker", event.worker)
        .number("at", event.at)
        .finish();
}

std::string line_of(const StageEnded& event, std::uint64_t sequence) {
    return LineWriter("stage_ended", sequence)
        .text("stage", event.stage)
        .number("seconds", event.seconds)
        .finish();
}

}  // namespace

JournalState read_journal(const std::filesystem::path& path) {
    JournalState state;
    if (!std::filesystem::exists(path)) return state;
    const std::string text = read_text(path);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', begin)) {
        auto line = LineReader::open(std::string_view(text).substr(begin, end - begin));
        try {
            if (line) add(state, *line);
        } catch (const DataError&) {
            line.reset();
        }
        (line ? state.lines : state.damaged_lines) += 1;
        begin = end + 1;
    }
    state.good_bytes = begin;
    // What a killed farm left of its last line lacks the newline; it does not have another byte
    // there.
    const std::string_view rest = std::string_view(text).substr(begin);
    if (!rest.empty() && LineReader::open(rest.substr(0, rest.size() - 1))) ++state.damaged_lines;
    return state;
}

JournalState read_journals(const RunDirectory& directory) {
    JournalState all = read_journal(directory.journal());
    for (const std::filesystem::path& path : directory.shard_journals()) {
        merge(all, read_journal(path));
    }
    return all;
}

void merge(JournalState& state, const JournalState& other) {
    for (const auto& [task, event] : other.committed) add(state, event);
    for (const auto& [name, task] : other.latest) state.latest.insert_or_assign(name, task);
    for (const auto& [task, event] : other.given_up) {
        if (!state.committed.contains(task)) add(state, event);
    }
    state.notes.insert(state.notes.end(), other.notes.begin(), other.notes.end());
    state.ends.insert(state.ends.end(), other.ends.begin(), other.ends.end());
}

bool worth_compacting(const JournalState& state) {
    const std::uint64_t live =
        state.committed.size() + state.given_up.size() + std::min(state.stages.size(), kept_stages);
    const std::uint64_t all = state.lines + state.damaged_lines;
    return all > small_journal && all > 3 * live;  // a commit is preceded by attempt_began
}

JournalState compact_journal(const std::filesystem::path& path, const JournalState& state) {
    std::string text;
    std::uint64_t sequence = 0;
    const auto append = [&](const auto& event) { text += line_of(event, ++sequence) + '\n'; };
    if (!state.farms.empty()) append(state.farms.back());
    // What was committed last under a name must stay the last one.
    const auto is_latest = [&](const TaskCommitted& event) {
        const auto latest = state.latest.find(event.name);
        return latest != state.latest.end() && latest->second == event.task;
    };
    for (const bool latest : {false, true}) {
        for (const auto& [task, event] : state.committed) {
            if (is_latest(event) == latest) append(event);
        }
    }
    for (const auto& [task, event] : state.given_up) append(event);
    for (const TaskNoted& note : state.notes) {
        if (!state.latest.contains(note.task)) append(note);
    }
    const std::size_t stages = state.stages.size();
    for (std::size_t i = stages - std::min(stages, kept_stages); i < stages; ++i) {
        append(state.stages[i]);
    }
    publish(path, text);
    return read_journal(path);
}

Journal::Journal(const std::filesystem::path& path, const JournalState& state)
    : path_(path),
      file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)),
      sequence_(state.lines + state.damaged_lines) {
    const auto end = static_cast<off_t>(state.good_bytes);
    if (!file_ || ::ftruncate(file_.get(), end) != 0 ||
        ::lseek(file_.get(), end, SEEK_SET) != end) {
        throw SystemError(errno_message(fmt::format("cannot open '{}'", path.string()), errno));
    }
}

void Journal::append(std::string line) { pending_ += std::move(line) + '\n'; }

void Journal::write(const FarmStarted& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const AttemptBegan& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const AttemptEnded& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const FarmEnded& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const TaskCommitted& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const TaskGivenUp& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const TaskNoted& event) { append(line_of(event, ++sequence_)); }
void Journal::write(const StageEnded& event) { append(line_of(event, ++sequence_)); }

void Journal::flush() {
    const auto fail = [&](const char* action) {
        throw SystemError(
            errno_message(fmt::format("cannot {} '{}'", action, path_.string()), errno));
    };
    struct stat status = {};
    if (::fstat(file_.get(), &status) != 0) fail("look at");
    if (status.st_nlink == 0) {
        throw SystemError(fmt::format("'{}' was removed while the farm ran", path_.string()));
    }
    if (pending_.empty()) return;
    while (!pending_.empty()) {
        const ssize_t written = ::write(file_.get(), pending_.data(), pending_.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write");
        pending_.erase(0, static_cast<std::size_t>(written));
    }
    if (::fdatasync(file_.get()) != 0) fail("sync");
}

}  // namespace ratiofarm
