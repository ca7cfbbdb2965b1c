#include "workspace_options.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/made_from.hpp"
#include "core/signal_flags.hpp"
#include "store/run_directory.hpp"

#include "patch.hpp"

namespace ratiofarm {

std::vector<Option> workspace_options() {
    return {
        {"out", "DIR", "run directory (default: <campaign name>.run)"},
        {"device", "WORD", "auto, cpu or cuda", "auto"},
        {"accept-change", "", "train nets again whose part of the campaign has changed"},
        {"fresh", "",
         "make the results of this command again: remove them and what was made of them"},
        {"yes", "", "with --fresh: trained nets may be removed"},
    };
}

Option ratios_option() {
    return {"ratios", "FILE", "ratio file (default: ratios.h5 of the run directory)"};
}

void add_ratios_options(std::vector<Option>& options) {
    options.push_back(ratios_option());
    options.push_back({"patch", "FILE", "a new signal for the bundle that is fitted"});
}

Option unblind_option() {
    return {"unblind", "REASON",
            "look at the data of a blind campaign from now on; the reason is kept and shown"};
}

Places find_places(const Arguments& arguments) {
    Places places{{}, arguments.text("out")};
    if (!arguments.positional().empty()) {
        places.campaign = arguments.positional().front();
        const RunDirectory named(places.campaign);
        const bool is_run = std::filesystem::is_directory(places.campaign) && has_begun(named) &&
                            !is_bundle(places.campaign);
        if (!is_run) return places;
        if (!places.out.empty()) {
            throw ConfigError(fmt::format(
                "'{}' is a run directory, and --out = '{}' another: name the campaign, or one of "
                "them",
                places.campaign.string(), places.out.string()));
        }
        return {named.campaign(), places.campaign};
    }
    const std::filesystem::path here = "campaign.toml";
    const bool is_here = std::filesystem::exists(here);
    if (!places.out.empty()) {
        const RunDirectory directory(places.out);
        places.campaign = !has_begun(directory) && is_here ? here : directory.campaign();
        return places;
    }
    if (!is_here) {
        throw ConfigError(
            "there is no 'campaign.toml' in this folder: name the campaign, or its run directory "
            "with --out; 'ratiofarm init' writes one");
    }
    places.campaign = here;
    return places;
}

namespace {

/// Where a run directory stands for its campaign: one in this folder that was edited since is not
/// the one that is taken.
void warn_of_edited(const Places& places, const Log& log) {
    const std::filesystem::path here = "campaign.toml";
    if (places.out.empty() || places.campaign != RunDirectory(places.out).campaign()) return;
    if (!std::filesystem::exists(places.campaign)) {
        throw ConfigError(fmt::format(
            "'{}' has no copy of its campaign, as of a fit without trainings: name the campaign "
            "file, and the run directory with --out",
            places.out.string()));
    }
    try {
        const Campaign copy = read_campaign(places.campaign);
        const Campaign edited = read_campaign(here);
        const auto changes = campaign_diff(copy, edited);
        if (copy.name != edited.name || changes.empty()) return;
        log.warning(fmt::format(
            "'{}' of this folder is not used: without its name a command takes the copy in '{}', "
            "which differs{}\nname it to use it: ratiofarm ... {} --out {}",
            here.string(), places.out.string(), first_of(changes, "\n  ").insert(0, ":"),
            here.string(), places.out.string()));
    } catch (const Error&) {  // there is none, or it is no campaign: nothing that could be meant
    }
}

/// Where the command line names a bundle, its campaign and its ratios, which are looked at and not
/// changed. With a patch, copies that have its process.
void enter_bundle(WorkspaceRequest& request, const std::string& patch, const Log& log) {
    auto& [campaign, out] = request.places;
    if (!is_bundle(campaign)) {
        if (patch.empty()) return;
        throw ConfigError(fmt::format("--patch: '{}' is no bundle", campaign.string()));
    }
    const Bundle bundle = open_bundle(campaign);
    if (request.unblinding) {
        throw ConfigError(fmt::format(
            "--unblind: the bundle '{}' has no data that are blind: look at those of the run that "
            "it was made of, then publish them with 'ratiofarm bundle --data'",
            campaign.string()));
    }
    if (!request.ratios.empty()) {
        throw ConfigError(
            fmt::format("--ratios: the bundle '{}' has its own; to fit others, give "
                        "its campaign.toml",
                        campaign.string()));
    }
    const auto inside = std::filesystem::weakly_canonical(out).lexically_relative(
        std::filesystem::weakly_canonical(bundle.folder));
    if (!out.empty() && !inside.empty() && *inside.begin() != "..") {
        throw ConfigError(
            fmt::format("--out = '{}' lies inside the bundle, which stays as it is: "
                        "name another run directory",
                        out.string()));
    }
    campaign = bundle.campaign();
    request.ratios = bundle.ratios();
    if (patch.empty()) return;
    const PatchedBundle patched = apply_patch(bundle, patch, out, log);
    campaign = patched.campaign;
    request.ratios = patched.ratios;
}

/// Of rank 0, below a live line if there is one.
const char* words_at_stop(const RunContext& context) {
    if (!context.world.is_root()) return nullptr;
    return context.log.is_live()
               ? "\nratiofarm: stopping early by a signal; the same command goes on later\n"
               : "ratiofarm: stopping early by a signal; the same command goes on later\n";
}

}  // namespace

Workspace open_workspace(RunContext& context,
                         const Arguments& arguments,
                         Needs needs,
                         Product makes) {
    install_signal_flags(words_at_stop(context));
    WorkspaceRequest request{.places = find_places(arguments), .needs = needs};
    mpi::together(context.world, [&] {
        if (context.world.is_root()) warn_of_edited(request.places, context.log);
    });
    mpi::together(context.world, [&] { request.farm = farm_settings(context, arguments); });
    request.device = arguments.text("device");
    request.accept_change = arguments.has("accept-change");
    if (arguments.has("fresh")) request.fresh = makes;
    request.remove_nets = arguments.has("yes");
    request.ratios = arguments.text("ratios");
    if (arguments.has("unblind")) request.unblinding = arguments.text("unblind");
    mpi::together(context.world, [&] {
        if (needs != Needs::campaign || !context.world.is_root()) return;
        if (!request.ratios.empty() && !std::filesystem::exists(request.ratios)) {
            throw ConfigError(
                fmt::format("--ratios: '{}' does not exist", request.ratios.string()));
        }
        enter_bundle(request, arguments.text("patch"), context.log);
    });
    request.ratios = mpi::all_gather_text(context.world, request.ratios.string()).front();
    return open_workspace(context, request);
}

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

std::vector<Option> join_options() {
    return {
        {"join", "",
         "share the trainings with other jobs that were started with --join: each takes those "
         "that no other has, and they may come and go at any time"},
        {"lease", "S",
         "with --join: take over the trainings of a job that gave no sign of life for this long "
         "(default: 90)"}};
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
    if (arguments.has("join")) {
        settings.join = true;
        for (const char* other : {"shard", "fresh"}) {
            if (!arguments.has(other)) continue;
            throw ConfigError(fmt::format("--join and --{} exclude each other", other));
        }
    }
    if (arguments.has("lease")) {
        if (!settings.join) throw ConfigError("--lease: only for a job with --join");
        settings.lease = arguments.number("lease", 1.0, 1e5);
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

std::vector<Option> fit_request_options() {
    return {
        {"starts", "N", "probes for further minima along each parameter (default: 4)"},
        {"minos", "NAMES", "asymmetric errors of these parameters, separated by commas, or 'all'"},
        {"keep-null-shapes", "",
         "also use shapes that are not significant (default: as the campaign says)"},
        {"storage", "WORD", "systematic ratios in memory: fp32, or fp16, which needs half of it",
         "fp32"},
        {"precision", "WORD",
         "precision of systematic shapes within a block of events: fp64 or fp32", "fp64"},
        {"kernel", "WORD",
         "automatic, portable, avx2 or avx512 (all give the same bits); device: the trainer sums "
         "over the events on --device, where --device cuda means it by itself (equal to 1e-12, "
         "fp32 to 3e-6); or textbook: a slow, plain loop for checks, which reads the events again "
         "in every pass",
         "automatic"}};
}

namespace {

/// The choice that a word names.
template <class Choice>
Choice choice_of(const Arguments& arguments,
                 const std::string& option,
                 const std::vector<std::pair<std::string, Choice>>& words) {
    const std::string word = arguments.text(option);
    std::string allowed;
    for (const auto& [name, choice] : words) {
        if (name == word) return choice;
        allowed += (allowed.empty() ? "" : ", ") + name;
    }
    throw ConfigError("--" + option + " = '" + word + "' (allowed: " + allowed + ")");
}

LikelihoodOptions likelihood_options(const Arguments& arguments) {
    LikelihoodOptions options;
    options.storage = choice_of<ShapeStorage>(
        arguments, "storage", {{"fp32", ShapeStorage::fp32}, {"fp16", ShapeStorage::fp16}});
    options.precision = choice_of<ShapePrecision>(
        arguments, "precision", {{"fp64", ShapePrecision::fp64}, {"fp32", ShapePrecision::fp32}});
    options.instructions = choice_of<InstructionSet>(arguments, "kernel",
                                                     {{"automatic", InstructionSet::automatic},
                                                      {"portable", InstructionSet::portable},
                                                      {"avx2", InstructionSet::avx2},
                                                      {"avx512", InstructionSet::avx512},
                                                      {"device", InstructionSet::automatic},
                                                      {"textbook", InstructionSet::textbook}});
    return options;
}

}  // namespace

bool sums_on_device(const Arguments& arguments) {
    const std::string kernel = arguments.text("kernel");
    return kernel == "device" || (kernel == "automatic" && arguments.text("device") == "cuda");
}

std::vector<std::string> names_in_list(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> names(1);
    for (const char c : arguments.text(option)) {
        if (c == ',') {
            names.emplace_back();
        } else if (c != ' ') {
            names.back() += c;
        }
    }
    for (const auto& name : names) {
        if (!name.empty()) continue;
        throw ConfigError("--" + std::string(option) + " = '" + arguments.text(option) +
                          "': must be names separated by commas");
    }
    return names;
}

FitRequest fit_request(const Arguments& arguments) {
    FitRequest request;
    request.likelihood = likelihood_options(arguments);
    request.on_device = sums_on_device(arguments);
    if (request.on_device && request.likelihood.storage == ShapeStorage::fp16) {
        throw ConfigError(
            "--storage fp16: the trainer sums over events in fp32 only; leave it out, or give "
            "--device cpu --kernel automatic");
    }
    request.keep_null_shapes = arguments.has("keep-null-shapes");
    if (arguments.has("starts")) {
        request.starts = static_cast<unsigned>(arguments.integer("starts", 0, 1000));
    }
    if (arguments.has("minos")) {
        request.all_intervals = arguments.text("minos") == "all";
        if (!request.all_intervals) request.intervals = names_in_list(arguments, "minos");
    }
    return request;
}

}  // namespace ratiofarm
