#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "campaign/campaign.hpp"
#include "core/process.hpp"
#include "core/sealed_text.hpp"
#include "pipeline/found_campaign.hpp"
#include "pipeline/own_directory.hpp"
#include "scheduler/host/walltime.hpp"
#include "store/run_directory.hpp"

#include "command.hpp"
#include "slurm_queue.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// What a submission asks for.
struct Submission {
    std::string as;  ///< allocation, array, chain or join
    fs::path campaign;
    fs::path out;
    fs::path batch_script;
    std::string resources;  ///< options of every sbatch
    std::string more;       ///< further ones, as the user wrote them
    std::uint64_t shards = 1;
    std::uint64_t throttle = 0;  ///< elements of an array at a time; 0: all
    std::uint64_t jobs = 1;      ///< of a chain, or that join
    std::uint64_t most = 0;      ///< jobs that join, while work waits; 0: those
};

/// slurm/run.sbatch of the installation, or of the repository the program was built in.
fs::path find_batch_script() {
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    const char* wanted = std::getenv("RATIOFARM_SLURM");
    for (const fs::path& place :
         {fs::path(wanted == nullptr ? "" : wanted), folder / "../share/ratiofarm/slurm",
          folder / "../../../slurm", folder / "../../slurm"}) {
        const fs::path script = place / "run.sbatch";
        if (!place.empty() && fs::exists(script)) return fs::canonical(script);
    }
    throw ConfigError(
        "cannot find slurm/run.sbatch beside the program; set RATIOFARM_SLURM to its folder");
}

/// 'text' as one word of a shell.
std::string quoted(const std::string& text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\''";
        } else {
            word += c;
        }
    }
    return word + "'";
}

/// A path in an option of sbatch, which would expand a "%".
std::string without_patterns(const fs::path& path) {
    std::string text;
    for (const char c : path.string()) text += c == '%' ? "%%" : std::string(1, c);
    return text;
}

/// \param log  name of its file in the run directory
std::string sbatch(const Submission& submission,
                   const std::string& options,
                   const std::string& log = "slurm-%j.log") {
    return fmt::format(
        "sbatch --parsable {}{}{} \\\n    --job-name={} --output={} \\\n    {} {} --out {}",
        submission.resources, submission.more.empty() ? "" : " " + submission.more,
        options.empty() ? "" : " " + options, quoted(job_name(RunDirectory(submission.out))),
        quoted(without_patterns(submission.out) + "/" + log),
        quoted(submission.batch_script.string()), quoted(submission.campaign.string()),
        quoted(submission.out.string()));
}

std::string allocation_text(const Submission& submission) {
    return fmt::format(
        "# Where a site forbids requeue, each job submits the next with these options, too.\n"
        "export RATIOFARM_CHAIN_OPTIONS={}\njob=$({})\necho \"job $job\"\n",
        quoted(submission.more), sbatch(submission, ""));
}

std::string array_option(std::uint64_t elements, std::uint64_t throttle) {
    const std::string limit = throttle > 0 ? fmt::format("%{}", throttle) : "";
    return fmt::format("--array=0-{}{}", elements - 1, limit);
}

/// Jobs that begin whenever there is room, and end when nothing is left for them.
std::string join_text(const Submission& submission) {
    const std::string limit =
        submission.throttle > 0 ? fmt::format("%{}", submission.throttle) : "";
    const std::string array =
        fmt::format("--array=0-$((${{RATIOFARM_JOBS:-{}}} - 1)){}", submission.jobs, limit);
    const std::string grow =
        submission.most > 0
            ? fmt::format(
                  "# One of them submits another while work waits and none of them does.\n"
                  "export RATIOFARM_MAX_JOBS={}\n",
                  submission.most)
            : "";
    return fmt::format(
        "# Each job takes what no other has; the first that finds everything trained does the "
        "rest.\n# Run this again at any time for more jobs.\nexport RATIOFARM_JOIN=yes\n{}"
        "jobs=$({})\necho \"array $jobs\"\n",
        grow, sbatch(submission, array, "slurm-%A_%a.log"));
}

/// The shards, then one job that merges them and does the rest.
std::string array_text(const Submission& submission) {
    const std::string array = array_option(submission.shards, submission.throttle);
    return fmt::format(
        "shards=$(RATIOFARM_SHARDS={} \\\n    {})\necho \"array $shards\"\n\n# Merges what the "
        "shards did, whatever happened to them, then does everything "
        "else.\njob=$(RATIOFARM_COLLECT=yes \\\n    {})\necho \"job $job\"\n",
        submission.shards, sbatch(submission, array, "slurm-%A_%a.log"),
        sbatch(submission, "--dependency=\"afterany:$shards\""));
}

/// Jobs that begin one after the other; those that find everything done end at once.
std::string chain_text(const Submission& submission) {
    std::string text = fmt::format(
        "export RATIOFARM_CONTINUE=next # the next job of this chain\n"
        "export RATIOFARM_MAX_STARTS={}\n",
        submission.jobs);
    for (std::uint64_t job = 0; job < submission.jobs; ++job) {
        text += fmt::format("job=$(RATIOFARM_STARTS={} \\\n    {})\necho \"job $job\"\n", job,
                            sbatch(submission, job == 0 ? "" : "--dependency=\"afterany:$job\""));
    }
    return text;
}

std::string script_text(const Submission& submission) {
    std::string text =
        "#!/usr/bin/env bash\n# Written by 'ratiofarm submit'. What differs from site to site is "
        "in "
        "site.sh beside the\n# batch script, or in ~/.config/ratiofarm/site.sh.\nset -euo "
        "pipefail\n\nexport RATIOFARM_SBATCH=" +
        quoted(submission.batch_script.string()) + "\n\n";
    if (submission.as == "array") return text + array_text(submission);
    if (submission.as == "join") return text + join_text(submission);
    if (submission.as == "chain") return text + chain_text(submission);
    return text + allocation_text(submission);
}

/// No shard can fill the regions of a campaign with events.
void expect_selected(const Campaign& campaign, const Submission& submission) {
    const auto found = find_plain_campaign(with_absolute_paths(campaign),
                                           RunDirectory(submission.out), std::nullopt);
    if (found.missing == Unresolved::nothing) return;
    throw ConfigError(fmt::format(
        "--as array: the regions of '{}' are not filled with events yet, which one farm by itself "
        "must do; run 'ratiofarm select' with --out {} first, or submit one allocation, a chain or "
        "jobs that join",
        campaign.name, submission.out.string()));
}

/// " --mem='8G'", or nothing if it was not given.
std::string sbatch_option(const Arguments& arguments, const std::string& name) {
    if (!arguments.has(name)) return {};
    return fmt::format(" --{}={}", name, quoted(arguments.text(name)));
}

/// How long before its limit Slurm warns a job; the farm itself knows the limit and stops in time.
/// Slurm may be a minute early.
int warning_seconds(const std::string& limit) {
    constexpr double most = 120.0;
    constexpr double least = 20.0;
    return static_cast<int>(std::clamp(0.02 * *parse_slurm_duration(limit), least, most));
}

std::string partition_of(const Arguments& arguments) {
    return arguments.has("partition") ? arguments.text("partition") : std::string();
}

/// The time limit of each job; by default no longer than the partition allows.
/// \throws ConfigError for what sbatch would refuse, or keep waiting for ever
std::string time_limit(const Arguments& arguments) {
    const std::string wanted = arguments.has("time") ? arguments.text("time") : "04:00:00";
    const auto seconds = parse_slurm_duration(wanted);
    if (!seconds || !(*seconds >= 60.0)) {
        throw ConfigError(fmt::format(
            "--time = '{}': must be M, M:SS, H:MM:SS, D-HH or D-HH:MM:SS, a minute or more",
            wanted));
    }
    // A quality of service, or a reservation, may have limits of its own.
    if (arguments.has("qos") || arguments.has("sbatch")) return wanted;
    const auto longest = longest_time(partition_of(arguments));
    if (!longest || *seconds <= longest->seconds) return wanted;
    if (!arguments.has("time")) return longest->text;
    throw ConfigError(
        fmt::format("--time = '{}': partition '{}' allows {}; the job would wait for ever", wanted,
                    longest->partition, longest->text));
}

/// As given, else one for each GPU, else four, or as many as the nodes can hold.
/// \throws ConfigError if no node has so many cores: the job would wait for ever
std::uint64_t ranks_per_node(const Arguments& arguments) {
    constexpr std::uint64_t most = 100'000;
    const std::uint64_t cores_each =
        arguments.has("cpus-per-task") ? arguments.integer("cpus-per-task", 1, most) : 1;
    const auto cores = most_cores(partition_of(arguments));
    if (!arguments.has("ranks-per-node")) {
        if (arguments.has("gpus-per-node")) return arguments.integer("gpus-per-node", 1, most);
        return std::clamp<std::uint64_t>(cores.value_or(4 * cores_each) / cores_each, 1, 4);
    }
    const std::uint64_t ranks = arguments.integer("ranks-per-node", 1, most);
    if (cores && ranks * cores_each > *cores) {
        throw ConfigError(
            fmt::format("--ranks-per-node = {}: with {} cores each no node is large enough, the "
                        "largest has {}; the job would wait for ever",
                        ranks, cores_each, *cores));
    }
    return ranks;
}

constexpr std::uint64_t most_jobs = 1000;  // of one submission

/// \throws ConfigError naming what is allowed
void read_elastic(const Arguments& arguments, Submission& submission) {
    const std::string text = arguments.text("elastic");
    std::istringstream words(text);
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    char colon = ' ';
    words >> least >> colon >> most;
    if (!words || !words.eof() || colon != ':' || least < 1 || most < least || most > most_jobs) {
        throw ConfigError(fmt::format(
            "--elastic = '{}': must be MIN:MAX, numbers of jobs with 1 <= MIN <= MAX <= {}", text,
            most_jobs));
    }
    if (submission.as != "join") throw ConfigError("--elastic: only with --as join");
    submission.jobs = least;
    submission.most = most;
}

Submission read_submission(const Arguments& arguments) {
    constexpr std::uint64_t most = 100'000;
    Submission submission;
    submission.as = arguments.text("as");
    constexpr std::array<std::string_view, 4> ways{"allocation", "array", "chain", "join"};
    if (std::ranges::find(ways, submission.as) == ways.end()) {
        throw ConfigError(
            fmt::format("--as = '{}': must be {}", submission.as, fmt::join(ways, ", ")));
    }
    submission.campaign = fs::absolute(arguments.positional().front());
    const Campaign campaign = read_campaign(submission.campaign);
    submission.out = fs::absolute(arguments.has("out") ? fs::path(arguments.text("out"))
                                                       : fs::path(campaign.name + ".run"));
    if (submission.as == "array") expect_selected(campaign, submission);
    submission.batch_script = find_batch_script();
    submission.shards = arguments.integer("shards", 1, most);
    submission.throttle = arguments.has("throttle") ? arguments.integer("throttle", 1, most) : 0;
    submission.jobs = arguments.integer("jobs", 1, most_jobs);
    if (arguments.has("elastic")) read_elastic(arguments, submission);
    const std::string time = time_limit(arguments);
    submission.resources =
        fmt::format("--nodes={} --ntasks-per-node={} --time={}",
                    arguments.integer("nodes", 1, most), ranks_per_node(arguments), quoted(time));
    for (const char* option : {"account", "partition", "cpus-per-task"}) {
        submission.resources += sbatch_option(arguments, option);
    }
    // What a chained job cannot read from the one before.
    submission.more = fmt::format(" --signal=B:USR2@{}", warning_seconds(time));
    for (const char* option : {"qos", "mem", "gpus-per-node"}) {
        submission.more += sbatch_option(arguments, option);
    }
    if (arguments.has("sbatch")) submission.more += " " + arguments.text("sbatch");
    submission.more.erase(0, 1);
    return submission;
}

/// A second job would wait for the first one's lock, and end with it.
void expect_no_job(const Submission& submission) {
    if (submission.as == "join") return;
    const auto jobs = queued_jobs(RunDirectory(submission.out));
    if (jobs.empty()) return;
    throw ConfigError(
        fmt::format("'{}' has a job in the queue: {}{}. Wait for it, end it with scancel, or give "
                    "--force",
                    submission.out.string(), jobs.front(),
                    jobs.size() == 1 ? "" : fmt::format(" and {} more", jobs.size() - 1)));
}

ExitCode run_submit(RunContext&, const Arguments& arguments) {
    const Submission submission = read_submission(arguments);
    expect_run_directory(RunDirectory(submission.out));
    if (!arguments.has("dry-run") && !arguments.has("force")) expect_no_job(submission);
    const fs::path script = submission.out / "submit.sh";
    const std::string text = script_text(submission);
    publish_sealed(script, text);
    fmt::print("# {}\n{}", script.string(), text);
    std::fflush(stdout);
    if (arguments.has("dry-run")) return ExitCode::done;
    const auto end = run_process({.words = {"bash", script.string()}});
    if (!end || !end->ok()) {
        throw SystemError("sbatch refused the job; see its message above", ExitCode::usage);
    }
    return ExitCode::done;
}

}  // namespace

Command submit_command() {
    Command command;
    command.name = "submit";
    command.group = Group::whole;
    command.summary = "Writes the Slurm script of a campaign, shows it and submits it";
    command.examples = {"submit campaign.toml --nodes 2 --ranks-per-node 4 --dry-run"};
    command.positional = {"CAMPAIGN.toml"};
    command.required_positional = 1;
    command.options = {
        {"out", "DIR", "run directory (default: <campaign name>.run)"},
        {"as", "WORD",
         "allocation: one job, queued again after its time limit; array: shards, then one job that "
         "collects them and does the rest; chain: jobs that wait for each other; join: jobs that "
         "share the trainings, each begins when there is room and ends when none is left for it",
         "allocation"},
        {"nodes", "N", "nodes of each job", "1"},
        {"ranks-per-node", "N",
         "ranks on each node (default: one for each GPU, else four or what the nodes can hold)"},
        {"time", "TIME",
         "time limit of each job, as for sbatch --time (default: 04:00:00, or what the partition "
         "allows)"},
        {"account", "NAME", "account that pays, as for sbatch --account (default: the site's)"},
        {"partition", "NAME", "queue, as for sbatch --partition (default: the site's)"},
        {"qos", "NAME", "quality of service, as for sbatch --qos (default: the site's)"},
        {"mem", "SIZE", "memory of each node, such as 32G (default: the site's)"},
        {"cpus-per-task", "N", "cores of each rank (default: one)"},
        {"gpus-per-node", "N", "GPUs of each node, one for each rank (default: none)"},
        {"shards", "N", "elements of the array", "4"},
        {"throttle", "N", "elements of the array at a time (default: all)"},
        {"jobs", "N", "jobs of a chain, or that join", "4"},
        {"elastic", "MIN:MAX",
         "with --as join: MIN jobs at first, and more, up to MAX at a time, while there is work "
         "that no job has"},
        {"sbatch", "OPTIONS", "more options for sbatch, such as \"--reservation=hep\""},
        {"force", "", "although a job of this run directory is in the queue"},
        {"dry-run", "", "write and show, do not submit"}};
    command.run = run_submit;
    return command;
}

}  // namespace ratiofarm
