#include "other_farms.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include <fcntl.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/signal_flags.hpp"
#include "core/unique_fd.hpp"
#include "mpi/value_on_root.hpp"
#include "store/farm_progress.hpp"
#include "store/lock.hpp"

#include "root_books.hpp"
#include "stages.hpp"

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
                      const FarmStarted& this_farm,
                      const std::string& differences) {
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
        if (other.campaign != this_farm.campaign) {
            refuse(lock, *owner,
                   "its campaign is another than that of this job: jobs that join must agree in "
                   "all that decides a result, so wait until it has ended, or give this one "
                   "another --out" +
                       differences);
        }
        expect("digest of the campaign's tasks", other.graph, this_farm.graph);
    }
}

namespace {

/// Nobody depends on a single one.
void write_sign(const fs::path& sign, std::uint64_t number) {
    std::ofstream(sign) << this_owner().pid << ' ' << number;
}

/// Until asked to stop.
void give_signs(const std::stop_token& stop, const fs::path& sign, double lease) {
    std::mutex mutex;
    std::condition_variable_any asked;
    const std::chrono::duration<double> interval(sign_interval(lease));
    std::unique_lock lock(mutex);
    for (std::uint64_t n = 1; !stop.stop_requested(); ++n) {
        asked.wait_for(lock, stop, interval, [] { return false; });
        write_sign(sign, n);
    }
}

}  // namespace

Turn::Turn(const RunDirectory& directory, const Log& log, double lease)
    : lock_(directory.lock(), log, 0.0) {
    write_sign(directory.turn(), 0);
    signs_ = std::jthread([sign = directory.turn(), lease](const std::stop_token& stop) {
        give_signs(stop, sign, lease);
    });
}

Turn::~Turn() = default;

OthersWork::OthersWork(const RunPlace& place, const Log& log)
    : place_(place), log_(log), watch_(place.directory, place.farm.lease) {}

void OthersWork::worked() { since_ = Clock::now(); }

OthersWork::Next OthersWork::wait(const mpi::Communicator& world) {
    std::uint64_t next = 0;
    if (world.is_root()) {
        const auto lease = std::chrono::duration<double>(place_.farm.lease);
        std::this_thread::sleep_for(std::min(std::chrono::duration<double>(2.0), 0.1 * lease));
        const auto now = Clock::now();
        const auto& limit = place_.farm.stop_by;
        const bool told = signal_request() == SignalRequest::stop;
        const bool late = limit && now >= stop_time(*limit, 0.0, 1);
        if (now - since_ > 1.2 * lease) next = std::uint64_t(Next::leave);
        if (told || late) next = std::uint64_t(Next::stop);
    }
    mpi::barrier(world);
    return Next(mpi::value_on_root(world, next));
}

bool OthersWork::try_turn(const mpi::Communicator& world, RootBooks& books) {
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        while (!books.turn) {
            try {
                books.turn = std::make_unique<Turn>(place_.directory, log_, place_.farm.lease);
            } catch (const ConfigError& held) {
                if (std::exchange(holder_, held.what()) != held.what()) {
                    log_.info("another job does what only one can do", {{"why", held.what()}});
                }
                // On another host nobody else can tell. A new holder has not given a sign yet.
                const std::vector signs{place_.directory.turn(), place_.directory.lock()};
                if (!watch_.stands_still(signs, Clock::now())) return;
                log_.warning("that job gave no sign of life for a lease: its turn is over");
                fs::remove(place_.directory.lock());
            }
        }
    });
    return mpi::value_on_root(world, books.turn != nullptr) != 0;
}

StageEnd OthersWork::end_of(Next next) {
    using State = StageEnd::State;
    return {next == Next::leave ? State::elsewhere : State::stopped, 0.0, {}};
}

OthersWork::Next OthersWork::take_turn(const mpi::Communicator& world, RootBooks& books) {
    if (!place_.farm.join) return Next::look_again;
    while (!try_turn(world, books)) {
        const Next next = wait(world);
        if (next != Next::look_again) return next;
    }
    return Next::look_again;
}

StageEnd in_turn(RunContext& context,
                 const RunPlace& place,
                 RootBooks& books,
                 const std::function<StageEnd()>& work) {
    OthersWork others(place, context.log);
    const auto next = others.take_turn(context.world, books);
    if (next != OthersWork::Next::look_again) return OthersWork::end_of(next);
    StageEnd end = work();
    mpi::together(context.world, [&] {
        if (!books.turn) return;
        books.turn->expect_held();
        books.turn.reset();
    });
    return end;
}

}  // namespace ratiofarm
