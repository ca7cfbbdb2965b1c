#include "run_directory.hpp"

#include <algorithm>
#include <string>

namespace ratiofarm {
namespace {

std::vector<std::filesystem::path> files_named(const std::filesystem::path& folder,
                                               const std::string& begin) {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(begin) && !name.ends_with(".partial")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::filesystem::path> joined(std::vector<std::filesystem::path> first,
                                          const std::vector<std::filesystem::path>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

std::filesystem::path RunDirectory::journal(const Shard& shard) const {
    return shard.whole() ? journal() : root_ / ("journal." + shard.name() + ".jsonl");
}

std::filesystem::path RunDirectory::lock(const Shard& shard) const {
    return shard.whole() ? lock() : root_ / ("lock." + shard.name());
}

std::vector<std::filesystem::path> RunDirectory::other_journals() const {
    return joined(files_named(root_, "journal.job-"), files_named(root_, "journal.shard-"));
}

std::vector<std::filesystem::path> RunDirectory::other_locks() const {
    return joined(job_locks(), files_named(root_, "lock.shard-"));
}

std::vector<std::filesystem::path> RunDirectory::job_locks() const {
    return files_named(root_, "lock.job-");
}

std::filesystem::path RunDirectory::result(const Digest& task) const {
    const std::string hex = task.hex();
    return tasks() / hex.substr(0, 2) / (hex + ".ckpt");
}

std::filesystem::path RunDirectory::state(const Digest& task, std::uint64_t attempt) const {
    const std::string hex = task.hex();
    const std::string name = attempt == 1 ? hex : hex + '.' + std::to_string(attempt);
    return tasks() / hex.substr(0, 2) / (name + ".state");
}

}  // namespace ratiofarm
