#include "run_directory.hpp"

#include <algorithm>

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

}  // namespace

std::filesystem::path RunDirectory::journal(const Shard& shard) const {
    return shard.whole() ? journal() : root_ / ("journal." + shard.name() + ".jsonl");
}

std::filesystem::path RunDirectory::lock(const Shard& shard) const {
    return shard.whole() ? lock() : root_ / ("lock." + shard.name());
}

std::vector<std::filesystem::path> RunDirectory::shard_journals() const {
    return files_named(root_, "journal.shard-");
}

std::vector<std::filesystem::path> RunDirectory::shard_locks() const {
    return files_named(root_, "lock.shard-");
}

std::filesystem::path RunDirectory::result(const Digest& task) const {
    const std::string hex = task.hex();
    return tasks() / hex.substr(0, 2) / (hex + ".ckpt");
}

std::filesystem::path RunDirectory::state(const Digest& task) const {
    const std::string hex = task.hex();
    return tasks() / hex.substr(0, 2) / (hex + ".state");
}

}  // namespace ratiofarm
