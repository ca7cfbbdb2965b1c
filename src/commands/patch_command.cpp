#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/find_sample.hpp"
#include "campaign/reference_range.hpp"
#include "core/screen.hpp"
#include "core/sealed_text.hpp"
#include "measurement/support.hpp"
#include "pipeline/stages.hpp"
#include "report/fit_text.hpp"
#include "tables/events/joined_events.hpp"

#include "command.hpp"
#include "patch.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// \throws ConfigError for an option that is missing
std::string required(const Arguments& arguments, const char* option, const char* example) {
    if (arguments.has(option)) return arguments.text(option);
    throw ConfigError(
        fmt::format("patch: --{} is missing, for example --{} {}", option, option, example));
}

/// "mu_bsm=-5:5"
void read_range(const std::string& text, PatchHeader& header) {
    const auto equals = text.find('=');
    const auto colon = text.find(':', equals == std::string::npos ? 0 : equals);
    double low = 0.0;
    double high = 0.0;
    try {
        if (equals == std::string::npos || colon == std::string::npos) throw std::out_of_range("");
        low = std::stod(text.substr(equals + 1, colon - equals - 1));
        high = std::stod(text.substr(colon + 1));
    } catch (const std::logic_error&) {
        throw ConfigError(fmt::format("--range '{}': must be NAME=LOW:HIGH", text));
    }
    header.parameters.push_back(text.substr(0, equals));
    header.ranges.emplace_back(low, high);
}

PatchHeader parse_patch(const Arguments& arguments) {
    constexpr double most = 1e30;
    PatchHeader header;
    header.process = required(arguments, "process", "BSM");
    header.coefficient = required(arguments, "coefficient", "mu_bsm");
    required(arguments, "yield", "50");
    header.yield = arguments.number("yield", 1e-30, most);
    for (const std::string& text : arguments.texts("range")) read_range(text, header);
    return header;
}

/// The sample of the new process in its events file: the one of its name, or the only one.
std::string new_sample(const fs::path& file, const std::string& process) {
    const auto names = sample_names(file);
    if (std::ranges::find(names, process) != names.end()) return process;
    if (names.size() == 1) return names.front();
    throw ConfigError(
        fmt::format("'{}' has the samples {}: name the process after one of them, or "
                    "give a file with one sample",
                    file.string(), fmt::join(names, ", ")));
}

/// Results of the run that was patched, found by digest: what does not change is not trained again.
void share_results(const RunDirectory& from, const RunDirectory& to) {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(from.tasks(), none)) {
        if (entry.path().extension() != ".ckpt") continue;
        const fs::path path = to.tasks() / entry.path().lexically_relative(from.tasks());
        if (fs::exists(path)) continue;
        fs::create_directories(path.parent_path());
        fs::create_hard_link(entry.path(), path, none);
        if (none) fs::copy_file(entry.path(), path);
    }
}

/// Features in other units, or by another definition, lie elsewhere than those of the reference.
/// \throws DataError naming each feature with more than 1 % of the events outside on one side
void expect_known_range(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    const std::string& process = campaign.processes.back().name;
    const SampleInfo* added = sample_if_there(samples, process);
    if (added == nullptr) return;
    const std::vector<std::string> lines = beyond_reference(campaign, samples, *added).many;
    if (lines.empty()) return;
    throw DataError(
        fmt::format("more than 1 % of the events of '{}' lie where the reference has "
                    "none (other units or another definition of a feature?)\n  {}",
                    process, fmt::join(lines, "\n  ")));
}

/// Makes the run directory of the patched campaign, or finds it as an earlier call made it.
Places prepare(const Arguments& arguments, const PatchHeader& header) {
    const std::string run = arguments.positional().front();
    const RunDirectory from(fs::absolute(run));
    const RunDirectory to(fs::absolute(required(arguments, "out", "patched.run")));
    if (!fs::exists(from.campaign()) || !fs::exists(from.tasks())) {
        throw ConfigError(
            fmt::format("'{}' holds no trained nets (no campaign.toml and tasks): "
                        "give the run directory of a campaign that was run",
                        run));
    }
    const fs::path events = required(arguments, "events", "bsm.h5");
    Campaign campaign = with_absolute_paths(read_campaign(from.campaign()));
    const fs::path old_events = campaign.events_path();
    campaign = with_process(std::move(campaign), header);
    campaign.name += "." + header.process;
    campaign.events.file = (to.root() / "events.h5").string();
    const std::string text = sealed(to.campaign(), campaign_toml(campaign));
    if (fs::exists(to.campaign())) {
        if (read_sealed(to.campaign()) == text) return {to.campaign(), to.root()};
        throw ConfigError(
            fmt::format("--out = '{}' is the run directory of another campaign; "
                        "choose another name",
                        to.root().string()));
    }
    std::error_code none;
    if (fs::exists(to.root()) && !fs::is_empty(to.root(), none)) {
        throw ConfigError(
            fmt::format("--out = '{}' is not empty and no run directory; choose "
                        "another name",
                        to.root().string()));
    }
    join_events(campaign.events.file,
                {{old_events, {}}, {events, {new_sample(events, header.process)}, header.process}});
    try {
        expect_known_range(campaign, read_source_events(campaign, campaign.events_path()).samples);
    } catch (...) {
        fs::remove_all(to.root());
        throw;
    }
    share_results(from, to);
    publish_sealed(to.campaign(), campaign_toml(campaign));
    return {to.campaign(), to.root()};
}

/// The patch of a bundle has the ratios of its events, the data among them if it has these.
void write_bundle_patch(const Arguments& arguments,
                        const RunDirectory& directory,
                        PatchHeader header) {
    const Bundle bundle = open_bundle(arguments.text("bundle"));
    const RatioFile published(bundle.ratios());
    const RatioFile ratios(directory.ratios());
    for (const RatioSet& set : published.sets()) {
        if (std::ranges::find(ratios.sets(), set.name, &RatioSet::name) != ratios.sets().end()) {
            continue;
        }
        throw DataError(fmt::format(
            "no patch is written: the bundle has the events of '{0}', which '{1}' has not "
            "evaluated, because it is blind. Open its data with\n    ratiofarm run {2} --out {1} "
            "--unblind \"REASON\"\nand give this command again",
            set.name, directory.root().string(), directory.campaign().string()));
    }
    header.bundle = digest_of(bundle.record).hex();
    const fs::path file = directory.root() / (header.process + ".rfp");
    write_patch(file, header, published, ratios);
    show(fmt::format("patch of bundle {}: {}\n", header.bundle, file.string()));
}

ExitCode run_patch(RunContext& context, const Arguments& arguments) {
    const mpi::Communicator& world = context.world;
    PatchHeader header;
    WorkspaceRequest request{};
    request.needs = Needs::selection;
    request.device = arguments.text("device");
    mpi::together(world, [&] {
        header = parse_patch(arguments);
        request.farm = farm_settings(context, arguments);
        request.places = {required(arguments, "out", "patched.run"), arguments.text("out")};
        request.places.campaign = RunDirectory(request.places.out).campaign();
        if (world.is_root()) request.places = prepare(arguments, header);
    });
    Workspace workspace = open_workspace(context, request);
    const std::vector<Stage> stages{Stage::train, Stage::gather, Stage::infer};
    const ExitCode code =
        run_stages(context, workspace, with_selection(workspace.planned.written, stages));
    if (code != ExitCode::done) return code;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        const RatioFile ratios(workspace.place.directory.ratios());
        const Support support = support_of(ratios, header.process, header.process);
        show(fmt::format("support of {}: {}\n", header.process, support_text(support)));
        expect_support(header.process, support);  // doubts are warnings of the fit
    });
    const ExitCode fitted = run_stages(context, workspace, {Stage::fit, Stage::report});
    if (fitted != ExitCode::done || !arguments.has("bundle")) return fitted;
    mpi::together(world, [&] {
        if (world.is_root()) write_bundle_patch(arguments, workspace.place.directory, header);
    });
    return fitted;
}

}  // namespace

Command patch_command() {
    auto options = farm_options();
    options.insert(
        options.begin(),
        {{"process", "NAME", "the new process"},
         {"events", "FILE", "its events, with the features of the campaign"},
         {"coefficient", "TEXT", "of the process, such as mu_bsm"},
         {"yield", "N", "expected events at coefficient 1"},
         {"range", "NAME=LOW:HIGH",
          "a parameter that the campaign does not have yet; may be repeated, the first is the "
          "parameter of interest"},
         {"out", "DIR", "run directory of the patched campaign"},
         {"bundle", "DIR", "also write the patch that belongs to this bundle of RUN"},
         {"device", "WORD", "auto, cpu or cuda", "auto"}});
    return {
        .name = "patch",
        .group = Group::result,
        .summary = "Adds a new signal to a run, by training only its ratio",
        .details =
            "The process stays outside the reference; all other nets are used as they "
            "are. Refuses a signal that lies where the reference has no events.",
        .examples = {"patch peak.run --process BSM --events bsm.h5 --coefficient mu_bsm --yield "
                     "50 --range mu_bsm=0:10 --out patched.run"},
        .positional = {"RUN"},
        .required_positional = 1,
        .options = std::move(options),
        .ranks = Ranks::all,
        .trainers = Trainers::used,
        .run = run_patch};
}

}  // namespace ratiofarm
