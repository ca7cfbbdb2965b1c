#include "other_farms.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <string_view>

#include <fcntl.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/unique_fd.hpp"
#include "store/farm_progress.hpp"
#include "store/lock.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& lock, const LockOwner& owner, std::string_view why) {
    throw ConfigError(fmt::format("'{}' is held by a farm on host {}, pid {}{}: {}", lock.string(),
                                  owner.host, owner.pid,
                                  owner.job.empty() ? "" : ", job " + owner.job, why));
}

/// Whether a job that joined holds the lock of everything: it does what follows the trainings.
bool is_of_a_job(const RunDirectory& directory, const LockOwner& owner) {
    return std::ranges::any_of(directory.job_locks(), [&](const fs::path& path) {
        const auto job = living_owner(path);
        return job && job->host == owner.host && job->pid == owner.pid;
    });
}

std::string job_of(const fs::path& lock) {
    return lock.filename().string().substr(std::string_view("lock.job-").size());
}

/// Of a job that was killed: its name never comes again.
void remove_traces(const RunDirectory& directory, const fs::path& lock) {
    std::error_code gone;
    fs::remove(progress_file(directory.journal(Shard{.job = job_of(lock)})), gone);
    fs::remove(lock, gone);
}

}  // namespace

void expect_no_other_farm(const RunDirectory& directory, const Shard& shard) {
    const bool joins = !shard.job.empty();
    if (const auto owner = living_owner(directory.lock());
        owner && !shard.whole() && !(joins && is_of_a_job(directory, *owner))) {
        refuse(directory.lock(), *owner, "it works on all tasks; wait for it or end it");
    }
    const std::string same_cut = fmt::format("-of-{}", shard.count);
    for (const fs::path& path : directory.other_locks()) {
        const bool of_job = path.filename().string().starts_with("lock.job-");
        if (path == directory.lock(shard)) continue;
        const auto owner = living_owner(path);
        if (!owner && of_job) remove_traces(directory, path);
        if (!owner || (joins && of_job)) continue;
        if (joins) refuse(path, *owner, "it works on a shard; wait for all shards or end them");
        if (of_job) {
            refuse(path, *owner,
                   "wait for all jobs that joined or end them, or join them with --join; remove "
                   "this file if its host died");
        }
        if (shard.whole()) refuse(path, *owner, "wait for all shards or end them");
        if (!path.string().ends_with(same_cut)) {
            refuse(path, *owner, "it cut the tasks into another number of shards");
        }
    }
}

std::string new_job(const RunDirectory& directory) {
    const LockOwner self = this_owner();
    std::string base = self.job.empty() ? fmt::format("{}-{}", self.host, self.pid) : self.job;
    std::ranges::replace_if(
        base, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
    for (std::uint64_t n = 1;; ++n) {
        const std::string job = n == 1 ? base : fmt::format("{}-{}", base, n);
        const fs::path path = directory.journal(Shard{.job = job});
        const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        if (file) return job;
        if (errno != EEXIST) throw SystemError("cannot create '" + path.string() + "'", errno);
    }
}

void expect_same_work(const RunDirectory& directory,
                      const Shard& mine,
                      const FarmStarted& this_farm) {
    for (const fs::path& lock : directory.job_locks()) {
        const std::string job = job_of(lock);
        if (job == mine.job) continue;
        const auto owner = living_owner(lock);
        const auto farms = read_journal(directory.journal(Shard{.job = job})).farms;
        if (!owner || farms.empty()) continue;
        const FarmStarted& other = farms.back();
        const auto expect = [&](const char* what, const std::string& its, const std::string& ours) {
            if (its == ours) return;
            refuse(
                lock, *owner,
                fmt::format("its {} is {}, that of this job {}: jobs that join must agree in it, "
                            "so wait until it has ended, or give this one another --out",
                            what, its, ours));
        };
        expect("version", other.version, this_farm.version);
        expect("device", other.device, this_farm.device);
        expect("digest of the campaign's tasks", other.graph, this_farm.graph);
    }
}

}  // namespace ratiofarm
