#include "slurm_queue.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <sys/stat.h>

#include <fmt/format.h>

#include "ratiofarm/core/digest.hpp"

#include "core/process.hpp"
#include "scheduler/host/walltime.hpp"

namespace ratiofarm {
namespace {

/// The lines of a command's output; none if it failed or is not there.
std::vector<std::string> lines_of(const std::vector<std::string>& words) {
    const auto end = run_process(
        {.words = words, .output = Output::captured, .errors = Output::discarded, .input = false});
    std::vector<std::string> lines;
    if (!end || !end->ok()) return lines;
    std::istringstream output(end->output);
    for (std::string line; std::getline(output, line);) lines.push_back(line);
    return lines;
}

std::vector<std::string> sinfo(const std::string& format, const std::string& partition) {
    std::vector<std::string> words{"sinfo", "--noheader", "--format=" + format};
    if (!partition.empty()) words.push_back("--partition=" + partition);
    return lines_of(words);
}

}  // namespace

std::string job_name(const RunDirectory& directory) {
    namespace fs = std::filesystem;
    std::error_code unknown;
    fs::path place = fs::weakly_canonical(directory.root(), unknown);
    if (unknown) place = fs::absolute(directory.root());
    if (!place.has_filename()) place = place.parent_path();
    std::string name = place.filename().string();
    std::ranges::replace(name, ',', '_');  // squeue would take it for several names
    return fmt::format("ratiofarm {} {}", name,
                       Hasher().text(place.string()).finish().hex().substr(0, 8));
}

std::vector<std::string> queued_jobs(const RunDirectory& directory) {
    struct stat submitted = {};
    if (::stat(directory.submit_script().c_str(), &submitted) != 0) return {};
    return lines_of({"squeue", fmt::format("--user={}", submitted.st_uid), "--noheader",
                     "--format=%i %T, %M of %l, %r", "--name=" + job_name(directory)});
}

std::optional<std::uint64_t> most_cores(const std::string& partition) {
    std::uint64_t most = 0;
    for (const std::string& line : sinfo("%c", partition)) {
        // "64", or "64+" of nodes that differ
        most = std::max<std::uint64_t>(most, std::strtoull(line.c_str(), nullptr, 10));
        if (line.find('+') != std::string::npos) return std::nullopt;
    }
    return most == 0 ? std::nullopt : std::optional(most);
}

std::optional<TimeLimit> longest_time(const std::string& partition) {
    std::optional<TimeLimit> longest;
    for (const std::string& line : sinfo("%P %l", partition)) {
        std::istringstream words(line);
        TimeLimit limit;
        words >> limit.partition >> limit.text;
        const bool by_default = limit.partition.ends_with('*');
        if (partition.empty() && !by_default) continue;
        if (by_default) limit.partition.pop_back();
        const auto seconds = parse_slurm_duration(limit.text);
        if (!seconds) return std::nullopt;  // "infinite"
        limit.seconds = *seconds;
        if (!longest || limit.seconds > longest->seconds) longest = limit;
    }
    return longest;
}

}  // namespace ratiofarm
