#include <fmt/format.h>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/commands/command.hpp"
#include "ratiofarm/core/publish.hpp"

#include "campaign_samples.hpp"
#include "pyhf_export.hpp"

namespace ratiofarm {
namespace {

ExitCode run(CommandContext& context, const Arguments& arguments) {
    if (arguments.text("format") != "pyhf") {
        throw ConfigError(fmt::format("--format = '{}': must be pyhf", arguments.text("format")));
    }
    const auto file = campaign_argument(arguments.positional());
    const Campaign campaign = read_campaign(file);
    const auto workspace = in_context(file.string(), [&] { return pyhf_from_campaign(campaign); });
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

}  // namespace

Command export_command() {
    return {.name = "export",
            .summary = "Writes the binned regions of a campaign as a workspace.",
            .positional = {"CAMPAIGN.toml"},
            .options = {{"format", "FORMAT", "only pyhf", "pyhf"},
                        {"out", "FILE", "file to write (default: print it)"}},
            .run = run};
}

}  // namespace ratiofarm
