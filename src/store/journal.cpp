#include "journal.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"

#include "core/publish.hpp"

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

/// Names of the events in their lines, and their members in the order of the line.
constexpr std::string_view name_of(const FarmStarted&) { return "farm_started"; }
constexpr std::string_view name_of(const FarmEnded&) { return "farm_ended"; }
constexpr std::string_view name_of(const AttemptBegan&) { return "attempt_began"; }
constexpr std::string_view name_of(const AttemptEnded&) { return "attempt_ended"; }
constexpr std::string_view name_of(const TaskCommitted&) { return "task_committed"; }
constexpr std::string_view name_of(const TaskGivenUp&) { return "task_given_up"; }
constexpr std::string_view name_of(const TaskNoted&) { return "task_noted"; }
constexpr std::string_view name_of(const StageEnded&) { return "stage_ended"; }
constexpr std::string_view name_of(const TaskAttempted&) { return "task_attempted"; }

template <class Line>
void fields(Line& line, MemberOf<Line, FarmStarted>& event) {
    line("host", event.host);
    line("job", event.job);
    line("ranks", event.ranks);
    line("graph", event.graph);
    line("version", event.version);
    line("time", event.time);
    line("device", event.device);
    line("campaign", event.campaign);
}

template <class Line>
void fields(Line& line, MemberOf<Line, FarmEnded>& event) {
    line("seconds", event.seconds);
    line("workers", event.workers);
    line("busy_seconds", event.busy_seconds);
    line("tail_seconds", event.tail_seconds);
    line("tail_idle_seconds", event.tail_idle_seconds);
}

template <class Line>
void fields(Line& line, MemberOf<Line, AttemptBegan>& event) {
    line("task", event.task);
    line("kind", event.kind);
    line("worker", event.worker);
    line("at", event.at);
}

template <class Line>
void fields(Line& line, MemberOf<Line, TaskAttempted>& event) {
    line("task", event.task);
    line("kind", event.kind);
    line("seconds", event.seconds);
}

template <class Line>
void fields(Line& line, MemberOf<Line, AttemptEnded>& event) {
    line("outcome", event.outcome);
    line("worker", event.worker);
    line("at", event.at);
}

/// Numbers that are 0 are not written.
template <class Line>
void identity_fields(Line& line, MemberOf<Line, TaskIdentity>& identity) {
    line("kind", identity.kind);
    line("family", identity.family);
    const auto number = [&](const char* key, auto& value) {
        if (Line::reading || value != 0) line(key, value);
    };
    number("nets", identity.nets);
    number("first", identity.first);
    number("fold", identity.fold);
    number("folds", identity.folds);
    number("replacement", identity.replacement);
}

template <class Line>
void fields(Line& line, MemberOf<Line, TaskCommitted>& event) {
    line("task", event.task);
    line("name", event.name);
    identity_fields(line, event.identity);
    line("attempt", event.attempt);
    line("worker", event.worker);
    line("bytes", event.result.bytes);
    line("file_crc", event.result.crc);
    line("seconds", event.result.seconds);
    line("resumed", event.result.resumed);
    line("adopted", event.adopted);
    line("flop", event.flop);
    line("at", event.at);
}

template <class Line>
void fields(Line& line, MemberOf<Line, TaskGivenUp>& event) {
    line("task", event.task);
    line("name", event.name);
    identity_fields(line, event.identity);
    line("reason", event.reason);
    line("strikes", event.strikes);
}

template <class Line>
void fields(Line& line, MemberOf<Line, TaskNoted>& event) {
    line("task", event.task);
    line("kind", event.kind);
    line("text", event.text);
    line("worker", event.worker);
    line("at", event.at);
}

template <class Line>
void fields(Line& line, MemberOf<Line, StageEnded>& event) {
    line("stage", event.stage);
    line("seconds", event.seconds);
    line("time", event.time);
    if (Line::reading || !event.warnings.empty()) line("warnings", event.warnings);
}

template <class Event>
std::string line_of(const Event& event, std::uint64_t sequence) {
    LineWriter line(name_of(event), sequence);
    fields(line, event);
    return line.finish();
}

void add(JournalState& state, const TaskAttempted& event) {
    TaskAttempted& known = state.attempted[event.task];
    known = {event.task, event.kind, known.seconds + event.seconds};
}

void add_attempt(JournalState& state, const AttemptBegan& began, double end) {
    add(state, TaskAttempted{began.task, began.kind, std::max(end - began.at, 0.0)});
}

void add(JournalState& state, const AttemptBegan& event) {
    state.times.attempt_began(event.worker, event.at);
    state.running.insert_or_assign(event.worker, event);
}

void add(JournalState& state, const AttemptEnded& event) {
    state.times.attempt_ended(event.worker, event.at);
    const auto running = state.running.find(event.worker);
    if (running == state.running.end()) return;
    add_attempt(state, running->second, event.at);
    state.running.erase(running);
}

/// Of a farm that was killed no line may tell the end of its attempts.
void end_farm(JournalState& state) {
    end_running(state, state.last_at);
    state.last_at = 0.0;
}

void add(JournalState& state, FarmStarted event) {
    end_farm(state);
    state.times.program_started(event.ranks);
    state.farms.push_back(std::move(event));
}

void add(JournalState& state, const FarmEnded& event) {
    state.times.farm_ended(event.seconds, event.tail_seconds);
    state.ends.push_back(event);
    end_farm(state);
}

void add(JournalState& state, StageEnded event) {
    state.times.stage_ended(event.stage);
    state.stages.push_back(std::move(event));
}

void add(JournalState& state, TaskNoted event) { state.notes.push_back(std::move(event)); }

/// A line may be whole and still say what cannot be.
/// \throws DataError
template <class Event>
void expect_possible(const Event& event) {
    constexpr std::uint64_t most = 10'000'000;  // workers of a farm
    const auto expect = [](bool possible) {
        if (!possible) throw DataError("no farm writes such a line");
    };
    if constexpr (requires { event.worker; }) expect(event.worker < most);
    if constexpr (requires { event.workers; }) expect(event.workers <= most);
    if constexpr (requires { event.ranks; }) expect(event.ranks <= most);
    if constexpr (requires { event.at; }) expect(event.at >= 0.0);
    if constexpr (std::is_same_v<Event, TaskAttempted>) expect(event.seconds >= 0.0);
}

/// Adds the line if it is about such an event.
template <class Event>
bool add_if(JournalState& state, const LineReader& line, std::string_view name) {
    Event event;
    if (name != name_of(event)) return false;
    fields(line, event);
    expect_possible(event);
    if constexpr (requires { event.at; }) state.last_at = std::max(state.last_at, event.at);
    if constexpr (std::is_same_v<Event, TaskCommitted>) {
        if (!event.adopted) {
            state.times.attempt_ended(event.worker, event.at);
            state.running.erase(event.worker);
        }
    }
    add(state, std::move(event));
    return true;
}

void add(JournalState& state, const LineReader& line) {
    const std::string name = line.event();
    const auto add_any = [&]<class... Event>() {
        return (add_if<Event>(state, line, name) || ...);
    };
    add_any.operator()<TaskCommitted, AttemptBegan, AttemptEnded, FarmStarted, FarmEnded,
                       StageEnded, TaskNoted, TaskGivenUp, TaskAttempted>();
}

/// \return false if the line is damaged
bool add_whole(JournalState& state, std::string_view text) {
    try {
        const auto line = LineReader::open(text);
        if (line) add(state, *line);
        return line.has_value();
    } catch (const DataError&) {
        return false;
    }
}

/// \param texts  of which a line must hold one to be added; none: all are
JournalState read_lines(const std::filesystem::path& path, std::span<const std::string> texts) {
    const auto is_about = [&](std::string_view line) {
        return texts.empty() || std::ranges::any_of(texts, [&](const std::string& text) {
                   return line.find(text) != line.npos;
               });
    };
    JournalState state;
    if (!std::filesystem::exists(path)) return state;
    const std::string text = read_text(path);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', begin)) {
        const auto line = std::string_view(text).substr(begin, end - begin);
        const bool whole = is_about(line) ? add_whole(state, line) : is_whole_line(line);
        (whole ? state.lines : state.damaged_lines) += 1;
        begin = end + 1;
    }
    state.good_bytes = begin;
    // What a killed farm left of its last line lacks the newline; it does not have another byte
    // there.
    const std::string_view rest = std::string_view(text).substr(begin);
    if (!rest.empty() && LineReader::open(rest.substr(0, rest.size() - 1))) ++state.damaged_lines;
    return state;
}

JournalState read_all_lines(const RunDirectory& directory, std::span<const std::string> texts) {
    JournalState all = read_lines(directory.journal(), texts);
    for (const std::filesystem::path& path : directory.other_journals()) {
        const JournalState shard = read_lines(path, texts);
        merge(all, shard);
        all.damaged_lines += shard.damaged_lines;
    }
    return all;
}

/// As it stands in the lines of a journal.
std::string as_written(const std::string& text) {
    const std::string quoted = nlohmann::json(text).dump();
    return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

JournalState read_journal(const std::filesystem::path& path) { return read_lines(path, {}); }

JournalState read_journals(const RunDirectory& directory) { return read_all_lines(directory, {}); }

JournalState read_journals_about(const RunDirectory& directory,
                                 std::span<const std::string> texts) {
    std::vector<std::string> written;
    std::ranges::transform(texts, std::back_inserter(written), as_written);
    return read_all_lines(directory, written);
}

void merge(JournalState& state, const JournalState& other) {
    for (const auto& [task, event] : other.committed) add(state, event);
    for (const auto& [name, task] : other.latest) state.latest.insert_or_assign(name, task);
    for (const auto& [task, event] : other.given_up) {
        if (!state.committed.contains(task)) add(state, event);
    }
    state.notes.insert(state.notes.end(), other.notes.begin(), other.notes.end());
    state.ends.insert(state.ends.end(), other.ends.begin(), other.ends.end());
    for (const auto& [name, event] : other.attempted) add(state, event);
}

void end_running(JournalState& state, double at) {
    for (const auto& [worker, began] : state.running) add_attempt(state, began, at);
    state.running.clear();
}

double attempted_seconds(const JournalState& state, TaskKind kind) {
    double seconds = 0.0;
    for (const auto& [name, event] : state.attempted) {
        if (event.kind == kind) seconds += event.seconds;
    }
    return seconds;
}

void identify(JournalState& state, const Digest& task, const TaskIdentity& identity) {
    const auto tell = [&](auto& events) {
        const auto event = events.find(task);
        if (event == events.end() || event->second.identity.kind != TaskKind::unknown) return;
        event->second.identity = identity;
    };
    tell(state.committed);
    tell(state.given_up);
}

bool worth_compacting(const JournalState& state) {
    const std::uint64_t live = state.committed.size() + state.given_up.size() +
                               state.attempted.size() + std::min(state.stages.size(), kept_stages);
    const std::uint64_t all = state.lines + state.damaged_lines;
    return all > small_journal && all > 3 * live;  // a commit is preceded by attempt_began
}

JournalState compact_journal(const std::filesystem::path& path, const JournalState& state) {
    std::string text;
    std::uint64_t sequence = 0;
    const auto append = [&](const auto& event) { text += line_of(event, ++sequence) + '\n'; };
    for (auto farm = state.farms.begin(); farm != state.farms.end();
         ++farm) {  // what was done once
        const bool again = std::any_of(std::next(farm), state.farms.end(), [&](const auto& later) {
            return later.graph == farm->graph;
        });
        if (!again) append(*farm);
    }
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
    for (const auto& [name, event] : state.attempted) append(event);
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
    : file_(path, state.good_bytes), sequence_(state.lines + state.damaged_lines) {}

void Journal::write(const FarmStarted& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const AttemptBegan& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const TaskAttempted& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const AttemptEnded& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const FarmEnded& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const TaskCommitted& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const TaskGivenUp& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const TaskNoted& event) { file_.append(line_of(event, ++sequence_)); }
void Journal::write(const StageEnded& event) { file_.append(line_of(event, ++sequence_)); }

void Journal::flush() { file_.flush(); }

}  // namespace ratiofarm
