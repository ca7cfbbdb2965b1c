#include <filesystem>

#include <fmt/format.h>

#include "campaign/campaign.hpp"
#include "core/publish.hpp"

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

ExitCode run_init(RunContext&, const Arguments& arguments) {
    const fs::path file = campaign_argument(arguments.positional());
    if (fs::exists(file) && !arguments.has("force")) {
        throw ConfigError(
            fmt::format("'{}' exists already; name another file, or use --force to "
                        "replace it",
                        file.string()));
    }
    const std::string name = arguments.has("name") ? arguments.text("name") : name_from(file);
    const std::string text = starter_campaign(name);
    try {
        parse_campaign(text, file.parent_path(), file.string());
    } catch (const ConfigError& error) {
        throw ConfigError(fmt::format("{}\nChoose a name with --name.", error.what()));
    }
    publish(file, text);
    fmt::print(
        "{0}: campaign '{1}'\n\nnext\n  ratiofarm simulate {0}\n  ratiofarm plan {0}\n"
        "  mpirun -n 2 ratiofarm run {0}\n",
        file.string(), name);
    return ExitCode::done;
}

}  // namespace

Command init_command() {
    return {
        .name = "init",
        .summary = "Writes a commented campaign to start from.",
        .positional = {"CAMPAIGN.toml"},
        .options = {{"name", "NAME", "name of the campaign (default: of the file or its folder)"},
                    {"force", "", "replace an existing file"}},
        .run = run_init};
}

}  // namespace ratiofarm
