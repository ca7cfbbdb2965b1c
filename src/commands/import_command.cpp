#include <filesystem>

#include <fmt/format.h>

#include "campaign/bin_expectations.hpp"
#include "core/publish.hpp"
#include "core/screen.hpp"
#include "pyhf/pyhf_file.hpp"
#include "pyhf/pyhf_import.hpp"

#include "command.hpp"
#include "events_import.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

nlohmann::json read_json(const fs::path& path) {
    return in_context("'" + path.string() + "'", [&] { return parse_pyhf(read_text(path)); });
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

void warn(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
        fmt::print(stderr, "{}", on_error_screen(fmt::format("ratiofarm: warning: {}\n", warning)));
    }
}

/// \throws DataError for bins that no parameter can fill
void warn_about_bins(const Campaign& campaign) {
    const BinExpectations found = bin_expectations(campaign);
    warn(found.warnings);
    if (found.mistakes.empty()) return;
    throw DataError(fmt::format("{}", fmt::join(found.mistakes, "\n")));
}

void print_summary(const Campaign& campaign, const fs::path& out) {
    std::size_t n_bins = 0;
    double observed = 0.0;
    for (const auto& section : campaign.binned) {
        n_bins += section.region.n_bins();
        for (const double count : *section.observed) observed += count;
    }
    show(fmt::format(
        "{}: {} regions with {} bins, {} parameters, parameter of interest '{}'; data: the "
        "observations of all regions, {:g} events\n",
        out.string(), campaign.binned.size(), n_bins, campaign.parameters.size(),
        campaign.inference.poi, observed));
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
                         .poi = arguments.text("poi"),
                         .campaign = campaign_name(out),
                         .normsys = interpolation(
                             arguments, "normsys",
                             {{"code4", Interpolation::code4}, {"code1", Interpolation::code1}}),
                         .histosys = interpolation(arguments, "histosys",
                                                   {{"code4p", Interpolation::code4p},
                                                    {"code0", Interpolation::code0},
                                                    {"code2", Interpolation::code2}})};
    const Campaign campaign = in_context("'" + source.string() + "'", [&] {
        Campaign result = campaign_from_pyhf(workspace, how);
        warn(unused_pyhf_parameters(workspace, how));
        warn_about_bins(result);
        return result;
    });
    const std::string text = campaign_toml(campaign);
    in_context("'" + source.string() +
                   "' passes the schema, but not as a campaign; lines are those "
                   "of the file that was not written",
               [&] { parse_campaign(text, out.parent_path(), out.string()); });
    publish(out, text);
    print_summary(campaign, out);
    return ExitCode::done;
}

ExitCode run_import(RunContext&, const Arguments& arguments) {
    const bool has_file = !arguments.positional().empty();
    const bool is_table = has_file && is_events_table(arguments.positional().front());
    if (is_table || arguments.has("sample") || arguments.has("madminer")) {
        return import_events(arguments);
    }
    if (has_file) return import_workspace(arguments);
    throw ConfigError(
        "import: nothing to import; give a pyhf WORKSPACE.json, or tables of events like "
        "--sample S=signal.root:events --sample B=background.parquet");
}

std::vector<Option> options() {
    std::vector<Option> all{
        {"out", "FILE", "file to write (default: campaign.toml, or events.h5)"},
        {"patch", "FILE", "JSON patch, or pyhf patch set, to apply first"},
        {"patch-name", "NAME", "name of the patch in a patch set"},
        {"measurement", "NAME", "measurement to use (default: the first)"},
        {"poi", "NAME", "parameter of interest (default: that of the measurement)"},
        {"normsys", "CODE", "interpolation of normsys: code4 or code1", "code4"},
        {"histosys", "CODE", "interpolation of histosys: code4p, code0 or code2", "code4p"},
        {"force", "", "replace an existing file"}};
    for (Option& option : events_options()) all.push_back(std::move(option));
    return all;
}

}  // namespace

Command import_command() {
    return {.name = "import",
            .group = Group::begin,
            .summary = "Makes campaigns of pyhf workspaces, events of other files",
            .examples = {"import workspace.json --out regions.toml",
                         "import --sample S=s.root:tree --sample B=b.root:tree --features m,pt"},
            .positional = {"FILE"},
            .options = options(),
            .run = run_import};
}

}  // namespace ratiofarm
