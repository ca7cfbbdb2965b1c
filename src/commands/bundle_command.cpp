#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/mpi/together.hpp"

#include "core/screen.hpp"
#include "core/suggest.hpp"
#include "workers/placement.hpp"

#include "bundle.hpp"
#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> parse_description(const Arguments& arguments) {
    std::vector<std::string> keys;
    for (const auto& [key, example] : description_keys) keys.emplace_back(key);
    std::vector<std::pair<std::string, std::string>> description;
    for (const std::string& text : arguments.texts("describe")) {
        const std::string key = text.substr(0, text.find('='));
        if (std::ranges::find(keys, key) == keys.end() || key.size() + 1 >= text.size()) {
            throw ConfigError(fmt::format("--describe '{}': must be KEY=TEXT, KEY one of {}{}",
                                          text, fmt::join(keys, ", "), did_you_mean(key, keys)));
        }
        description.emplace_back(key, text.substr(key.size() + 1));
    }
    return description;
}

BundleRequest parse_bundle(const Arguments& arguments) {
    BundleRequest request;
    request.out = arguments.text("out");
    request.data = arguments.has("data");
    const std::string members = arguments.text("members");
    if (members != "mean" && members != "all") {
        throw ConfigError(fmt::format("--members = '{}': must be mean or all", members));
    }
    request.members = members == "all";
    request.description = parse_description(arguments);
    if (request.out.empty())
        throw ConfigError("bundle: --out is missing, such as --out result.rfb");
    return request;
}

/// A run directory, or a campaign whose run directory is named by --run.
WorkspaceRequest run_to_publish(const Arguments& arguments) {
    WorkspaceRequest request;
    request.needs = Needs::campaign;
    request.places.campaign =
        arguments.positional().empty() ? "campaign.toml" : arguments.positional().front();
    request.places.out = arguments.text("run");
    request.ratios = arguments.text("ratios");
    if (!fs::is_directory(request.places.campaign)) return request;
    if (is_bundle(request.places.campaign)) {
        throw ConfigError(fmt::format("'{}' is a bundle already; give the run directory of a fit",
                                      request.places.campaign.string()));
    }
    request.places.out = request.places.campaign;
    request.places.campaign /= "campaign.toml";
    if (fs::exists(request.places.campaign)) return request;
    throw ConfigError(fmt::format(
        "'{0}' holds no campaign.toml: its ratios come from elsewhere; give the campaign, with "
        "--run {0} and --ratios as for 'ratiofarm fit'",
        request.places.out.string()));
}

std::string bundle_text(const Bundle& bundle) {
    const BundleRecord& record = bundle.record;
    std::uint64_t bytes = 0;
    for (const BundleFile& file : record.files) bytes += file.bytes;
    std::string text =
        fmt::format("bundle of '{}', level {}: {} files, {} bytes, digest {}\n", record.campaign,
                    record.level, record.files.size(), bytes, digest_of(record).hex());
    text += fmt::format("  data: {}\n", record.data);
    for (const std::string& what : record.left_out) text += fmt::format("  left out: {}\n", what);
    return text;
}

ExitCode run_bundle(RunContext& context, const Arguments& arguments) {
    const mpi::Communicator& world = context.world;
    if (arguments.has("verify")) {
        mpi::together(world, [&] {
            if (!world.is_root()) return;
            const Bundle bundle = open_bundle(arguments.text("verify"));
            verify_bundle(bundle, static_cast<unsigned>(node_resources().cores.size()));
            show(fmt::format("{}as published: checksums and golden values agree\n",
                             bundle_text(bundle)));
        });
        return ExitCode::done;
    }
    BundleRequest request;
    WorkspaceRequest run;
    mpi::together(world, [&] {
        request = parse_bundle(arguments);
        run = run_to_publish(arguments);
    });
    const Workspace workspace = open_workspace(context, run);
    mpi::together(world, [&] {
        if (world.is_root()) expect_publishable(workspace, request);
    });
    const FittedCampaign fitted =
        fitted_campaign(context, workspace.planned, workspace.place, workspace.books.blinding);
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        const Bundle bundle = make_bundle(workspace, fitted, request);
        show(bundle_text(bundle));
    });
    return ExitCode::done;
}

}  // namespace

Command bundle_command() {
    return {
        .name = "bundle",
        .group = Group::result,
        .summary = "Publishes the likelihood of a run, for others to fit",
        .details =
            "A folder with the campaign, the ratios, the results and golden values. fit, scan, "
            "limits, impacts, toys, gof and check take it in place of a campaign. Fits first if "
            "that is not done yet.",
        .examples = {"bundle peak.run --out peak.rfb --data --describe license=CC-BY-4.0",
                     "bundle --verify peak.rfb"},
        .positional = {"RUN"},
        .options = {{"out", "DIR", "the bundle to write, such as peak.rfb"},
                    {"data", "", "with the observed events and contents of bins"},
                    {"members", "WORD",
                     "mean, or all: with the ratios of single members and replicas", "mean"},
                    {"describe", "KEY=TEXT",
                     "title, authors, license, doi, data_doi, luminosity, energy, region, "
                     "fiducial or units; may be repeated"},
                    {"run", "DIR", "run directory, where RUN is a campaign file"},
                    ratios_option(),
                    {"verify", "DIR", "compare a bundle with its checksums and golden values"}},
        .ranks = Ranks::all,
        .run = run_bundle};
}

}  // namespace ratiofarm
