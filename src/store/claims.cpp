#include "claims.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <climits>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_settled = 2000;  // claims of tasks that are done, which make looks slow
constexpr std::uint64_t most_attempts = 100'000;  // each is a job that died; all names are tried
constexpr std::size_t longest_reason = 400;       // bytes in the target of a link

/// The task and the attempt that a claim is named after; nothing for another file.
std::optional<std::pair<Digest, std::uint64_t>> parse_name(const std::string& name) {
    const std::size_t dot = name.find('.');
    if (dot != Digest{}.hex().size()) return std::nullopt;
    std::uint64_t attempt = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + dot + 1, end, attempt);
    if (error != std::errc{} || stop != end) return std::nullopt;
    if (attempt == 0 || attempt > most_attempts) return std::nullopt;
    try {
        return std::pair(Digest::from_hex(name.substr(0, dot)), attempt);
    } catch (const DataError&) {
        return std::nullopt;
    }
}

/// Names of jobs are also those of their files; what another claim says counts as that of one that
/// is gone.
bool is_job_name(std::string_view name) {
    constexpr std::size_t longest = 200;
    return !name.empty() && name.size() <= longest &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '-'; });
}

/// What a link points at; nothing if it is gone, no text if it is no link.
std::optional<std::string> target_of(const fs::path& link) {
    std::array<char, PATH_MAX> text{};
    const ssize_t size = ::readlink(link.c_str(), text.data(), text.size());
    if (size < 0 && errno == EINVAL) return std::string();
    if (size < 0) return std::nullopt;
    return std::string(text.data(), static_cast<std::size_t>(size));
}

/// \return false if it exists. \throws SystemError
bool make_link(const fs::path& link, const std::string& target) {
    if (::symlink(target.c_str(), link.c_str()) == 0) return true;
    // Over NFS the answer of a call that was made may get lost; it is then made once more.
    if (errno == EEXIST) return target_of(link) == target;
    throw SystemError(fmt::format("cannot claim a task by '{}'", link.string()), errno);
}

/// Every claim of a folder. \throws SystemError
template <class Use>
void for_each_claim(const fs::path& folder, const Use& use) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        if (const auto name = parse_name(entry->path().filename().string())) {
            use(entry->path(), name->first, name->second);
        }
    }
    if (error) {
        throw SystemError(fmt::format("cannot read '{}'", folder.string()), error.value());
    }
}

/// The newest checkpoint of attempts below `attempt` gets another name.
void move_state(const RunDirectory& directory,
                const Digest& task,
                std::uint64_t attempt,
                const fs::path& to) {
    std::error_code missing;
    for (std::uint64_t before = attempt - 1; before > 0; --before) {
        const fs::path from = directory.state(task, before);
        bool moved = false;
        for (const char* generation : {".old", ""}) {
            fs::rename(from.string() + generation, to.string() + generation, missing);
            moved = moved || !missing;
        }
        if (moved) return;
    }
}

void remove_state(const RunDirectory& directory, const Digest& task, std::uint64_t attempt) {
    std::error_code missing;
    for (const char* generation : {"", ".old"}) {
        fs::remove(directory.state(task, attempt).string() + generation, missing);
    }
}

}  // namespace

Claims::Claims(const RunDirectory& directory, std::string job, double lease)
    : directory_(directory),
      job_(std::move(job)),
      lease_(lease),
      watch_(directory, lease),
      joined_(directory, lease) {
    expect_exclusive_links();
}

Claims::~Claims() {
    for (const Settled& settled : settled_) unlink_own(settled.claim);
}

/// Its name may be that of another job's claim by now.
void Claims::unlink_own(const std::filesystem::path& claim) const {
    const auto target = target_of(claim);
    if (target && target->starts_with(job_ + ' ')) ::unlink(claim.c_str());
}

void Claims::expect_exclusive_links() const {
    std::error_code error;
    fs::create_directories(directory_.claims(), error);
    const fs::path link = directory_.claims() / ("test." + job_);
    const bool made = !error && ::symlink("first", link.c_str()) == 0;
    if (!made && !error) error.assign(errno, std::generic_category());
    const bool exclusive = made && ::symlink("second", link.c_str()) != 0 && errno == EEXIST &&
                           target_of(link) == "first";
    ::unlink(link.c_str());
    if (exclusive) return;
    const auto lacks = {ENOTDIR, EEXIST, EPERM, EOPNOTSUPP, ENOSYS, EINVAL};
    if (error && std::ranges::find(lacks, error.value()) == lacks.end()) {
        throw SystemError("cannot make a link in '" + directory_.claims().string() + "'",
                          error.value());
    }
    throw ConfigError(fmt::format(
        "--join: in '{}' a symbolic link cannot be made so that a second one of its name fails{}: "
        "jobs cannot agree there on who does what. Divide the trainings by --shard instead",
        directory_.claims().string(), error ? " (" + error.message() + ")" : ""));
}

fs::path Claims::path(const Digest& task, std::uint64_t attempt) const {
    return directory_.claims() / fmt::format("{}.{}", task.hex(), attempt);
}

bool Claims::make(const Digest& task, const Claim& claim) const {
    std::string target = fmt::format("{} {}", claim.job, claim.strikes);
    if (!claim.reason.empty()) target += ' ' + claim.reason.substr(0, longest_reason);
    return make_link(path(task, claim.attempt), target);
}

void Claims::look(Instant now) {
    std::unordered_map<Digest, Claim> found;
    for_each_claim(directory_.claims(),
                   [&](const fs::path& link, const Digest& task, std::uint64_t attempt) {
                       const auto other = found.find(task);
                       if (other != found.end() && other->second.attempt > attempt) return;
                       const auto known = found_.find(task);
                       if (known != found_.end() && known->second.attempt == attempt) {
                           found.insert_or_assign(task, known->second);  // a claim never changes
                           return;
                       }
                       const auto target = target_of(link);
                       if (!target) return;
                       Claim claim{.attempt = attempt};
                       const std::size_t job_end = std::min(target->find(' '), target->size());
                       claim.job = target->substr(0, job_end);
                       if (!is_job_name(claim.job)) claim.job.clear();
                       const char* rest = target->data() + std::min(job_end + 1, target->size());
                       const char* end = target->data() + target->size();
                       rest = std::from_chars(rest, end, claim.strikes).ptr;
                       if (rest != end) claim.reason.assign(rest + 1, end);
                       found.insert_or_assign(task, std::move(claim));
                   });
    found_ = std::move(found);
    gone_.clear();
    for (const auto& [task, claim] : found_) {
        if (claim.job == job_ || gone_.contains(claim.job)) continue;
        gone_[claim.job] = claim.job.empty() || watch_.is_gone(claim.job, now);
    }
    count_jobs(now);
    for (auto mine = mine_.begin(); mine != mine_.end();) {
        const auto claim = found_.find(mine->first);
        const bool held = claim != found_.end() && claim->second.job == job_ &&
                          claim->second.attempt == mine->second.attempt;
        if (!held) {
            lost_.push_back(mine->first);
            lost_attempts_[mine->first] = mine->second.attempt;
        }
        mine = held ? std::next(mine) : mine_.erase(mine);
    }
}

void Claims::count_jobs(Instant now) {
    constexpr std::string_view begin = "lock.job-";
    jobs_ = 1;
    for (const fs::path& lock : directory_.job_locks()) {
        const std::string job = lock.filename().string().substr(begin.size());
        if (job == job_) continue;
        const auto known = gone_.find(job);
        const bool gone = known != gone_.end() ? known->second : joined_.is_gone(job, now);
        jobs_ += gone ? 0 : 1;
    }
}

std::vector<Digest> Claims::take_lost() { return std::exchange(lost_, {}); }

Claims::Standing Claims::standing(const Digest& task) const {
    if (mine_.contains(task)) return Standing::taken;
    const auto claim = found_.find(task);
    if (claim == found_.end()) return Standing::free;
    const auto gone = gone_.find(claim->second.job);
    if (gone != gone_.end() && gone->second) return Standing::free;
    if (!claim->second.reason.empty()) return Standing::given_up;
    // What this job has done, and is to be done again.
    return claim->second.job == job_ ? Standing::free : Standing::taken;
}

const std::string& Claims::reason(const Digest& task) const { return found_.at(task).reason; }

bool Claims::has_result(const Digest& task) const {
    std::error_code missing;
    return fs::exists(directory_.result(task), missing);
}

Claims::Take Claims::take(const Digest& task) {
    const auto known = found_.find(task);
    const std::uint64_t before = known == found_.end() ? 0 : known->second.attempt;
    const auto remove = [&](std::uint64_t attempt) {
        if (attempt > 0) ::unlink(path(task, attempt).c_str());
    };
    if (has_result(task)) {
        remove(before);
        return Take::done;
    }
    Claim claim{.attempt = before < most_attempts ? before + 1 : 1, .job = job_};
    if (before > 0 && known->second.reason.empty()) claim.strikes = known->second.strikes;
    if (!make(task, claim)) return Take::taken;
    remove(before);
    // Others may have claimed it, done it and removed their claim since the last look.
    if (has_result(task)) {
        remove(claim.attempt);
        return Take::done;
    }
    inherit_state(task, claim.attempt);
    found_.insert_or_assign(task, claim);
    mine_.insert_or_assign(task, std::move(claim));
    return Take::claimed;
}

bool Claims::holds(const Digest& task) const {
    const auto mine = mine_.find(task);
    if (mine == mine_.end()) return false;
    const auto target = target_of(path(task, mine->second.attempt));
    return target && target->starts_with(job_ + ' ');
}

void Claims::inherit_state(const Digest& task, std::uint64_t attempt) const {
    if (attempt > 1) move_state(directory_, task, attempt, directory_.state(task, attempt));
}

void Claims::remove_lost_state(const Digest& task) {
    const auto lost = lost_attempts_.find(task);
    if (lost == lost_attempts_.end()) return;
    remove_state(directory_, task, lost->second);
    lost_attempts_.erase(lost);
}

/// \return false if another job has taken the task over; the next look tells
bool Claims::replace(const Digest& task, Claim claim) {
    claim.attempt += 1;
    if (!make(task, claim)) return false;
    ::unlink(path(task, claim.attempt - 1).c_str());
    inherit_state(task, claim.attempt);
    found_.insert_or_assign(task, claim);
    mine_.insert_or_assign(task, std::move(claim));
    return true;
}

void Claims::strike(const Digest& task) {
    const auto mine = mine_.find(task);
    if (mine == mine_.end()) return;
    Claim claim = mine->second;
    claim.strikes += 1;
    replace(task, std::move(claim));
}

void Claims::give_up(const Digest& task, const std::string& reason) {
    const auto mine = mine_.find(task);
    if (mine == mine_.end()) return;
    Claim claim = mine->second;
    claim.reason = reason.empty() ? "without a reason" : reason;
    if (replace(task, std::move(claim))) mine_.erase(task);
}

void Claims::settle(const Digest& task, Instant now) {
    const auto mine = mine_.find(task);
    if (mine == mine_.end()) return;
    const std::uint64_t attempt = mine->second.attempt;
    settled_.push_back({now, path(task, attempt)});
    mine_.erase(mine);
    // Of jobs that were killed after they had lost the claim.
    for (std::uint64_t before = attempt - 1; before > 0; --before) {
        remove_state(directory_, task, before);
    }
}

void Claims::remove_settled(Instant now) {
    const auto lease = std::chrono::duration<double>(lease_);
    while (!settled_.empty() &&
           (settled_.size() > most_settled || now - settled_.front().at > lease)) {
        unlink_own(settled_.front().claim);
        settled_.pop_front();
    }
}

void end_claims(const RunDirectory& directory) {
    if (!fs::exists(directory.claims())) return;
    for_each_claim(directory.claims(),
                   [&](const fs::path&, const Digest& task, std::uint64_t attempt) {
                       const fs::path state = directory.state(task);
                       move_state(directory, task, attempt + 1, state);
                   });
    fs::remove_all(directory.claims());
}

}  // namespace ratiofarm
