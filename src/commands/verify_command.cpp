#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/screen.hpp"
#include "pipeline/run_directory_check.hpp"
#include "pipeline/workspace.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string verify_json(const std::vector<CheckedFile>& all,
                        const std::vector<std::string>& missing) {
    Json files = Json::array();
    for (const CheckedFile& checked : all) {
        if (!checked.known) continue;
        Json datasets = Json::object();
        for (const auto& [name, digest] : checked.datasets) datasets[name] = digest.hex();
        files.push_back(
            {{"file", checked.file}, {"problems", checked.problems}, {"datasets", datasets}});
    }
    return Json{{"files", files}, {"missing", missing}}.dump(2) + "\n";
}

std::uint64_t count_damaged(const std::vector<CheckedFile>& all) {
    return static_cast<std::uint64_t>(std::count_if(
        all.begin(), all.end(), [](const auto& checked) { return !checked.problems.empty(); }));
}

std::string verify_text(const std::vector<CheckedFile>& all,
                        const std::vector<std::string>& missing) {
    std::string text;
    std::vector<std::string> foreign;
    for (const CheckedFile& checked : all) {
        for (const std::string& problem : checked.problems) {
            text += fmt::format("{}: {}\n", checked.file, problem);
        }
        if (!checked.known) foreign.push_back(checked.file);
    }
    for (const std::string& file : missing) text += fmt::format("{}: missing\n", file);
    text += fmt::format("{} files checked, {} damaged, {} missing{}\n", all.size() - foreign.size(),
                        count_damaged(all), missing.size(),
                        missing.empty() ? "" : " ('ratiofarm run' makes them again)");
    if (!foreign.empty()) {
        text +=
            fmt::format("not written by ratiofarm, not checked: {}\n", fmt::join(foreign, ", "));
    }
    return text;
}

/// Nothing where the campaign cannot be read: its damage has been told.
std::vector<std::string> missing_of(const RunDirectory& directory) {
    try {
        return missing_files(directory);
    } catch (const Error&) {
        return {};
    }
}

ExitCode run_verify(RunContext&, const Arguments& arguments) {
    Places places = find_places(arguments);
    if (places.out.empty()) places.out = read_campaign(places.campaign).name + ".run";
    const RunDirectory directory(fs::absolute(places.out));
    if (!fs::exists(directory.root())) {
        throw DataError(fmt::format("there is no run directory '{}'; name one with --out",
                                    places.out.string()));
    }
    const auto all = check_run_directory(directory);
    if (std::ranges::none_of(all, &CheckedFile::known)) {
        throw DataError(
            fmt::format("'{}' holds no file that ratiofarm wrote; name a run directory "
                        "with --out",
                        places.out.string()));
    }
    const std::uint64_t damaged = count_damaged(all);
    const auto missing = missing_of(directory);
    fmt::print("{}", arguments.has("json") ? verify_json(all, missing)
                                           : on_screen(verify_text(all, missing)));
    return damaged == 0 ? ExitCode::done : ExitCode::usage;
}

}  // namespace

Command verify_command() {
    return {.name = "verify",
            .group = Group::look,
            .summary = "Checks every checksum of a run directory",
            .details = "--json also lists a digest of each dataset, equal for equal content.",
            .examples = {"verify campaign.toml"},
            .positional = {"CAMPAIGN.toml"},
            .options = {{"out", "DIR", "run directory (default: <campaign name>.run)"},
                        {"json", "", "print JSON"}},
            .run = run_verify};
}

}  // namespace ratiofarm
