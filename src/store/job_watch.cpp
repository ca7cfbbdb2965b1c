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
std::string content_of(const std::filesystem::path& sign) {
    std::ifstream file(sign, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool JobWatch::is_gone(const std::string& job, Instant now) {
    const Shard shard{.job = job};
    const auto sign = progress_file(directory_.journal(shard));
    if (living_owner(directory_.lock(shard))) return stands_still({sign}, now);
    seen_.erase(sign);
    return true;
}

bool JobWatch::stands_still(const std::vector<std::filesystem::path>& signs, Instant now) {
    std::string content;
    for (const auto& sign : signs) content += content_of(sign) + '\n';
    const auto [found, is_new] = seen_.try_emplace(signs.front(), Seen{content, 0.0, now});
    Seen& seen = found->second;
    const std::chrono::duration<double> since = now - seen.last;
    seen.last = now;
    if (!is_new && content == seen.sign) {
        seen.still += std::min(since.count(), 0.25 * lease_);
    } else {
        seen.sign = std::move(content);
        seen.still = 0.0;
    }
    return seen.still >= lease_;
}

double sign_interval(double lease) { return std::min(2.0, lease / 6.0); }

}  // namespace ratiofarm
