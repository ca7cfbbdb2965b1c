#include "killed_attempts.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "farm_progress.hpp"

namespace ratiofarm {
namespace {

/// Seconds after it began when the last farm of a journal was last heard of.
double last_heard(const std::filesystem::path& path, const JournalState& journal) {
    const auto seen = read_progress(progress_file(path));
    return std::max(journal.last_at, seen ? seen->progress.seconds : 0.0);
}

}  // namespace

JournalState read_journal_with_running(const std::filesystem::path& path) {
    JournalState journal = read_journal(path);
    end_running(journal, last_heard(path, journal));
    return journal;
}

void end_killed_attempts(const std::filesystem::path& path, JournalState& own) {
    if (!own.running.empty()) {
        Journal journal(path, own);
        const double at = last_heard(path, own);
        for (const auto& [worker, began] : own.running) {
            journal.write(AttemptEnded{"killed", worker, std::max(at, began.at)});
        }
        journal.flush();
        own = read_journal(path);
    }
    std::error_code ignored;
    std::filesystem::remove(progress_file(path), ignored);
}

}  // namespace ratiofarm
