#include "study_service.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "campaign/file/table_reader.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "core/signal_flags.hpp"
#include "report/report_html.hpp"
#include "results/study_record.hpp"
#include "store/lock.hpp"

#include "study_socket.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A request as it lies in the folder.
struct RequestFile {
    fs::path path;
    std::string client;
    std::string text;
};

/// "host-17.3.json": the client is what comes before the last part of the name.
std::string client_of(const fs::path& path) { return path.stem().stem().string(); }

std::vector<RequestFile> read_requests(const StudyFolder& folder, const Log& log) {
    constexpr std::uintmax_t most_bytes = 1'000'000;
    std::vector<RequestFile> requests;
    std::error_code error;
    for (fs::directory_iterator entry(folder.requests(), error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path path = entry->path();
        if (path.extension() != ".json") continue;  // not whole yet
        std::error_code gone;
        const bool good =
            is_plain_name(path.filename().string()) && fs::file_size(path, gone) <= most_bytes;
        if (gone) continue;
        if (!good) {
            log.warning("a request is removed: its name is no CLIENT.NAME.json, or it is too large",
                        {{"file", path.string()}});
            fs::remove(path, gone);
            continue;
        }
        try {
            requests.push_back({path, client_of(path), read_text(path)});
        } catch (const DataError&) {
            // Another look will find it, or its client took it back.
        }
    }
    if (error) {
        throw SystemError(fmt::format("cannot read '{}'", folder.requests().string()),
                          error.value());
    }
    std::ranges::sort(requests, {}, &RequestFile::path);
    return requests;
}

class StudyService {
public:
    StudyService(const StudySection& section, const StudyFolder& folder, const Log& log)
        : folder_(folder),
          log_(log),
          books_(section, folder.journal(), StudyBooks::Open::to_write),
          lease_(std::chrono::duration_cast<Clock::duration>(
              std::chrono::duration<double>(section.lease_seconds))) {}

    const Study& study() const { return books_.study(); }

    /// All requests that are there. What is answered is durable before.
    void answer_requests(StudySocket* socket) {
        const std::vector<RequestFile> files = read_requests(folder_, log_);
        std::vector<std::string> answers;
        for (const RequestFile& request : files) {
            answers.push_back(answer(request.client, request.text));
        }
        std::vector<std::pair<int, std::string>> spoken;
        if (socket != nullptr) {
            for (const SocketRequest& request : socket->take()) {
                spoken.emplace_back(request.connection, answer(request.client, request.text));
            }
        }
        lose_silent();
        books_.flush();
        for (std::size_t i = 0; i < files.size(); ++i) {
            publish(folder_.answers() / files[i].path.filename(), answers[i] + "\n");
            std::error_code gone;
            fs::remove(files[i].path, gone);
        }
        for (const auto& [connection, text] : spoken) socket->reply(connection, text);
    }

private:
    std::string answer(const std::string& client, const std::string& request) {
        if (client.empty()) {
            return R"({"error":"a connection begins with {\"hello\": 1, \"client\": \"NAME\"}"})";
        }
        const Study::Answer answer = books_.answer(client, request);
        if (answer.alive) until_[*answer.alive] = Clock::now() + lease_;
        log_.debug("answered", {{"client", client}, {"request", request}, {"answer", answer.text}});
        return answer.text;
    }

    /// Those who are there were heard first, also after a time in which nobody listened.
    void lose_silent() {
        const auto now = Clock::now();
        std::map<Study::Lease, Clock::time_point> until;
        for (const Study::Lease& lease : study().leases()) {
            const auto known = until_.find(lease);
            const auto end = known == until_.end() ? now + lease_ : known->second;
            if (now < end) {
                until.emplace(lease, end);
                continue;
            }
            log_.warning("a trial was lost: nobody was heard of it for lease_seconds",
                         {{"trial", std::uint64_t{lease.trial}},
                          {"attempt", std::uint64_t{lease.attempt}},
                          {"client", study().trials()[lease.trial].client}});
            books_.lose(lease);
        }
        until_ = std::move(until);
    }

    StudyFolder folder_;
    Log log_;
    StudyBooks books_;
    Clock::duration lease_;
    std::map<Study::Lease, Clock::time_point> until_;
};

}  // namespace

std::string publish_study(const Study& study, const StudyFolder& folder) {
    const auto record = study_record(study);
    publish_sealed(folder.json(), study_json(study, record));
    if (!record) return "study       no trial has ended a rung yet\n";
    publish(folder.csv(), search_csv(*record));
    publish_sealed(folder.report(), study_html(study.section().name, *record, Plotter()));
    return search_text(*record);
}

ExitCode serve_study(const StudySection& section,
                     const StudyFolder& folder,
                     const ServiceOptions& options,
                     const Log& log) {
    for (const fs::path& path : {folder.requests(), folder.answers()}) {
        std::error_code error;
        fs::create_directories(path, error);
        if (error) {
            throw SystemError(fmt::format("cannot make '{}'", path.string()), error.value());
        }
    }
    const Lock lock(folder.lock(), log);
    StudyService service(section, folder, log);
    std::optional<StudySocket> socket;
    if (options.socket) socket.emplace(folder.socket());
    std::error_code none;
    fs::remove(folder.done(), none);
    log.info("the study is open", {{"folder", folder.root.string()},
                                   {"trials", std::uint64_t{service.study().trials().size()}},
                                   {"out", std::uint64_t{service.study().leases().size()}}});
    const auto stopped = [] { return signal_request() == SignalRequest::stop; };
    const std::chrono::duration<double> poll(options.poll_seconds);
    while (true) {
        lock.expect_held();
        service.answer_requests(socket ? &*socket : nullptr);
        if (service.study().finished() || fs::exists(folder.done()) || stopped()) break;
        if (socket) {
            socket->wait(options.poll_seconds);
        } else {
            std::this_thread::sleep_for(poll);
        }
    }
    const bool over = service.study().finished() || fs::exists(folder.done());
    fmt::print("{}", publish_study(service.study(), folder));
    if (!over) {
        log.info("stopped; run the same command again to go on");
        return ExitCode::resumable;
    }
    publish(folder.done(), std::string_view("the study is over\n"));
    return ExitCode::done;
}

}  // namespace ratiofarm
