#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/report/fit_json.hpp"
#include "ratiofarm/tables/verify.hpp"

#include "workspace.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Checked {
    std::string file;  ///< relative to the run directory
    std::vector<std::string> problems;
    std::vector<std::pair<std::string, Digest>> datasets;
};

/// Runs a reader and turns what it throws into a problem.
std::vector<std::string> problems_of(const auto& reader) {
    try {
        reader();
        return {};
    } catch (const Error& error) {
        return {error.what()};
    }
}

Checked check_hdf5(const fs::path& path) {
    Checked checked{"", verify_file(path), {}};
    if (checked.problems.empty()) checked.datasets = dataset_digests(path);
    return checked;
}

std::vector<std::string> check_task_file(const fs::path& path, const JournalState& journal) {
    return problems_of([&] {
        const Digest task = Digest::from_hex(path.stem().string());
        const auto bytes = read_file(path);
        const auto known = journal.committed.find(task);
        if (known != journal.committed.end() && known->second.crc != crc32(bytes)) {
            throw DataError("checksum differs from the journal's");
        }
        for (const auto kind : {TaskFileKind::training_result, TaskFileKind::toy_block}) {
            if (task_file_is_complete(path, kind, task)) return;
        }
        task_file_body(bytes, TaskFileKind::ratio_block, task);
    });
}

/// A checkpoint of a running training, of either generation.
std::vector<std::string> check_state(const fs::path& path) {
    return problems_of([&] {
        const std::string name = path.filename();
        const Digest task = Digest::from_hex(name.substr(0, name.find('.')));
        task_file_body(read_file(path), TaskFileKind::training_state, task);
    });
}

std::optional<Checked> check_file(const fs::path& path,
                                  const RunDirectory& directory,
                                  const JournalState& journal) {
    const std::string extension = path.extension();
    if (extension == ".h5") return check_hdf5(path);
    if (extension == ".ckpt") return Checked{"", check_task_file(path, journal), {}};
    if (extension == ".state" || extension == ".old") return Checked{"", check_state(path), {}};
    if (path == directory.campaign()) {
        return Checked{"", problems_of([&] { read_campaign(path); }), {}};
    }
    if (path == directory.fit_json()) {
        return Checked{"", problems_of([&] { parse_fit_json(read_text(path)); }), {}};
    }
    if (path == directory.journal()) {
        Checked checked;
        if (journal.damaged_lines > 0) {
            checked.problems.push_back(fmt::format("{} damaged lines", journal.damaged_lines));
        }
        return checked;
    }
    if (extension == ".jsonl") {  // of a shard
        const std::uint64_t damaged = read_journal(path).damaged_lines;
        if (damaged == 0) return Checked{};
        return Checked{"", {fmt::format("{} damaged lines", damaged)}, {}};
    }
    return std::nullopt;  // report, the lock, scripts
}

std::vector<Checked> check_all(const RunDirectory& directory) {
    const JournalState journal = read_journal(directory.journal());
    std::vector<Checked> all;
    for (const auto& entry : fs::recursive_directory_iterator(directory.root())) {
        if (!entry.is_regular_file()) continue;
        if (auto checked = check_file(entry.path(), directory, journal)) {
            checked->file = fs::relative(entry.path(), directory.root()).string();
            all.push_back(std::move(*checked));
        }
    }
    std::sort(all.begin(), all.end(),
              [](const Checked& a, const Checked& b) { return a.file < b.file; });
    return all;
}

std::string verify_json(const std::vector<Checked>& all) {
    Json files = Json::array();
    for (const Checked& checked : all) {
        Json datasets = Json::object();
        for (const auto& [name, digest] : checked.datasets) datasets[name] = digest.hex();
        files.push_back(
            {{"file", checked.file}, {"problems", checked.problems}, {"datasets", datasets}});
    }
    return Json{{"files", files}}.dump(2) + "\n";
}

ExitCode run(CommandContext&, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(fs::absolute(places.out));
    if (!fs::exists(directory.root())) {
        throw DataError(
            fmt::format("there is no run directory '{}'; name it by --out", places.out.string()));
    }
    const auto all = check_all(directory);
    std::uint64_t damaged = 0;
    for (const Checked& checked : all) damaged += checked.problems.empty() ? 0 : 1;
    if (arguments.has("json")) {
        fmt::print("{}", verify_json(all));
    } else {
        for (const Checked& checked : all) {
            for (const std::string& problem : checked.problems) {
                fmt::print("{}: {}\n", checked.file, problem);
            }
        }
        fmt::print("{} files checked, {} damaged\n", all.size(), damaged);
    }
    return damaged == 0 ? ExitCode::done : ExitCode::usage;
}

}  // namespace

Command verify_command() {
    return {.name = "verify",
            .summary =
                "Checks every checksum of a run directory; --json also lists a digest of each "
                "dataset, equal for equal content.",
            .positional = {"CAMPAIGN.toml"},
            .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                        {"json", "", "print JSON"}},
            .run = run};
}

}  // namespace ratiofarm
