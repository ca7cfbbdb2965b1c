#include "lock.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"

#include "journal_line.hpp"

namespace ratiofarm {
namespace {

using namespace std::chrono_literals;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); 0 if it is gone
/// or a zombie.
std::uint64_t process_start(std::uint64_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text((std::istreambuf_iterator<char>(file)), {});
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22 && fields >> field; ++number) {
        if (number == 3 && (field == "Z" || field == "X")) return 0;
    }
    return std::strtoull(field.c_str(), nullptr, 10);
}

/// Members of a lock's line.
template <class Line>
void fields(Line& line, MemberOf<Line, LockOwner>& owner) {
    line("host", owner.host);
    line("pid", owner.pid);
    line("process_start", owner.process_start);
    line("job", owner.job);
    line("restart", owner.restart);
    line("boot", owner.boot);
    line("pid_space", owner.pid_space);
}

/// \return nothing for a lock that is not as its owner wrote it
std::optional<LockOwner> parse_owner(std::string_view text) {
    if (!text.ends_with('\n')) return std::nullopt;
    const auto line = LineReader::open(text.substr(0, text.size() - 1));
    if (!line) return std::nullopt;
    LockOwner owner;
    fields(*line, owner);
    return owner;
}

/// Whether a process of the pid namespace of this one has ended. Where /proc hides processes of
/// others, one that exists counts as the owner.
bool has_ended(const LockOwner& owner) {
    if (::kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return true;
    if (::access(fmt::format("/proc/{}/stat", owner.pid).c_str(), R_OK) != 0) return false;
    return process_start(owner.pid) != owner.process_start || owner.process_start == 0;
}

/// A lock that exists, opened for reading: no other can take its place behind our back.
struct FoundLock {
    UniqueFd file;
    struct stat status = {};
    std::optional<LockOwner> owner = {};  ///< nothing if the lock is damaged or empty

    /// Seconds since it was written.
    double age(const struct timespec& now) const {
        return static_cast<double>(now.tv_sec - status.st_mtim.tv_sec);
    }
};

/// \return nothing if there is no lock
std::optional<FoundLock> find_lock(const std::filesystem::path& path) {
    FoundLock found;
    // flock() over NFS wants a file that is open for writing.
    for (const int mode : {O_RDWR, O_RDONLY}) {
        found.file = UniqueFd(::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW));
        if (found.file || errno == ENOENT) break;
    }
    if (!found.file) {
        if (errno == ENOENT) return std::nullopt;
        throw SystemError("cannot open '" + path.string() + "'", errno);
    }
    std::array<char, 4096> text{};
    const ssize_t size = ::read(found.file.get(), text.data(), text.size());
    if (::fstat(found.file.get(), &found.status) != 0 || size < 0) {
        throw SystemError("cannot read '" + path.string() + "'", errno);
    }
    found.owner = parse_owner({text.data(), static_cast<std::size_t>(size)});
    return found;
}

enum class Flock { free, held, unknown };

/// What flock() says about the owner. A lock that is free is locked by us from here on, until the
/// file is closed: nobody else removes it meanwhile.
Flock try_flock(const FoundLock& found) {
    if (::flock(found.file.get(), LOCK_EX | LOCK_NB) == 0) return Flock::free;
    return errno == EWOULDBLOCK ? Flock::held : Flock::unknown;
}

/// Seconds since the epoch when this kernel started.
std::int64_t boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;) {
        if (word != "btime") continue;
        std::int64_t seconds = 0;
        file >> seconds;
        return seconds;
    }
    return 0;
}

/// Whether the owner is known to be gone.
bool is_gone(const FoundLock& found, const LockOwner& self) {
    const Flock flock = try_flock(found);
    if (flock == Flock::held) return false;
    if (!found.owner) {
        constexpr double patience = 10.0;  // seconds; nobody writes a lock for that long
        struct timespec now = {};
        ::clock_gettime(CLOCK_REALTIME, &now);
        return found.age(now) > patience;
    }
    const LockOwner& owner = *found.owner;
    if (!owner.job.empty() && owner.job == self.job && owner.restart < self.restart) return true;
    if (owner.boot.empty()) return owner.host == self.host && has_ended(owner);  // an old lock
    if (owner.boot == self.boot) {
        return flock == Flock::free || (owner.pid_space == self.pid_space && has_ended(owner));
    }
    return owner.host == self.host && boot_time() > found.status.st_mtim.tv_sec;
}

/// Removes a lock whose owner is gone. Of several farms that see it one holds its flock(); where
/// there is none, one wins the rename, and if it caught the winner's new lock instead, it puts that
/// back.
void remove_stale(const std::filesystem::path& path, const FoundLock& found) {
    const auto is_found = [&](const std::filesystem::path& other) {
        struct stat there = {};
        return ::lstat(other.c_str(), &there) == 0 && there.st_ino == found.status.st_ino &&
               there.st_dev == found.status.st_dev;
    };
    if (try_flock(found) != Flock::unknown) {
        if (is_found(path)) ::unlink(path.c_str());
        return;
    }
    const std::string aside = fmt::format("{}.{}.stale", path.string(), ::getpid());
    if (::rename(path.c_str(), aside.c_str()) != 0) return;
    if (!is_found(aside)) ::link(aside.c_str(), path.c_str());
    ::unlink(aside.c_str());
}

[[noreturn]] void cannot(std::string_view action, const std::filesystem::path& path) {
    throw SystemError(fmt::format("cannot {} '{}'", action, path.string()), errno);
}

/// Makes the lock if there is none: written aside and synced, so that it appears whole.
/// \return the open and locked file, or nothing if another lock is there
UniqueFd make_lock(const std::filesystem::path& path, const std::string& text) {
    const std::string aside = fmt::format("{}.{}.partial", path.string(), ::getpid());
    ::unlink(aside.c_str());
    UniqueFd file(::open(aside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file) cannot("create", aside);
    ::flock(file.get(), LOCK_EX | LOCK_NB);
    const bool written =
        ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file.get()) == 0;
    bool made = written && ::link(aside.c_str(), path.c_str()) == 0;
    if (written && !made && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS)) {
        // A file system without hard links.
        made = ::renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0;
    }
    const int problem = errno;
    ::unlink(aside.c_str());
    errno = problem;
    if (made) return file;
    if (written && errno == EEXIST) return {};
    cannot("write", path);
}

}  // namespace

std::string lock_text(const LockOwner& owner) {
    LineWriter line("lock", 0);
    fields(line, owner);
    return line.finish() + "\n";
}

LockOwner this_owner() {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const auto pid = static_cast<std::uint64_t>(::getpid());
    LockOwner owner{.host = host, .pid = pid, .process_start = process_start(pid)};
    owner.job = environment("SLURM_JOB_ID");
    owner.restart = std::strtoull(environment("SLURM_RESTART_COUNT").c_str(), nullptr, 10);
    std::ifstream("/proc/sys/kernel/random/boot_id") >> owner.boot;
    struct stat space = {};
    if (::stat("/proc/self/ns/pid", &space) == 0) owner.pid_space = space.st_ino;
    return owner;
}

std::optional<LockOwner> living_owner(const std::filesystem::path& path) {
    const auto found = find_lock(path);
    if (!found || is_gone(*found, this_owner())) return std::nullopt;
    return found->owner.value_or(LockOwner{});
}

void expect_whole_lock(const std::filesystem::path& path) {
    const auto found = find_lock(path);
    if (!found || found->owner) return;
    throw DataError(fmt::format("'{}' does not match its checksum: damaged", path.string()));
}

Lock::Lock(std::filesystem::path path, const Log& log, double patience) : path_(std::move(path)) {
    const LockOwner self = this_owner();
    const std::string text = lock_text(self);
    const auto give_up = std::chrono::steady_clock::now() +
                         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                             std::chrono::duration<double>(patience));
    for (bool told = false;;) {
        file_ = make_lock(path_, text);
        if (file_) return;
        const auto found = find_lock(path_);
        if (!found) continue;
        const LockOwner owner = found->owner.value_or(LockOwner{.host = "unknown"});
        if (is_gone(*found, self)) {
            log.info("taking over the lock of a farm that has ended",
                     {{"host", owner.host}, {"pid", owner.pid}, {"job", owner.job}});
            remove_stale(path_, *found);
            continue;
        }
        if (std::chrono::steady_clock::now() > give_up) {
            throw ConfigError(fmt::format(
                "'{}' is in use by another farm (host {}, pid {}{}); wait for it or end it, use "
                "another --out, or remove '{}' if that farm is certainly gone",
                path_.parent_path().string(), owner.host, owner.pid,
                owner.job.empty() ? "" : ", job " + owner.job, path_.string()));
        }
        if (!told) log.info("waiting for the lock", {{"host", owner.host}, {"pid", owner.pid}});
        told = true;
        std::this_thread::sleep_for(200ms);
    }
}

bool Lock::is_held() const {
    struct stat mine = {};
    struct stat there = {};
    return ::fstat(file_.get(), &mine) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
           mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

void Lock::expect_held() const {
    std::error_code unknown;
    // Where the folder is gone or unreadable, what is written next says so.
    if (is_held() || !std::filesystem::exists(path_.parent_path(), unknown)) return;
    throw SystemError(fmt::format(
        "the lock '{}' of this farm was removed or taken by another one: this one stops, since two "
        "must not work on one run directory; the same command continues",
        path_.string()));
}

Lock::~Lock() {
    if (is_held()) ::unlink(path_.c_str());
}

}  // namespace ratiofarm
