#include "study_books.hpp"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"

#include "campaign/search/search_space.hpp"
#include "core/publish.hpp"
#include "store/journal_line.hpp"

namespace ratiofarm {
namespace {

/// A request that changed the books.
struct Answered {
    std::string client;
    std::string request;
    std::string answer;
};

template <class Line>
void fields(Line& line, MemberOf<Line, Answered>& event) {
    line("client", event.client);
    line("request", event.request);
    line("answer", event.answer);
}

template <class Line>
void fields(Line& line, MemberOf<Line, Study::Lease>& event) {
    line("trial", event.trial);
    line("attempt", event.attempt);
}

template <class Event>
std::string study_line(const char* name, std::uint64_t sequence, const Event& event) {
    LineWriter line(name, sequence);
    fields(line, event);
    return line.finish();
}

/// How many trials an answer gave out; 0 for those to other requests.
std::uint64_t trials_given(const std::string& answer) {
    const auto object = parse_foreign_json(answer);
    const auto trials = object.find("trials");
    return trials == object.end() ? 0 : trials->size();
}

}  // namespace

StudyBooks::StudyBooks(StudySection section, const std::filesystem::path& journal, Open open)
    : study_(std::move(section)) {
    std::size_t begin = 0;
    if (std::filesystem::exists(journal)) {
        const std::string text = read_text(journal);
        for (std::size_t end = text.find('\n'); end != std::string::npos;
             end = text.find('\n', begin)) {
            repeat(std::string_view(text).substr(begin, end - begin), journal);
            begin = end + 1;
        }
    }
    if (open == Open::to_write) file_.emplace(journal, begin);
}

/// The study is told a line again.
void StudyBooks::repeat(std::string_view text, const std::filesystem::path& journal) {
    ++lines_;
    const std::string place = fmt::format("'{}', line {}", journal.string(), lines_);
    const auto line = LineReader::open(text);
    if (!line) {
        throw DataError(place +
                        " is damaged, and what follows depends on it; put back a sound copy of the "
                        "file, or begin the study again with another --out");
    }
    std::uint64_t sequence = 0;
    (*line)("seq", sequence);
    if (sequence != lines_) {
        throw DataError(
            fmt::format("{} has the number {}: lines are missing, twice or in another "
                        "order, and what follows depends on them; put back a sound "
                        "copy of the file, or begin the study again with another --out",
                        place, sequence));
    }
    if (line->event() == "lost") {
        Study::Lease lease;
        fields(*line, lease);
        if (study_.lose(lease)) return;
        throw DataError(fmt::format("{}: trial {} is lost, which nobody had", place, lease.trial));
    }
    Answered event;
    fields(*line, event);
    const Study::Answer answer =
        study_.answer(event.client, event.request, trials_given(event.answer));
    if (answer.changed && answer.text == event.answer) return;
    throw DataError(fmt::format(
        "{}: the answer to {} was {}, and now it would be {}: the study file was changed (trials "
        "and cost_limit may be raised, and target made harder to reach), or another version wrote "
        "the line. Put the file back as it was, or begin the study again with another --out",
        place, event.request, event.answer, answer.text));
}

Study::Answer StudyBooks::answer(const std::string& client,
                                 const std::string& request,
                                 std::uint64_t most_trials) {
    Study::Answer answer = study_.answer(client, request, most_trials);
    if (answer.changed) {
        file_->append(study_line("answered", ++lines_, Answered{client, request, answer.text}));
    }
    return answer;
}

bool StudyBooks::lose(const Study::Lease& lease) {
    const bool was_out = study_.lose(lease);
    if (was_out) file_->append(study_line("lost", ++lines_, lease));
    return was_out;
}

void StudyBooks::flush() { file_->flush(); }

}  // namespace ratiofarm
