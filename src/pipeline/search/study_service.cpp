#include "study_service.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "campaign/file/table_reader.hpp"
#include "core/publish.hpp"
#include "core/screen.hpp"
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

constexpr std::string_view over_text = "the study is over\n";

constexpr std::uintmax_t most_bytes = 1'000'000;
constexpr std::string_view too_large =
    R"({"seq":null,"error":"a request has at most 1000000 bytes"})";

/// A request as it lies in the folder.
struct RequestFile {
    fs::path path;
    std::string client;
    std::optional<std::string> text;  ///< none if it is too large
};

/// "host-17.3.json": the client is what comes before the last part of the name.
std::string client_of(const fs::path& path) { return path.stem().stem().string(); }

/// The requests in the folder.
class RequestFolder {
public:
    RequestFolder(fs::path folder, const Log& log) : folder_(std::move(folder)), log_(log) {}

    /// By name.
    std::vector<RequestFile> read() {
        std::vector<RequestFile> requests;
        std::error_code error;
        for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
             entry.increment(error)) {
            const fs::path path = entry->path();
            if (path.extension() != ".json") continue;  // not whole yet
            if (auto request = read_one(path)) requests.push_back(std::move(*request));
        }
        if (error) {
            throw SystemError(fmt::format("cannot read '{}'", folder_.string()), error.value());
        }
        std::ranges::sort(requests, {}, &RequestFile::path);
        return requests;
    }

private:
    std::optional<RequestFile> read_one(const fs::path& path) {
        std::error_code unknown;
        if (!is_plain_name(path.filename().string())) {
            log_.warning("a request is removed: its name is no CLIENT.NAME.json",
                         {{"file", path.string()}});
            fs::remove(path, unknown);
            return std::nullopt;
        }
        const auto bytes = fs::file_size(path, unknown);
        if (!unknown && bytes > most_bytes) return RequestFile{path, client_of(path), {}};
        try {
            return RequestFile{path, client_of(path), read_text(path)};
        } catch (const Error& problem) {
            // One that its client took back is gone; of another one its client should hear.
            if (fs::exists(path, unknown) && unreadable_.insert(path).second) {
                log_.warning("a request has no answer: it cannot be read",
                             {{"file", path.string()}, {"why", problem.what()}});
            }
            return std::nullopt;
        }
    }

    fs::path folder_;
    const Log& log_;
    std::set<fs::path> unreadable_;  ///< told once
};

class StudyService {
public:
    StudyService(const StudySection& section,
                 const StudyFolder& folder,
                 const ServiceOptions& options,
                 bool was_over,
                 const Log& log)
        : folder_(folder),
          log_(log),
          left_over_(was_over),
          requests_(folder.requests(), log_),
          books_(section, folder.journal(), StudyBooks::Open::to_write),
          lease_(std::chrono::duration_cast<Clock::duration>(
              std::chrono::duration<double>(section.lease_seconds))),
          poll_seconds_(options.poll_seconds) {
        if (options.socket) socket_.emplace(folder.socket());
    }

    const Study& study() const { return books_.study(); }

    /// By its books, or somebody has said so.
    bool is_over() const { return study().finished() || fs::exists(folder_.done()); }

    /// Until something may be there.
    void wait() {
        if (socket_) {
            socket_->wait(poll_seconds_);
        } else {
            std::this_thread::sleep_for(std::chrono::duration<double>(poll_seconds_));
        }
    }

    /// All requests that are there. What is answered is durable before.
    void answer_requests() {
        const std::vector<RequestFile> files = requests_.read();
        std::vector<std::string> answers;
        for (const RequestFile& request : files) {
            answers.push_back(request.text ? answer(request.client, *request.text)
                                           : std::string(too_large));
        }
        left_over_ = false;
        std::vector<std::pair<int, std::string>> spoken;
        if (socket_) {
            for (const SocketRequest& request : socket_->take()) {
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
        for (const auto& [connection, text] : spoken) socket_->reply(connection, text);
    }

private:
    std::string answer(const std::string& client, const std::string& request) {
        if (client.empty()) {
            return R"({"error":"a connection begins with {\"hello\": 1, \"client\": \"NAME\"}"})";
        }
        const Study::Answer answer =
            books_.answer(client, request, left_over_ ? 0 : Study::most_asked);
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
    bool left_over_;  ///< who asked before the study was over has gone: it shall ask again
    RequestFolder requests_;
    StudyBooks books_;
    Clock::duration lease_;
    double poll_seconds_;
    std::optional<StudySocket> socket_;
    std::map<Study::Lease, Clock::time_point> until_;
};

void make_folders(const StudyFolder& folder) {
    for (const fs::path& path : {folder.requests(), folder.answers()}) {
        std::error_code error;
        fs::create_directories(path, error);
        if (error) {
            throw SystemError(fmt::format("cannot make '{}'", path.string()), error.value());
        }
    }
}

/// Trainers that begin now would take the study as over, so DONE goes before the books are read; it
/// comes back if they cannot be opened.
std::unique_ptr<StudyService> open_study(const StudySection& section,
                                         const StudyFolder& folder,
                                         const ServiceOptions& options,
                                         const Log& log) {
    std::error_code none;
    const bool was_over = fs::remove(folder.done(), none);
    try {
        return std::make_unique<StudyService>(section, folder, options, was_over, log);
    } catch (const Error&) {
        if (was_over) publish(folder.done(), over_text);
        throw;
    }
}

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
    make_folders(folder);
    const Lock lock(folder.lock(), log);
    const auto service = open_study(section, folder, options, log);
    log.info("the study is open", {{"folder", folder.root.string()},
                                   {"trials", std::uint64_t{service->study().trials().size()}},
                                   {"out", std::uint64_t{service->study().leases().size()}}});
    while (true) {
        lock.expect_held();
        service->answer_requests();
        if (service->is_over() || signal_request() == SignalRequest::stop) break;
        service->wait();
    }
    const bool over = service->is_over();
    show(publish_study(service->study(), folder));
    if (!over) {
        log.info("stopped; run the same command again to go on");
        return ExitCode::resumable;
    }
    if (const std::size_t untried = service->study().untried(); untried > 0) {
        log.warning("given points were not tried: the study is over",
                    {{"points", std::uint64_t{untried}}});
    }
    publish(folder.done(), over_text);
    return ExitCode::done;
}

}  // namespace ratiofarm
