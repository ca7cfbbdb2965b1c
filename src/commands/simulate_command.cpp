#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/campaign.hpp"
#include "core/screen.hpp"
#include "simulation/files/exact_ratios.hpp"
#include "simulation/files/simulated_events.hpp"
#include "simulation/model_variation.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

void print_facts(const Campaign& campaign,
                 const ModelDensities& model,
                 const fs::path& ratios,
                 bool as_json) {
    const std::string path = campaign.has_events() ? campaign.events_path().string() : "";
    nlohmann::ordered_json json{{"schema", 1},
                                {"file", path},
                                {"ratios", ratios.string()},
                                {"events_per_sample", campaign.simulate->events},
                                {"interference_yield", model.interference_yield()}};
    for (const SimulatedSample sample : simulated_samples) {
        json["yields"][std::string(simulated_sample_name(sample))] = model.yield(sample);
    }
    if (as_json) {
        fmt::print("{}\n", json.dump(2));
        return;
    }
    const auto events = campaign.simulate->events;
    if (!path.empty()) {
        show(fmt::format("{}: {} events per sample with exact densities\n", path, events));
    }
    if (!ratios.empty()) {
        show(fmt::format("{}: {} events per sample with exact ratios\n", ratios.string(), events));
    }
    for (const SimulatedSample sample : simulated_samples) {
        show(fmt::format("  yield {:<4} {:.6f}\n", simulated_sample_name(sample),
                         model.yield(sample)));
    }
    show(fmt::format("  yield {:<4} {:.6f}   (interference)\n", "I", model.interference_yield()));
}

void expect_absent(const fs::path& path, const Arguments& arguments, std::string_view key) {
    if (!fs::exists(path) || arguments.has("force")) return;
    throw ConfigError(
        fmt::format("'{}' exists already; use --force to replace it, or name "
                    "another file in {}",
                    path.string(), key));
}

ExitCode run_simulate(RunContext&, const Arguments& arguments) {
    const fs::path file = campaign_argument(arguments.positional());
    const Campaign campaign = read_campaign(file);
    if (!campaign.simulate) {
        throw ConfigError(
            fmt::format("{}: [simulate] is missing (model, events and the tables S "
                        "and B; docs/campaign.md explains them)",
                        file.string()));
    }
    const fs::path ratios = arguments.text("ratios");
    if (!campaign.has_events() && ratios.empty()) {
        throw ConfigError(
            fmt::format("{} has no [events]: only exact ratios can be written; use --ratios FILE",
                        file.string()));
    }
    if (campaign.has_events()) expect_absent(campaign.events_path(), arguments, "events.file");
    if (!ratios.empty()) expect_absent(ratios, arguments, "--ratios");
    const VariedDensities model(campaign.simulate->model, model_variations(*campaign.simulate));
    if (campaign.has_events())
        write_events(campaign.events_path(), simulated_events(campaign, model));
    if (!ratios.empty()) write_exact_ratios(ratios, campaign, model);
    if (arguments.has("quiet") && !arguments.has("json")) return ExitCode::done;
    print_facts(campaign, model.nominal(), ratios, arguments.has("json"));
    return ExitCode::done;
}

}  // namespace

Command simulate_command() {
    return {.name = "simulate",
            .group = Group::begin,
            .summary = "Writes the events of the closed-form model in [simulate]",
            .details =
                "Exact ratios, with their systematics, can be written as well: the truth that nets "
                "are compared with.",
            .examples = {"simulate toy.toml --ratios exact.h5"},
            .positional = {"CAMPAIGN.toml"},
            .options = {{"ratios", "FILE", "also write exact ratios, with their systematics"},
                        {"force", "", "replace existing files"},
                        {"json", "", "print the facts as JSON"}},
            .run = run_simulate};
}

}  // namespace ratiofarm
