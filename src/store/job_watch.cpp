#include "job_watch.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "farm_progress.hpp"
#include "lock.hpp"

namespace ratiofarm {
namespace {

/// Read anew each time: a network file system asks its server when a file is opened.
std::string sign_of(const RunDirectory& directory, const Shard& job) {
    std::ifstream file(progress_file(directory.journal(job)), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool JobWatch::is_gone(const std::string& job, Instant now) {
    const Shard shard{.job = job};
    if (!living_owner(directory_.lock(shard))) {
        seen_.erase(job);
        return true;
    }
    std::string sign = sign_of(directory_, shard);
    const auto [found, is_new] = seen_.try_emplace(job, Seen{sign, 0.0, now});
    Seen& seen = found->second;
    const std::chrono::duration<double> since = now - seen.last;
    seen.last = now;
    if (!is_new && sign == seen.sign) {
        seen.still += std::min(since.count(), 0.25 * lease_);
    } else {
        seen.sign = std::move(sign);
        seen.still = 0.0;
    }
    return seen.still >= lease_;
}

double sign_interval(double lease) { return std::min(2.0, lease / 6.0); }

}  // namespace ratiofarm
