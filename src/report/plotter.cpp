#include "plotter.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/publish.hpp"

extern char** environ;

namespace ratiofarm {
namespace {

/// A fresh folder that is removed with all it holds.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "ratiofarm-plot-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw SystemError(errno_message("cannot make a folder like '" + name + "'", errno));
        }
        path_ = name;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// Runs a program with its output in files. posix_spawn, because a process that uses MPI should not
/// fork a copy of itself.
/// \return the exit status, or nothing if it cannot be started
std::optional<int> run_program(const std::string& program,
                               std::initializer_list<std::string> arguments,
                               const std::string& output,
                               const std::string& errors) {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), flags, 0600);
    pid_t child = 0;
    const int failure =
        posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return std::nullopt;
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return std::nullopt;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Version text of the program, or nothing if it is not there or is no gnuplot.
std::string find_version(const std::string& program) {
    const ScratchFolder folder;
    const auto status = run_program(program, {"--version"}, folder / "out", folder / "err");
    if (status != 0) return {};
    std::string text = read_text(folder / "out");
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text.rfind("gnuplot", 0) == 0 ? text : std::string();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

/// Removes gnuplot's internal names, which browsers show as tooltips.
void remove_titles(std::string& svg) {
    for (std::size_t at = svg.find("<title>"); at != std::string::npos;
         at = svg.find("<title>", at)) {
        const std::size_t end = svg.find("</title>", at);
        if (end == std::string::npos) return;
        svg.erase(at, end + 8 - at);
    }
}

/// Only the <svg> element, with ids of its own.
std::string embeddable(std::string svg, std::string_view id) {
    const std::size_t start = svg.find("<svg");
    const std::size_t end = svg.rfind("</svg>");
    if (start == std::string::npos || end == std::string::npos) {
        throw SystemError("gnuplot wrote no complete SVG picture");
    }
    svg = svg.substr(start, end + 6 - start);
    remove_titles(svg);
    const std::string prefix(id);
    for (const char* opening : {" id=\"", " id='", "href=\"#", "href='#", "url(#"}) {
        replace_all(svg, opening, opening + prefix + '-');
    }
    return svg;
}

}  // namespace

Plotter::Plotter(std::string program)
    : program_(std::move(program)), version_(find_version(program_)) {}

std::string Plotter::complaint() const {
    if (available()) return {};
    return "no plots: the program '" + program_ +
           "' was not found or does not run; install gnuplot (Debian: gnuplot-nox) and make the "
           "report again";
}

std::string Plotter::svg(const Plot& plot, std::string_view id) const {
    if (!available()) throw SystemError(complaint());
    const ScratchFolder folder;
    publish(folder / "plot.gp", std::string_view(gnuplot_program(plot)));
    // -d: the picture does not depend on the user's own settings.
    const auto status =
        run_program(program_, {"-d", folder / "plot.gp"}, folder / "plot.svg", folder / "err");
    if (status != 0) throw SystemError("gnuplot failed: " + read_text(folder / "err"));
    return embeddable(read_text(folder / "plot.svg"), id);
}

}  // namespace ratiofarm
