#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/campaign.hpp"
#include "campaign/file/starter_campaign.hpp"
#include "core/publish.hpp"
#include "core/screen.hpp"
#include "core/suggest.hpp"

#include "campaign_samples.hpp"
#include "command.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// "campaign" says nothing: such a file is called after its folder.
std::string name_from(const fs::path& file) {
    const std::string stem = file.stem().string();
    const std::string folder = fs::absolute(file).parent_path().filename().string();
    return stem == "campaign" && !folder.empty() ? folder : stem;
}

Starter starter_of(const std::string& word) {
    const auto starter = enumerator_of<Starter>(word);
    if (starter) return *starter;
    throw ConfigError(fmt::format("--template {}: must be {}{}", word,
                                  fmt::join(words_of<Starter>(), ", "),
                                  did_you_mean(word, words_of<Starter>())));
}

/// A campaign of the samples that a file holds.
std::string of_events(const std::string& name, const fs::path& events, const fs::path& campaign) {
    std::vector<SampleToRead> wanted = all_samples(events);
    for (SampleToRead& sample : wanted) sample.levels = false;
    const auto samples = read_sample_info(events, wanted, {}, Split{});
    const fs::path folder = fs::absolute(campaign).parent_path();
    const fs::path file = fs::absolute(events).lexically_relative(folder);
    return campaign_of_events(name, file.string(), samples);
}

std::string next_text(const std::string& file, bool own_events, Starter starter) {
    if (own_events) {
        return fmt::format(
            "  ratiofarm check {0}\n  ratiofarm plan {0}\n  ratiofarm run {0} -n 2\n", file);
    }
    if (starter == Starter::binned) {
        return fmt::format("  ratiofarm fit {0}\n  ratiofarm limits {0}\n", file);
    }
    return fmt::format("  ratiofarm simulate {0}\n  ratiofarm plan {0}\n  ratiofarm run {0} -n 2\n",
                       file);
}

ExitCode run_init(RunContext&, const Arguments& arguments) {
    const fs::path file = campaign_argument(arguments.positional());
    if (fs::exists(file) && !arguments.has("force")) {
        throw ConfigError(
            fmt::format("'{}' exists already; name another file, or use --force to "
                        "replace it",
                        file.string()));
    }
    const bool own_events = arguments.has("events");
    if (own_events && arguments.has("template")) {
        throw ConfigError("--events makes a campaign of your samples: leave out --template");
    }
    const std::string name = arguments.has("name") ? arguments.text("name") : name_from(file);
    const Starter starter = arguments.has("template") ? starter_of(arguments.text("template"))
                                                      : Starter::signal_background;
    const std::string text = own_events ? of_events(name, arguments.text("events"), file)
                                        : starter_campaign(name, starter);
    try {
        parse_campaign(text, file.parent_path(), file.string());
    } catch (const ConfigError& error) {
        throw ConfigError(fmt::format("{}\nChoose a name with --name.", error.what()));
    }
    publish(file, text);
    if (arguments.has("quiet")) return ExitCode::done;
    show(fmt::format("{}: campaign '{}'{}\n\nnext\n{}", file.string(), name,
                     own_events ? "; look at the coefficients of its processes" : "",
                     next_text(file.string(), own_events, starter)));
    return ExitCode::done;
}

}  // namespace

Command init_command() {
    return {
        .name = "init",
        .group = Group::begin,
        .summary = "Writes a campaign to start from, for your own events or a toy",
        .examples = {"init peak.toml --events events.h5", "init toy.toml --template interference"},
        .positional = {"CAMPAIGN.toml"},
        .options = {{"events", "FILE", "make it of the samples, features and weights of this file"},
                    {"template", "WORD",
                     "signal-background (default), interference, systematics, regions or binned: "
                     "a toy that 'ratiofarm simulate' makes events for"},
                    {"name", "NAME", "name of the campaign (default: of the file or its folder)"},
                    {"force", "", "replace an existing file"}},
        .run = run_init};
}

}  // namespace ratiofarm
