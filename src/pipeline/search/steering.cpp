#include "steering.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "core/signal_flags.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int answer_schema = 1;

/// A path as a word of the shell.
std::string shell_word(const fs::path& path) {
    const std::string text = path.string();
    const bool plain = std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("/._+-").find(c) != std::string_view::npos;
    });
    if (plain) return text;
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string with_replaced(std::string text, std::string_view word, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += by.size()) {
        text.replace(at, word.size(), by);
    }
    return text;
}

/// What a program said last.
std::string last_line(const std::string& text) {
    const std::size_t end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos) return "it printed nothing";
    const std::size_t before = text.find_last_of('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    constexpr std::size_t most = 300;
    return text.substr(begin, std::min(end + 1 - begin, most));
}

bool stop_is_asked() { return signal_request() == SignalRequest::stop; }

std::string question_digest(const std::string& question) {
    return Hasher().text(question).finish().hex();
}

[[noreturn]] void refuse_program(const std::string& command, const std::string& why) {
    throw DataError("search.command = \"" + command + "\": " + why +
                    "; what was trained is kept: run the same command again once it is mended");
}

}  // namespace

std::string steering_question(const SearchSection& search, std::span<const ToldTrial> told) {
    Json points = Json::array();
    for (const ToldTrial& trial : told) {
        const bool has_loss = trial.rungs > 0 && std::isfinite(trial.objective);
        points.push_back({point_json(trial.setting), has_loss ? Json(trial.objective) : Json()});
    }
    return Json{{"points", std::move(points)}, {"opt_space", space_json(search)}}.dump() + "\n";
}

Steering::~Steering() { abandoned_ = true; }

bool Steering::has_ended() const {
    return program_.valid() &&
           program_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

std::optional<SteeringAnswer> Steering::ask(std::span<const ToldTrial> told) {
    if (running() || stop_is_asked()) return std::nullopt;
    const SearchSection& search = *campaign_.search;
    const std::string question = steering_question(search, told);
    if (!program_.valid()) {
        if (auto answer = known(question, told.size())) return answer;
        publish(directory_.steering() / "in.json", question);
        fs::remove(directory_.steering() / "out.json");
        start();
        return std::nullopt;
    }
    if (!ended_by_itself(program_.get())) return std::nullopt;
    SteeringAnswer answer;
    try {
        answer.points = parse_points(search, read_text(directory_.steering() / "out.json"));
    } catch (const Error& problem) {
        refuse_program(search.command, std::string("its answer ") + problem.what());
    }
    const std::size_t most = std::min<std::size_t>(search.generation, search.trials - told.size());
    if (answer.points.size() > most) {
        answer.dropped = answer.points.size() - most;
        log_.warning("points of the external sampler are dropped: more than asked for",
                     {{"asked", std::uint64_t{most}}, {"dropped", answer.dropped}});
        answer.points.resize(most);
    }
    Json points = Json::array();
    for (const SearchSetting& point : answer.points) points.push_back(point_json(point));
    const Json record{{"schema", answer_schema},
                      {"question", question_digest(question)},
                      {"points", std::move(points)},
                      {"dropped", answer.dropped}};
    publish_sealed(directory_.steering_answer(told.size()), record.dump(2) + "\n");
    log_.info("points of the external sampler", {{"trials", std::uint64_t{told.size()}},
                                                 {"points", std::uint64_t{answer.points.size()}}});
    return answer;
}

/// A damaged record is as good as none: the program is asked again.
std::optional<SteeringAnswer> Steering::known(const std::string& question,
                                              std::size_t points) const {
    const fs::path path = directory_.steering_answer(points);
    if (!fs::exists(path)) return std::nullopt;
    try {
        const Json record = Json::parse(read_sealed(path));
        if (record.at("schema") != answer_schema ||
            record.at("question") != question_digest(question)) {
            return std::nullopt;
        }
        return SteeringAnswer{parse_points(*campaign_.search, record.at("points").dump()),
                              record.at("dropped").get<std::uint64_t>()};
    } catch (const Json::exception& problem) {
        log_.warning("an answer of the external sampler is asked for again",
                     {{"why", problem.what()}});
    } catch (const Error& problem) {
        log_.warning("an answer of the external sampler is asked for again",
                     {{"why", problem.what()}});
    }
    return std::nullopt;
}

/// The program runs beside the farm.
void Steering::start() {
    const SearchSection& search = *campaign_.search;
    std::string command =
        with_replaced(search.command, "%MAX_POINTS", std::to_string(search.trials));
    command = with_replaced(command, "%NUM_POINTS", std::to_string(search.generation));
    command = with_replaced(command, "%IN", shell_word(directory_.steering() / "in.json"));
    command = with_replaced(command, "%OUT", shell_word(directory_.steering() / "out.json"));
    program_ = std::async(std::launch::async, [this, command, seconds = search.timeout_seconds] {
        using Clock = std::chrono::steady_clock;
        const auto last = Clock::now() + std::chrono::duration<double>(seconds);
        return run_process(
            {.words = {"/bin/sh", "-c", command},
             .output = Output::discarded,
             .errors = Output::captured,
             .input = false,
             .give_up = [&] { return stop_is_asked() || abandoned_ || Clock::now() > last; }});
    });
}

/// \return false if it was ended because the job stops
bool Steering::ended_by_itself(const std::optional<ProcessEnd>& end) const {
    const SearchSection& search = *campaign_.search;
    if (!end) refuse_program(search.command, "cannot be started: there is no /bin/sh");
    if (end->given_up && stop_is_asked()) return false;
    if (end->given_up) {
        refuse_program(search.command, fmt::format("was ended after search.timeout_seconds = {:g}",
                                                   search.timeout_seconds));
    }
    if (end->signal != 0) {
        refuse_program(search.command, fmt::format("was ended by signal {}", end->signal));
    }
    if (end->code != 0) {
        refuse_program(search.command, fmt::format("ended with exit code {} ({})", end->code,
                                                   last_line(end->errors)));
    }
    if (!fs::exists(directory_.steering() / "out.json")) {
        refuse_program(search.command, "wrote no file %OUT");
    }
    return true;
}

}  // namespace ratiofarm
