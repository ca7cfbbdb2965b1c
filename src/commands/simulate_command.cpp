#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/commands/command.hpp"
#include "ratiofarm/physics/interference_toy.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign_samples.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

EventSample simulate_sample(const Campaign& campaign, const ToyDensities& toy, ToySample sample) {
    const SimulateSection& settings = *campaign.simulate;
    SimulatedEvents events =
        simulate(toy, sample, {0, settings.events}, settings.events, settings.seed);
    LogDensity exact;
    for (const ToySample column : toy_samples)
        exact.processes.emplace_back(toy_sample_name(column));
    exact.values = std::move(events.log_densities);
    return {.name = std::string(toy_sample_name(sample)),
            .columns = campaign.events.features,
            .features = std::move(events.features),
            .weight = std::move(events.weight),
            .id = std::move(events.id),
            .log_density = std::move(exact)};
}

void print_facts(const Campaign& campaign, const ToyDensities& toy, bool as_json) {
    const std::string path = campaign.events_path().string();
    nlohmann::ordered_json json{{"schema", 1},
                                {"file", path},
                                {"events_per_sample", campaign.simulate->events},
                                {"interference_yield", toy.interference_yield()}};
    for (const ToySample sample : toy_samples) {
        json["yields"][std::string(toy_sample_name(sample))] = toy.yield(sample);
    }
    if (as_json) {
        fmt::print("{}\n", json.dump(2));
        return;
    }
    fmt::print("{}: {} events per sample with exact densities\n", path, campaign.simulate->events);
    for (const ToySample sample : toy_samples) {
        fmt::print("  yield {:<4} {:.6f}\n", toy_sample_name(sample), toy.yield(sample));
    }
    fmt::print("  yield {:<4} {:.6f}   (interference)\n", "I", toy.interference_yield());
}

ExitCode run(CommandContext&, const Arguments& arguments) {
    const fs::path file = campaign_argument(arguments.positional());
    const Campaign campaign = read_campaign(file);
    if (!campaign.simulate) {
        throw ConfigError(
            fmt::format("{}: [simulate] is missing (model, events and the tables S "
                        "and B; docs/campaign.md explains them)",
                        file.string()));
    }
    const fs::path events = campaign.events_path();
    if (fs::exists(events) && !arguments.has("force")) {
        throw ConfigError(
            fmt::format("'{}' exists already; use --force to replace it, or name "
                        "another file in events.file",
                        events.string()));
    }
    const ToyDensities toy(campaign.simulate->toy);
    std::vector<EventSample> samples;
    for (const ToySample sample : toy_samples) {
        samples.push_back(simulate_sample(campaign, toy, sample));
    }
    write_events(events, samples);
    print_facts(campaign, toy, arguments.has("json"));
    return ExitCode::done;
}

}  // namespace

Command simulate_command() {
    return {.name = "simulate",
            .summary = "Writes the events file of a campaign's closed-form [simulate] section.",
            .positional = {"CAMPAIGN.toml"},
            .options = {{"force", "", "replace an existing events file"},
                        {"json", "", "print the facts as JSON"}},
            .run = run};
}

}  // namespace ratiofarm
