#include <fmt/format.h>

#include "core/screen.hpp"
#include "core/signal_flags.hpp"
#include "pipeline/search/study_service.hpp"

#include "command.hpp"

namespace ratiofarm {
namespace {

StudyFolder folder_of(const std::filesystem::path& study, const Arguments& arguments) {
    if (arguments.has("out")) return {arguments.text("out")};
    return {std::filesystem::path(study).replace_extension(".study")};
}

/// What the journal says, and whether this program would still answer so.
ExitCode repeat_study(const StudySection& section, const StudyFolder& folder) {
    if (!std::filesystem::exists(folder.journal())) {
        throw DataError(fmt::format("there is no '{}'; 'ratiofarm hpo serve' begins the study",
                                    folder.journal().string()));
    }
    const StudyBooks books(section, folder.journal(), StudyBooks::Open::to_look);
    show(fmt::format("replayed    {} lines, each with the same answer\n{}", books.lines(),
                     publish_study(books.study(), folder)));
    return ExitCode::done;
}

ExitCode run_hpo(RunContext& context, const Arguments& arguments) {
    const std::string& action = arguments.positional().front();
    const std::filesystem::path path = arguments.positional().back();
    if (action != "serve" && action != "replay") {
        throw ConfigError("hpo '" + action + "': must be serve or replay");
    }
    const StudySection section = read_study(path);
    const StudyFolder folder = folder_of(path, arguments);
    if (action == "replay") return repeat_study(section, folder);
    install_signal_flags();
    constexpr double longest = 3600.0;
    const ServiceOptions options{arguments.number("poll", 0.001, longest), arguments.has("socket")};
    return serve_study(section, folder, options, context.log);
}

}  // namespace

Command hpo_command() {
    return {
        .name = "hpo",
        .group = Group::whole,
        .summary = "Searches settings whose trials other programs train",
        .details =
            "STUDY.toml says what is searched; ratiofarm proposes the points and keeps the "
            "books. 'serve' answers trainers by files in the folder of the study, or over a local "
            "socket, until the study is over; it can be killed and started again at any time. "
            "'replay' repeats the journal, compares every answer and writes the tables. "
            "docs/hpo.md has the conversation.",
        .examples = {"hpo serve calo.toml", "hpo replay calo.toml"},
        .positional = {"ACTION", "STUDY.toml"},
        .required_positional = 2,
        .options = {{"out", "DIR", "folder of the study; STUDY.study beside the file without it"},
                    {"poll", "SECONDS", "time between looks for requests", "1"},
                    {"socket", "", "answer over the local socket DIR/socket, too"}},
        .run = run_hpo,
    };
}

}  // namespace ratiofarm
