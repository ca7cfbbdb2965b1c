#include "run_directory_check.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include <sys/stat.h>

#include <fmt/format.h>

#include "ratiofarm/tables/verify.hpp"

#include "campaign/ensemble_spec.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "measurement/toys_runner.hpp"
#include "protocol/task_file.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"

#include "blinding.hpp"
#include "found_campaign.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Runs a reader and turns what it throws into a problem.
std::vector<std::string> problems_of(const auto& reader) {
    try {
        reader();
        return {};
    } catch (const Error& error) {
        return {error.what()};
    }
}

/// Decodes the body too: the checksum of a task file does not cover the kind in its header.
/// \throws DataError unless the file is one of these kinds
template <class First, class... Others>
void expect_task_file(const fs::path& path, const Digest& task) {
    if constexpr (sizeof...(Others) > 0) {
        if (!task_file_is_complete(path, task_file_kind<First>(), task)) {
            return expect_task_file<Others...>(path, task);
        }
    }
    read_task_file<First>(path, task);
}

void check_result(const fs::path& path, const JournalState& journal) {
    const Digest task = Digest::from_hex(path.stem().string());
    const auto known = journal.committed.find(task);
    if (known != journal.committed.end() && known->second.result.crc != crc32(read_file(path))) {
        throw DataError("checksum differs from the journal's");
    }
    expect_task_file<ToyBlock, RatioBlock, ScoreBlock, UnfoldResult, TrainingResult>(path, task);
}

/// The state of a running task, of either generation.
void check_state(const fs::path& path) {
    const std::string name = path.filename();
    const Digest task = Digest::from_hex(name.substr(0, name.find('.')));
    expect_task_file<ToyBlock, TrainingState>(path, task);
}

void check_journal(const fs::path& path) {
    const std::uint64_t damaged = read_journal(path).damaged_lines;
    if (damaged == 0) return;
    throw DataError(fmt::format("{} damaged line{}, skipped; the next 'ratiofarm run' removes {}",
                                damaged, damaged == 1 ? "" : "s", damaged == 1 ? "it" : "them"));
}

CheckedFile check_table(const fs::path& path) {
    CheckedFile checked{.file = {}, .problems = verify_file(path), .datasets = {}};
    if (checked.problems.empty()) checked.datasets = dataset_digests(path);
    return checked;
}

bool is_sealed_product(const fs::path& path, const RunDirectory& directory) {
    const std::array products{
        directory.gof_json(),          directory.fit_json(),          directory.report(),
        directory.toys_json(),         directory.submit_script(),     directory.nets(),
        directory.search_json(),       directory.searched_campaign(), directory.selection_json(),
        directory.selected_campaign(), directory.unfold_json()};
    return std::find(products.begin(), products.end(), path) != products.end();
}

CheckedFile check_once(const fs::path& path,
                       const RunDirectory& directory,
                       const JournalState& journal) {
    const auto checked = [](const auto& reader) {
        return CheckedFile{.file = {}, .problems = problems_of(reader), .datasets = {}};
    };
    const std::string extension = path.extension();
    if (extension == ".h5") return check_table(path);
    if (extension == ".ckpt") return checked([&] { check_result(path, journal); });
    if (extension == ".state" || extension == ".old") return checked([&] { check_state(path); });
    if (extension == ".jsonl") return checked([&] { check_journal(path); });
    if (path == directory.search_csv()) return {};  // for people
    if (path.parent_path() == directory.steering()) {
        const std::string stem = path.stem();
        const bool answer = stem.find_first_not_of("0123456789") == std::string::npos;
        return answer ? checked([&] { read_sealed(path); }) : CheckedFile{};
    }
    if (path == directory.campaign()) return checked([&] { copied_campaign(directory); });
    if (path == directory.unblinding()) return checked([&] { read_unblindings(directory); });
    if (is_sealed_product(path, directory)) return checked([&] { read_sealed(path); });
    if (path.filename().string().starts_with("progress")) return {};  // nothing depends on it
    if (path.filename().string().starts_with("lock")) {
        return checked([&] { expect_whole_lock(path); });
    }
    return {.file = {}, .known = false, .problems = {}, .datasets = {}};
}

/// Which content a path holds at the moment; nothing if it is gone.
std::optional<std::array<std::int64_t, 4>> content_now(const fs::path& path) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return std::array<std::int64_t, 4>{static_cast<std::int64_t>(status.st_ino), status.st_size,
                                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

/// A problem counts if it is there a second time, with what the journals say by now, and the file
/// stood still meanwhile. Nothing for a file that is gone.
std::optional<CheckedFile> check_file(const fs::path& path,
                                      const RunDirectory& directory,
                                      JournalState& journal) {
    constexpr int most_looks = 20;
    for (int look = 1;; ++look) {
        const auto before = content_now(path);
        if (!before) return std::nullopt;
        CheckedFile checked = check_once(path, directory, journal);
        if (checked.problems.empty()) return checked;
        const auto after = content_now(path);
        if (!after) return std::nullopt;
        if (look == most_looks || (look > 1 && after == before)) return checked;
        journal = read_journals(directory);
    }
}

/// Regular files that are not being written, without pictures; folders may vanish meanwhile.
std::vector<fs::path> files_of(const RunDirectory& directory) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(directory.root(), error), end; entry != end;
         entry.increment(error)) {
        const std::string extension = entry->path().extension();
        if (extension == ".partial" || extension == ".stale") continue;
        if (entry->path().parent_path() == directory.plots()) continue;
        std::error_code gone;
        if (entry->is_regular_file(gone)) files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// Results of chains that should stay, of those that were done.
void add_missing_of_chains(const RunDirectory& directory,
                           const UnfoldingSection& section,
                           const JournalState& journal,
                           std::vector<std::string>& missing) {
    for (const UnfoldName& task : unfold_names(section)) {
        const auto known = journal.latest.find(task.name);
        if (!task.kept || known == journal.latest.end()) continue;
        const fs::path path = directory.result(known->second);
        if (fs::exists(path)) continue;
        missing.push_back(
            fmt::format("{} of {}", path.lexically_relative(directory.root()).string(), task.name));
    }
    const bool one = fs::exists(directory.unfolded()) || fs::exists(directory.unfold_json());
    for (const fs::path& path : {directory.unfolded(), directory.unfold_json()}) {
        if (one && !fs::exists(path)) missing.push_back(path.filename().string());
    }
}

}  // namespace

std::vector<CheckedFile> check_run_directory(const RunDirectory& directory) {
    JournalState journal = read_journals(directory);
    std::vector<CheckedFile> all;
    for (const fs::path& path : files_of(directory)) {
        auto checked = check_file(path, directory, journal);
        if (!checked) continue;
        checked->file = fs::relative(path, directory.root()).string();
        all.push_back(std::move(*checked));
    }
    return all;
}

std::vector<std::string> check_product(const RunDirectory& directory, const fs::path& path) {
    return check_once(path, directory, JournalState{}).problems;
}

std::vector<std::string> missing_files(const RunDirectory& directory) {
    std::vector<std::string> missing;
    const JournalState journal = read_journals(directory);
    for (const auto& [name, task] : journal.latest) {
        const TaskKind kind = journal.committed.at(task).identity.kind;
        const fs::path path = directory.result(task);
        if (kind != TaskKind::training && kind != TaskKind::preselection) continue;
        if (fs::exists(path)) continue;
        missing.push_back(
            fmt::format("{} of {}", path.lexically_relative(directory.root()).string(), name));
    }
    if (!fs::exists(directory.campaign())) return missing;
    const Campaign campaign = find_campaign_of_run(directory).campaign;
    if (campaign.unfolding) {
        add_missing_of_chains(directory, *campaign.unfolding, journal, missing);
    }
    std::sort(missing.begin(), missing.end());
    if (!fs::exists(directory.ratios()) || !campaign.has_events()) return missing;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        const fs::path path = directory.ensemble(spec.name);
        if (fs::exists(path)) continue;
        missing.push_back(path.lexically_relative(directory.root()).string());
    }
    return missing;
}

}  // namespace ratiofarm
