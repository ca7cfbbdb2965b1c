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

#include "core/json_text.hpp"
#include "core/process.hpp"
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

bool stop_is_asked() { return signal_request() == SignalRequest::stop; }

std::string question_digest(const std::string& question) {
    return Hasher().text(question).finish().hex();
}

/// Whether the program lives as long as the search.
bool answers_lines(const SearchSection& search) {
    return search.command.find("%OUT") == std::string::npos;
}

std::size_t points_asked(const SearchSection& search, std::size_t points) {
    return std::min<std::size_t>(search.generation, search.trials - points);
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
        start(question, told.size());
        return std::nullopt;
    }
    const Outcome outcome = program_.get();
    if (outcome.given_up && stop_is_asked()) return std::nullopt;
    if (!outcome.failure.empty()) refuse_program(search.command, outcome.failure);
    SteeringAnswer answer;
    try {
        answer.points = parse_points(search, outcome.answer);
    } catch (const Error& problem) {
        refuse_program(search.command, std::string("its answer ") + problem.what());
    }
    const std::size_t most = points_asked(search, told.size());
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
        constexpr int deepest = 8;
        const Json record = parse_json<Json>(read_sealed(path), deepest);
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

std::string Steering::command(const std::string& in, const std::string& out) const {
    const SearchSection& search = *campaign_.search;
    std::string text = with_replaced(search.command, "%MAX_POINTS", std::to_string(search.trials));
    text = with_replaced(text, "%NUM_POINTS", std::to_string(search.generation));
    return with_replaced(with_replaced(text, "%IN", in), "%OUT", out);
}

/// The program runs beside the farm.
void Steering::start(const std::string& question, std::size_t points) {
    const SearchSection& search = *campaign_.search;
    const bool by_lines = answers_lines(search);
    publish(directory_.steering() / "in.json", question);
    fs::remove(directory_.steering() / "out.json");
    Json line = Json::parse(question);
    line["max_points"] = search.trials;
    line["num_points"] = points_asked(search, points);
    program_ = std::async(std::launch::async, [this, by_lines, line = line.dump()] {
        using Clock = std::chrono::steady_clock;
        const double seconds = campaign_.search->timeout_seconds;
        const auto last = Clock::now() + std::chrono::duration<double>(seconds);
        const auto give_up = [&] { return stop_is_asked() || abandoned_ || Clock::now() > last; };
        Outcome outcome = by_lines ? this->by_lines(line, give_up) : by_files(give_up);
        if (outcome.given_up) {
            outcome.failure = fmt::format("was ended after search.timeout_seconds = {:g}", seconds);
        }
        return outcome;
    });
}

Steering::Outcome Steering::by_files(const std::function<bool()>& give_up) const {
    const fs::path out = directory_.steering() / "out.json";
    const std::string words =
        command(shell_word(directory_.steering() / "in.json"), shell_word(out));
    const auto end = run_process({.words = {"/bin/sh", "-c", words},
                                  .output = Output::discarded,
                                  .errors = Output::captured,
                                  .input = false,
                                  .give_up = give_up});
    if (!end) return {{}, "cannot be started: there is no /bin/sh"};
    if (end->given_up) return {{}, {}, true};
    if (end->signal != 0) return {{}, fmt::format("was ended by signal {}", end->signal)};
    if (end->code != 0) {
        return {{}, fmt::format("ended with exit code {} ({})", end->code, last_line(end->errors))};
    }
    if (!fs::exists(out)) return {{}, "wrote no file %OUT"};
    return {read_text(out), {}};
}

/// A program that was killed, or ends after each answer, is as good as one that lives: of one that
/// has answered before, the first failure is another start.
Steering::Outcome Steering::by_lines(const std::string& question,
                                     const std::function<bool()>& give_up) {
    for (bool has_answered = lines_ != nullptr;; has_answered = false) {
        if (!lines_) lines_ = std::make_unique<LineProgram>(command({}, {}));
        auto answer = lines_->ask(question, give_up);
        if (answer.given_up || !answer.failure.empty()) lines_.reset();
        if (answer.given_up) return {{}, {}, true};
        if (answer.failure.empty()) return {std::move(answer.line), {}};
        if (!has_answered) return {{}, std::move(answer.failure)};
    }
}

}  // namespace ratiofarm
