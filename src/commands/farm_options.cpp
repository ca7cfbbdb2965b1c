#include "farm_options.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

Option time_budget_option() {
    return {"time-budget", "TIME",
            "write checkpoints and stop (exit code 75) before this time is over: M, M:SS, H:MM:SS "
            "or D-HH:MM:SS; the limit of a Slurm job is known without this option"};
}

std::vector<Option> farm_options() {
    return {
        time_budget_option(),
        {"strikes", "N", "crashes after which a task is given up", "3"},
        {"hang-seconds", "S",
         "kill a trainer that shows no progress for this long and for 20 times its own longest "
         "pause; its task goes on from the checkpoint",
         "120"},
        {"ignore-space", "", "start even if the file system of the run directory is too small"},
    };
}

FarmSettings farm_settings(const RunContext& context, const Arguments& arguments) {
    FarmSettings settings;
    settings.stop_by = context.walltime_end;
    settings.ignore_space = arguments.has("ignore-space");
    if (arguments.has("strikes")) {
        constexpr std::uint64_t most = 1000;
        settings.strikes = static_cast<std::uint32_t>(arguments.integer("strikes", 1, most));
    }
    if (arguments.has("hang-seconds")) {
        settings.pace.least_seconds = arguments.number("hang-seconds", 0.1, 1e6);
    }
    if (arguments.has("shard")) {
        settings.shard = parse_shard(arguments.text("shard"));
        if (!settings.shard.whole() && arguments.has("fresh")) {
            throw ConfigError("--fresh removes the results of all shards: give it without --shard");
        }
    }
    if (arguments.has("time-budget")) {
        const auto seconds = parse_slurm_duration(arguments.text("time-budget"));
        if (!seconds) {
            throw ConfigError(
                fmt::format("--time-budget = '{}': must be M, M:SS, H:MM:SS or D-HH:MM:SS, as for "
                            "sbatch --time",
                            arguments.text("time-budget")));
        }
        const Instant end =
            std::chrono::steady_clock::now() +
            std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double>(*seconds));
        settings.stop_by = settings.stop_by ? std::min(*settings.stop_by, end) : end;
    }
    return settings;
}

}  // namespace ratiofarm
