#include "farm_progress.hpp"

#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "core/json_text.hpp"
#include "core/units.hpp"

#include "lock.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// JSON has no NaN: a loss before the first epoch is null.
Json loss_json(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double loss_of(const Json& value) { return value.is_number() ? value.get<double>() : NAN; }

Json json_of(const FarmProgress& progress) {
    Json tasks = Json::array();
    for (const RunningTask& task : progress.tasks) {
        tasks.push_back({{"task", task.name},
                         {"worker", task.worker},
                         {"fraction", task.progress.fraction},
                         {"epoch", task.progress.epoch},
                         {"training_loss", loss_json(task.progress.training_loss)},
                         {"validation_loss", loss_json(task.progress.validation_loss)}});
    }
    return {{"done", progress.done},
            {"there", progress.there},
            {"running", progress.running},
            {"waiting", progress.waiting},
            {"claimable", progress.claimable},
            {"failed", progress.failed},
            {"seconds", progress.seconds},
            {"fraction", progress.fraction},
            {"brought", progress.brought},
            {"busy_seconds", progress.busy_seconds},
            {"tasks", tasks}};
}

FarmProgress progress_of(const Json& json) {
    FarmProgress progress;
    progress.done = json.at("done").get<std::uint64_t>();
    progress.there = json.value("there", std::uint64_t{0});
    progress.running = json.at("running").get<std::uint64_t>();
    progress.waiting = json.at("waiting").get<std::uint64_t>();
    progress.claimable = json.value("claimable", std::uint64_t{0});
    progress.failed = json.at("failed").get<std::uint64_t>();
    progress.seconds = json.at("seconds").get<double>();
    progress.busy_seconds = json.at("busy_seconds").get<double>();
    progress.fraction = json.at("fraction").get<double>();
    progress.brought = json.value("brought", 0.0);
    for (const Json& task : json.at("tasks")) {
        RunningTask running;
        running.name = task.at("task").get<std::string>();
        running.worker = task.at("worker").get<std::uint64_t>();
        running.progress.fraction = task.at("fraction").get<double>();
        running.progress.epoch = task.at("epoch").get<std::uint32_t>();
        running.progress.training_loss = loss_of(task.at("training_loss"));
        running.progress.validation_loss = loss_of(task.at("validation_loss"));
        progress.tasks.push_back(running);
    }
    return progress;
}

}  // namespace

std::string FarmProgress::text(std::size_t columns) const {
    std::string text = fmt::format("{} of {} done", done, all());
    if (there > 0) text += fmt::format(" ({} already there)", there);
    text += fmt::format(", {} running, {} waiting", running, waiting);
    if (failed > 0) text += fmt::format(", {} failed", failed);
    text += fmt::format("; {:.0f} %", 100.0 * fraction);
    if (left()) text += fmt::format(", {} left", duration_text(*left()));
    const double hours = busy_seconds / 3600.0;
    const std::string work = fmt::format(", {:.{}f} worker-hours", hours, hours < 10.0 ? 2 : 0);
    return text.size() + work.size() <= columns ? text + work : text;
}

fs::path progress_file(const fs::path& journal) {
    std::string name = journal.filename().string();  // journal.jsonl, journal.shard-0-of-4.jsonl
    name = "progress" + name.substr(std::string_view("journal").size());
    name.pop_back();
    return journal.parent_path() / name;
}

void write_progress(const fs::path& path, const FarmProgress& progress) {
    const fs::path partial = path.string() + ".partial";
    std::error_code error;
    {
        std::ofstream file(partial, std::ios::trunc);
        file << json_of(progress).dump(1) << '\n';
        file.flush();
        if (!file) {
            fs::remove(partial, error);
            return;
        }
    }
    fs::rename(partial, path, error);
    if (error) fs::remove(partial, error);
}

std::optional<SeenProgress> read_progress(const fs::path& path) {
    try {
        std::ifstream file(path);
        if (!file) return std::nullopt;
        const std::string text(std::istreambuf_iterator<char>(file), {});
        constexpr int deepest = 8;
        const auto written = fs::last_write_time(path);
        const std::chrono::duration<double> age = fs::file_time_type::clock::now() - written;
        return SeenProgress{progress_of(parse_json<Json>(text, deepest)), age.count(), {}};
    } catch (const Json::exception&) {
        return std::nullopt;  // cut short
    } catch (const DataError&) {
        return std::nullopt;  // none of ours
    } catch (const fs::filesystem_error&) {
        return std::nullopt;  // just removed
    }
}

std::vector<SeenProgress> farms_at_work(const RunDirectory& directory) {
    std::vector<fs::path> locks = directory.other_locks();
    locks.insert(locks.begin(), directory.lock());
    std::vector<SeenProgress> seen;
    for (const fs::path& lock : locks) {
        if (!living_owner(lock)) continue;
        const std::string shard = lock.filename().string().substr(std::string_view("lock").size());
        const fs::path journal = directory.root() / ("journal" + shard + ".jsonl");
        auto progress = read_progress(progress_file(journal));
        if (!progress) continue;
        if (!shard.empty()) progress->farm = shard.substr(1);
        seen.push_back(std::move(*progress));
    }
    return seen;
}

}  // namespace ratiofarm
