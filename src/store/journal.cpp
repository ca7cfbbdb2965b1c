#include "ratiofarm/store/journal.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/publish.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;
constexpr std::string_view crc_mark = ",\"crc\":\"";
constexpr std::size_t crc_tail = crc_mark.size() + 8 + 2;  // 8 digits, "}

std::string with_crc(std::string object) {
    const std::uint32_t crc = crc32(std::as_bytes(std::span(object)));
    object.pop_back();
    return fmt::format("{}{}{:08x}\"}}", object, crc_mark, crc);
}

/// The object without its crc, or nothing if the line is damaged.
std::optional<Json> checked_line(std::string_view line) {
    if (line.size() <= crc_tail) return std::nullopt;
    const std::string object = std::string(line.substr(0, line.size() - crc_tail)) + "}";
    if (with_crc(object) != line) return std::nullopt;
    auto json = Json::parse(object, nullptr, false);
    if (json.is_discarded() || json.value("schema", 0) != schema) return std::nullopt;
    return json;
}

void add(JournalState& state, const Json& line) {
    const std::string event = line.at("event");
    if (event == "farm_started") {
        state.farms.push_back(
            {line.at("host"), line.at("job"), line.at("ranks"), line.at("graph")});
    } else if (event == "stage_ended") {
        state.stages.push_back({line.at("stage"), line.at("seconds")});
    } else if (event == "task_committed") {
        const Digest task = Digest::from_hex(line.at("task").get<std::string>());
        state.given_up.erase(task);
        state.latest.insert_or_assign(line.at("name").get<std::string>(), task);
        state.committed.insert_or_assign(
            task, TaskCommitted{task, line.at("name"), line.at("attempt"), line.at("worker"),
                                line.at("bytes"), line.at("file_crc"), line.at("seconds"),
                                line.at("resumed"), line.at("adopted")});
    } else if (event == "task_given_up") {
        const Digest task = Digest::from_hex(line.at("task").get<std::string>());
        state.given_up.insert_or_assign(
            task, TaskGivenUp{task, line.at("name"), line.at("reason"), line.at("strikes")});
    }
}

}  // namespace

JournalState read_journal(const std::filesystem::path& path) {
    JournalState state;
    if (!std::filesystem::exists(path)) return state;
    const std::string text = read_text(path);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', begin)) {
        const auto line = checked_line(std::string_view(text).substr(begin, end - begin));
        try {
            if (line) add(state, *line);
        } catch (const nlohmann::json::exception&) {
            state.damaged_lines += 1;
        }
        (line ? state.lines : state.damaged_lines) += 1;
        begin = end + 1;
    }
    state.good_bytes = begin;
    return state;
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

void Journal::append(std::string object) { pending_ += with_crc(std::move(object)) + '\n'; }

void Journal::write(const FarmStarted& event) {
    append(Json{{"schema", schema},
                {"seq", ++sequence_},
                {"event", "farm_started"},
                {"host", event.host},
                {"job", event.job},
                {"ranks", event.ranks},
                {"graph", event.graph}}
               .dump());
}

void Journal::write(const TaskCommitted& event) {
    append(Json{{"schema", schema},
                {"seq", ++sequence_},
                {"event", "task_committed"},
                {"task", event.task.hex()},
                {"name", event.name},
                {"attempt", event.attempt},
                {"worker", event.worker},
                {"bytes", event.bytes},
                {"file_crc", event.crc},
                {"seconds", event.seconds},
                {"resumed", event.resumed},
                {"adopted", event.adopted}}
               .dump());
}

void Journal::write(const TaskGivenUp& event) {
    append(Json{{"schema", schema},
                {"seq", ++sequence_},
                {"event", "task_given_up"},
                {"task", event.task.hex()},
                {"name", event.name},
                {"reason", event.reason},
                {"strikes", event.strikes}}
               .dump());
}

void Journal::write(const StageEnded& event) {
    append(Json{{"schema", schema},
                {"seq", ++sequence_},
                {"event", "stage_ended"},
                {"stage", event.stage},
                {"seconds", event.seconds}}
               .dump());
}

void Journal::flush() {
    std::string_view rest = pending_;
    if (rest.empty()) return;
    while (!rest.empty()) {
        const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            throw SystemError(
                errno_message(fmt::format("cannot write '{}'", path_.string()), errno));
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fdatasync(file_.get()) != 0) {
        throw SystemError(errno_message(fmt::format("cannot sync '{}'", path_.string()), errno));
    }
    pending_.clear();
}

}  // namespace ratiofarm
