#include "lock.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "core/unique_fd.hpp"

#include "journal_line.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::json;
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

std::string owner_text(const LockOwner& owner) {
    LineWriter line("lock", 0);
    line("host", owner.host);
    line("pid", owner.pid);
    line("process_start", owner.process_start);
    line("job", owner.job);
    line("restart", owner.restart);
    return line.finish() + "\n";
}

LockOwner parse_owner(const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return {};
    return {json.value("host", ""), json.value("pid", std::uint64_t{0}),
            json.value("process_start", std::uint64_t{0}), json.value("job", ""),
            json.value("restart", std::uint64_t{0})};
}

/// Whether the owner is known to be gone. On another host only a restart of the same batch job
/// proves it.
bool is_gone(const LockOwner& owner, const LockOwner& self) {
    if (!owner.job.empty() && owner.job == self.job && owner.restart < self.restart) return true;
    if (owner.host != self.host) return false;
    return process_start(owner.pid) != owner.process_start || owner.process_start == 0;
}

/// Content of the lock file; empty if it has just gone or is just being written.
std::string text_if_there(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Removes the lock with this content. Of several farms that see it stale one wins the rename; if
/// it caught the winner's new lock instead, it puts that back.
void remove_stale(const std::filesystem::path& path, const std::string& content) {
    const std::string aside = fmt::format("{}.{}.stale", path.string(), ::getpid());
    if (::rename(path.c_str(), aside.c_str()) != 0) return;
    if (text_if_there(aside) != content) ::link(aside.c_str(), path.c_str());
    ::unlink(aside.c_str());
}

}  // namespace

LockOwner this_owner() {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const auto pid = static_cast<std::uint64_t>(::getpid());
    return {host, pid, process_start(pid), environment("SLURM_JOB_ID"),
            std::strtoull(environment("SLURM_RESTART_COUNT").c_str(), nullptr, 10)};
}

std::optional<LockOwner> living_owner(const std::filesystem::path& path) {
    const std::string text = text_if_there(path);
    if (text.empty()) return std::nullopt;
    LockOwner owner = parse_owner(text);
    if (is_gone(owner, this_owner())) return std::nullopt;
    return owner;
}

void expect_whole_lock(const std::filesystem::path& path) {
    const std::string text = text_if_there(path);
    if (text.empty()) return;
    const std::string_view line = std::string_view(text).substr(0, text.size() - 1);
    if (text.back() == '\n' && LineReader::open(line)) return;
    throw DataError(fmt::format("'{}' does not match its checksum: damaged", path.string()));
}

Lock::Lock(std::filesystem::path path, const Log& log, double patience) : path_(std::move(path)) {
    const LockOwner self = this_owner();
    const std::string text = owner_text(self);
    const auto give_up = std::chrono::steady_clock::now() +
                         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                             std::chrono::duration<double>(patience));
    for (bool told = false;;) {
        {
            const UniqueFd file(
                ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
            if (file) {
                if (::write(file.get(), text.data(), text.size()) !=
                    static_cast<ssize_t>(text.size())) {
                    ::unlink(path_.c_str());
                    throw SystemError(
                        errno_message("cannot write '" + path_.string() + "'", errno));
                }
                return;
            }
        }
        if (errno != EEXIST) {
            throw SystemError(errno_message("cannot create '" + path_.string() + "'", errno));
        }
        const std::string found = text_if_there(path_);
        const LockOwner owner = parse_owner(found);
        if (is_gone(owner, self)) {
            log.info("taking over the lock of a farm that has ended",
                     {{"host", owner.host}, {"pid", owner.pid}, {"job", owner.job}});
            remove_stale(path_, found);
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

Lock::~Lock() { ::unlink(path_.c_str()); }

}  // namespace ratiofarm
