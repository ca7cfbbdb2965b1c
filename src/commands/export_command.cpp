#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "campaign/campaign.hpp"
#include "campaign/made_from.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "core/suggest.hpp"
#include "pyhf/hs3_export.hpp"
#include "pyhf/pyhf_export.hpp"
#include "results/unfold_json.hpp"
#include "store/run_directory.hpp"
#include "tables/ensembles/safetensors_export.hpp"
#include "tables/unfolded_file.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"

namespace ratiofarm {
namespace {

void expect_without(const Arguments& arguments, std::initializer_list<const char*> options) {
    for (const char* option : options) {
        if (!arguments.has(option)) continue;
        throw ConfigError(
            fmt::format("--{} means nothing with --format {}", option, arguments.text("format")));
    }
}

ExitCode export_workspace(const RunContext& context, const Arguments& arguments) {
    expect_without(arguments, {"ensemble", "run"});
    const auto file = campaign_argument(arguments.positional());
    const Campaign campaign = read_campaign(file);
    if (needs_selection(campaign)) {
        throw ConfigError(
            fmt::format("'{}' has regions that are filled with events; after 'ratiofarm select' "
                        "export selected.toml of the run directory, which holds their contents",
                        file.string()));
    }
    if (campaign.data.blind && std::ranges::any_of(campaign.binned, [](const auto& region) {
            return region.observed.has_value();
        })) {
        throw ConfigError(fmt::format(
            "'{}' is blind, and a workspace holds the observed contents: 'ratiofarm "
            "bundle' publishes a blind likelihood without them (blind = false once they "
            "may be looked at)",
            file.string()));
    }
    const bool hs3 = arguments.text("format") == "hs3";
    const auto workspace = in_context(file.string(), [&] {
        return hs3 ? hs3_from_campaign(campaign) : pyhf_from_campaign(campaign);
    });
    if (!campaign.unbinned.empty()) {
        context.log.info("unbinned regions are left out",
                         {{"regions", std::uint64_t{campaign.unbinned.size()}}});
    }
    const std::string text = workspace.dump(2) + "\n";
    if (arguments.has("out")) {
        publish(arguments.text("out"), text);
    } else {
        fmt::print("{}", text);
    }
    return ExitCode::done;
}

RunDirectory run_directory(const Arguments& arguments) {
    if (arguments.has("run")) return RunDirectory(arguments.text("run"));
    const auto file = campaign_argument(arguments.positional());
    return RunDirectory(read_campaign(file).name + ".run");
}

/// Names of the existing ensembles, sorted; parts of a name are folders.
std::vector<std::string> gathered_ensembles(const RunDirectory& directory) {
    namespace fs = std::filesystem;
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(directory.ensembles(), none)) {
        if (entry.path().extension() != ".h5") continue;
        fs::path name = fs::relative(entry.path(), directory.ensembles());
        names.push_back(name.replace_extension().string());
    }
    std::ranges::sort(names);
    return names;
}

ExitCode export_nets(const RunContext& context, const Arguments& arguments) {
    const RunDirectory directory = run_directory(arguments);
    const auto names = gathered_ensembles(directory);
    if (!arguments.has("ensemble") || !arguments.has("out")) {
        throw ConfigError(
            fmt::format("--format safetensors needs --ensemble NAME and --out FILE; '{}' holds {}",
                        directory.root().string(),
                        names.empty() ? "none yet, run 'ratiofarm gather' first"
                                      : fmt::format("{}", fmt::join(names, ", "))));
    }
    const std::string wanted = arguments.text("ensemble");
    if (std::ranges::find(names, wanted) == names.end()) {
        const std::string known =
            names.empty()
                ? "it holds none yet; run 'ratiofarm gather' first"
                : fmt::format("it holds {}{}", fmt::join(names, ", "), did_you_mean(wanted, names));
        throw ConfigError(fmt::format("--ensemble = '{}': no such ensemble in '{}': {}", wanted,
                                      directory.root().string(), known));
    }
    const EnsembleFile ensemble = read_ensemble(directory.ensemble(wanted));
    export_safetensors(ensemble, arguments.text("out"));
    context.log.info(
        "nets exported",
        {{"ensemble", wanted}, {"nets", ensemble.header.nets()}, {"file", arguments.text("out")}});
    return ExitCode::done;
}

/// Where the campaign is there to compare with.
void expect_own_unfolding(const RunDirectory& directory, const std::filesystem::path& campaign) {
    if (!std::filesystem::exists(campaign)) return;
    const UnfoldRecord record = parse_unfold_json(read_sealed(directory.unfold_json()));
    const auto changes = differences(record.made_from, unfold_made_from(read_campaign(campaign)));
    if (changes.empty()) return;
    throw DataError(fmt::format(
        "'{}' is of another campaign than '{}':{}\nmake it again with 'ratiofarm run', or name "
        "the campaign that it is of",
        directory.unfolded().string(), campaign.string(), first_of(changes, "\n  ")));
}

ExitCode export_unfolding(const RunContext& context, const Arguments& arguments) {
    expect_without(arguments, {"ensemble"});
    if (!arguments.has("out")) throw ConfigError("--format omnifold needs --out FILE");
    const RunDirectory directory = run_directory(arguments);
    if (!std::filesystem::exists(directory.unfolded())) {
        throw DataError(
            fmt::format("'{}' does not exist: 'ratiofarm run' of a campaign with "
                        "[unfolding] makes it",
                        directory.unfolded().string()));
    }
    const std::string out = arguments.text("out");
    if (!out.ends_with(".h5") && !out.ends_with(".hdf5")) {
        throw ConfigError(fmt::format(
            "--out = '{}': --format omnifold writes HDF5, so the name must end with .h5 or .hdf5; "
            "Parquet is written by ratiofarm.open_unfolded(\"{}\").write(\"public.parquet\") of "
            "the Python package",
            out, directory.root().string()));
    }
    expect_own_unfolding(directory, campaign_argument(arguments.positional()));
    export_omnifold(directory.unfolded(), out);
    context.log.info("unfolded events exported", {{"file", arguments.text("out")}});
    return ExitCode::done;
}

ExitCode run_export(RunContext& context, const Arguments& arguments) {
    const std::string format = arguments.text("format");
    if (format == "pyhf" || format == "hs3") return export_workspace(context, arguments);
    if (format == "safetensors") return export_nets(context, arguments);
    if (format == "omnifold") return export_unfolding(context, arguments);
    throw ConfigError(
        fmt::format("--format = '{}': must be pyhf, hs3, safetensors or omnifold", format));
}

}  // namespace

Command export_command() {
    return {
        .name = "export",
        .group = Group::result,
        .summary = "Writes binned regions, nets or unfolded events for other programs",
        .positional = {"CAMPAIGN.toml"},
        .options = {{"format", "FORMAT",
                     "pyhf or hs3: binned regions; safetensors: nets; omnifold: unfolded events as "
                     "HDF5, a dataset for each column (Parquet: the Python package)",
                     "pyhf"},
                    {"out", "FILE", "file to write (default: print the workspace)"},
                    {"ensemble", "NAME", "safetensors: the ensemble to export, such as S"},
                    {"run", "DIR",
                     "safetensors, omnifold: run directory (default: <campaign name>.run)"}},
        .run = run_export};
}

}  // namespace ratiofarm
