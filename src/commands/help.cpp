#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "command.hpp"

namespace ratiofarm {
namespace {

namespace po = boost::program_options;

constexpr std::array<std::pair<Group, const char*>, 5> headings{{
    {Group::begin, "to begin"},
    {Group::whole, "the whole chain"},
    {Group::stage, "its stages, each alone"},
    {Group::result, "from the fit"},
    {Group::look, "to look"},
}};

std::string usage(const Command& command) {
    std::string text = "ratiofarm " + command.name;
    for (std::size_t i = 0; i < command.positional.size(); ++i) {
        const bool required = i < command.required_positional;
        text += fmt::format(fmt::runtime(required ? " {}" : " [{}]"), command.positional[i]);
    }
    return text + " [options]";
}

/// Sentences within 80 columns.
std::string wrapped(const std::string& text) {
    std::istringstream words(text);
    std::string result;
    std::string line;
    for (std::string word; words >> word;) {
        if (!line.empty() && line.size() + 1 + word.size() > 80) {
            result += std::exchange(line, "") + '\n';
        }
        line += (line.empty() ? "" : " ") + word;
    }
    return result + line + '\n';
}

/// A command line within 80 columns, as a shell takes it.
std::string example_text(const std::string& example) {
    std::string line = "  ratiofarm " + example;
    std::string text;
    while (line.size() > 80) {
        const auto end = line.rfind(' ', 78);
        text += line.substr(0, end) + " \\\n";
        line = "     " + line.substr(end);
    }
    return text + line + '\n';
}

bool takes_campaign(const Command& command) {
    return !command.positional.empty() && command.positional.front() == "CAMPAIGN.toml" &&
           command.required_positional == 0;
}

std::string names_of_all() {
    std::vector<std::string> names{"help"};
    for (const Command& command : all_commands()) names.push_back(command.name);
    return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_completion() {
    std::string cases;
    for (const Command& command : all_commands()) {
        std::string options = "--help --quiet --verbose";
        if (command.ranks == Ranks::all) options += " --ranks";
        for (const Option& option : command.options) options += " --" + option.name;
        cases += fmt::format("        {}) options=\"{}\" ;;\n", command.name, options);
    }
    return fmt::format(R"(# bash completion of ratiofarm
_ratiofarm() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} options=
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "{0} --version" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
        help) options="{0} --bash --zsh --man" ;;
{1}    esac
    if [[ $word == -* || ${{COMP_WORDS[1]}} == help ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _ratiofarm ratiofarm
)",
                       names_of_all(), cases);
}

/// Text of a manual page: no line may begin with a dot or an apostrophe, backslashes are doubled.
std::string roff(const std::string& text) {
    std::string result;
    for (const char letter : text) {
        const bool begins = result.empty() || result.back() == '\n';
        if (begins && (letter == '.' || letter == '\'')) result += "\\&";
        result += letter == '\\' ? "\\\\" : letter == '-' ? "\\-" : std::string(1, letter);
    }
    return result;
}

std::string manual_page() {
    std::string page =
        ".TH RATIOFARM 1\n.SH NAME\nratiofarm \\- trains density ratios on many processors and "
        "fits a measurement with them\n.SH SYNOPSIS\nratiofarm COMMAND [CAMPAIGN.toml] [options]\n"
        ".SH COMMANDS\n";
    for (const auto& [group, heading] : headings) {
        for (const Command& command : all_commands()) {
            if (command.group != group) continue;
            page += fmt::format(".SS {}\n{}.\n{}\n", roff(usage(command)), roff(command.summary),
                                roff(command.details));
            for (const Option& option : command.options) {
                page += fmt::format(".TP\n\\-\\-{} {}\n{}{}\n", roff(option.name),
                                    roff(option.value), roff(option.description),
                                    option.default_value.empty()
                                        ? ""
                                        : roff(" (default: " + option.default_value + ")"));
            }
            for (const std::string& example : command.examples) {
                page += fmt::format(".PP\n.EX\nratiofarm {}\n.EE\n", roff(example));
            }
        }
    }
    return page;
}

}  // namespace

po::options_description described(const Command& command) {
    po::options_description options("options", 80, 48);
    for (const Option& option : command.options) {
        if (option.value.empty()) {
            options.add_options()(option.name.c_str(), option.description.c_str());
            continue;
        }
        auto* value = po::value<std::string>()->value_name(option.value);
        if (!option.default_value.empty()) value->default_value(option.default_value);
        options.add_options()(option.name.c_str(), value, option.description.c_str());
    }
    if (command.ranks == Ranks::all) {
        options.add_options()("ranks,n", po::value<std::string>()->value_name("N"),
                              "run on N ranks of this machine, at most 16 or 4 a core; elsewhere "
                              "mpirun or srun start them");
    }
    options.add_options()("quiet,q", "log warnings and errors only")(
        "verbose,v", "log every task, however many there are")("help,h", "show this text");
    return options;
}

std::string help_text(const Command& command) {
    std::ostringstream options;
    options << described(command);
    std::string text = fmt::format("usage: {}\n\n{}.\n", usage(command), command.summary);
    if (!command.details.empty()) text += wrapped(command.details);
    if (takes_campaign(command)) {
        constexpr std::array only_files{"check", "plan", "simulate", "init", "export"};
        text +=
            std::ranges::find(only_files, command.name) == only_files.end()
                ? "Without CAMPAIGN.toml: the copy in --out, else campaign.toml in this folder.\n"
                : "Without CAMPAIGN.toml: campaign.toml in this folder.\n";
    }
    text += "\n" + options.str();
    if (!command.examples.empty()) text += "\nexamples:\n";
    for (const std::string& example : command.examples) text += example_text(example);
    return text;
}

std::string general_help() {
    std::string text = "usage: ratiofarm COMMAND [CAMPAIGN.toml] [--out DIR] [options]\n";
    for (const auto& [group, heading] : headings) {
        text += fmt::format("\n{}\n", heading);
        for (const Command& command : all_commands()) {
            if (command.group != group) continue;
            text += fmt::format("  {:<9} {}\n", command.name, command.summary);
        }
    }
    return text +
           "\n'ratiofarm help COMMAND' shows its options and examples, 'ratiofarm --version'\n"
           "what it was built with, 'ratiofarm help --man' the manual page. Completion of\n"
           "commands and options: source <(ratiofarm help --bash), or --zsh.\n";
}

std::string help_for(const std::string& word) {
    if (word == "--man") return manual_page();
    if (word == "--bash") return bash_completion();
    if (word == "--zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_completion();
    return help_text(find_command(word));
}

const Command& find_command(const std::string& name) {
    std::vector<std::string> names;
    for (const Command& command : all_commands()) {
        if (command.name == name) return command;
        names.push_back(command.name);
    }
    throw ConfigError(fmt::format("unknown command '{}'{} ('ratiofarm help' lists them)", name,
                                  did_you_mean(name, names)));
}

}  // namespace ratiofarm
