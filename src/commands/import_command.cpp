#include <filesystem>

#include <fmt/format.h>

#include "core/publish.hpp"
#include "pyhf/pyhf_import.hpp"

#include "command.hpp"
#include "root_import.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

nlohmann::json read_json(const fs::path& path) {
    try {
        return nlohmann::json::parse(read_text(path));
    } catch (const nlohmann::json::exception& error) {
        throw DataError(fmt::format("'{}' is not valid JSON: {}", path.string(), error.what()));
    }
}

/// A code that a workspace leaves to the program that reads it.
Interpolation interpolation(const Arguments& arguments,
                            const std::string& option,
                            const std::vector<std::pair<std::string, Interpolation>>& allowed) {
    const std::string word = arguments.text(option);
    std::string known;
    for (const auto& [name, code] : allowed) {
        if (name == word) return code;
        known += (known.empty() ? "" : " or ") + name;
    }
    throw ConfigError(fmt::format("--{} = '{}': must be {}", option, word, known));
}

/// Names of campaigns are plain: a file called "my fit.toml" gives "my_fit".
std::string campaign_name(const fs::path& out) {
    std::string name = out.stem().string();
    for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') c = '_';
    }
    return name.empty() || name.front() == '-' ? "imported" : name;
}

ExitCode import_workspace(const Arguments& arguments) {
    const fs::path source = arguments.positional().front();
    const fs::path out = arguments.has("out") ? arguments.text("out") : "campaign.toml";
    if (fs::exists(out) && !arguments.has("force")) {
        throw ConfigError(fmt::format(
            "'{}' exists already; choose another file with --out, or use --force to replace it",
            out.string()));
    }
    nlohmann::json workspace = read_json(source);
    if (arguments.has("patch")) {
        const std::string patch = arguments.text("patch");
        workspace = in_context(patch, [&] {
            return patched(workspace, read_json(patch), arguments.text("patch-name"));
        });
    }
    const PyhfImport how{.measurement = arguments.text("measurement"),
                         .campaign = campaign_name(out),
                         .normsys = interpolation(
                             arguments, "normsys",
                             {{"code4", Interpolation::code4}, {"code1", Interpolation::code1}}),
                         .histosys = interpolation(arguments, "histosys",
                                                   {{"code4p", Interpolation::code4p},
                                                    {"code0", Interpolation::code0},
                                                    {"code2", Interpolation::code2}})};
    const Campaign campaign =
        in_context(source.string(), [&] { return campaign_from_pyhf(workspace, how); });
    const std::string text = campaign_toml(campaign);
    parse_campaign(text, out.parent_path(), out.string());  // starts outside their range and such
    publish(out, text);
    std::size_t n_bins = 0;
    for (const auto& section : campaign.binned) n_bins += section.region.n_bins();
    fmt::print("{}: {} regions with {} bins, {} parameters, parameter of interest '{}'\n",
               out.string(), campaign.binned.size(), n_bins, campaign.parameters.size(),
               campaign.inference.poi);
    return ExitCode::done;
}

ExitCode run_import(RunContext&, const Arguments& arguments) {
    const bool has_file = !arguments.positional().empty();
    const bool is_root =
        has_file && fs::path(arguments.positional().front()).extension() == ".root";
    if (is_root || arguments.has("sample")) return import_root(arguments);
    if (has_file) return import_workspace(arguments);
    throw ConfigError(
        "import: nothing to import; give a pyhf WORKSPACE.json, or ROOT files like --sample "
        "S=signal.root:events");
}

std::vector<Option> options() {
    std::vector<Option> all{
        {"out", "FILE", "file to write (default: campaign.toml, or events.h5 from ROOT)"},
        {"patch", "FILE", "JSON patch, or pyhf patch set, to apply first"},
        {"patch-name", "NAME", "name of the patch in a patch set"},
        {"measurement", "NAME", "measurement to use (default: the first)"},
        {"normsys", "CODE", "interpolation of normsys: code4 or code1", "code4"},
        {"histosys", "CODE", "interpolation of histosys: code4p, code0 or code2", "code4p"},
        {"force", "", "replace an existing file"}};
    for (Option& option : root_options()) all.push_back(std::move(option));
    return all;
}

}  // namespace

Command import_command() {
    return {.name = "import",
            .summary =
                "Reads a pyhf workspace into a campaign of binned regions, or ROOT files into an "
                "events file.",
            .positional = {"FILE"},
            .options = options(),
            .run = run_import};
}

}  // namespace ratiofarm
