#include "root_import.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/process.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Options that go to the script as they are.
constexpr std::array passed{"sample", "tree", "features", "weight",     "weights",
                            "scale",  "id",   "cut",      "same-events"};

/// Beside the programs: share/ratiofarm of the installation, or of the build.
fs::path script() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    fs::path path = program.parent_path().parent_path() / "share/ratiofarm/import_root.py";
    if (!fs::exists(path)) {
        throw ConfigError(fmt::format(
            "'{}' is missing; it is installed with the programs (cmake --install)", path.string()));
    }
    return path;
}

std::string python(const Arguments& arguments) {
    if (arguments.has("python")) return arguments.text("python");
    const char* chosen = std::getenv("RATIOFARM_PYTHON");
    return chosen != nullptr && *chosen != '\0' ? chosen : "python3";
}

std::vector<std::string> command_line(const Arguments& arguments, const fs::path& out) {
    std::vector<std::string> words{python(arguments), script().string(), "--out", out.string()};
    for (const char* option : passed) {
        for (const std::string& value : arguments.texts(option)) {
            // One word: a weight or a cut may begin with a dash.
            words.push_back(fmt::format("--{}={}", option, value));
        }
    }
    if (!arguments.positional().empty()) {
        const fs::path file = arguments.positional().front();
        words.push_back(fmt::format("--sample={}={}", file.stem().string(), file.string()));
    }
    return words;
}

/// \return the exit code; 128 + n if signal n ended the script
int run_and_wait(const std::vector<std::string>& words) {
    const auto end = run_process({.words = words});
    if (!end) {
        throw ConfigError(
            fmt::format("cannot start '{}', which reads ROOT files with the package uproot; name a "
                        "Python that has it with --python or RATIOFARM_PYTHON (python3 -m venv "
                        "root-env && root-env/bin/pip install uproot h5py)",
                        words.front()));
    }
    constexpr int ended_by_signal = 128;
    return end->signal == 0 ? end->code : ended_by_signal + end->signal;
}

}  // namespace

std::vector<Option> root_options() {
    return {
        {"sample", "NAME=FILE[:TREE]",
         "trees of a ROOT file as a sample; again for more files and samples"},
        {"tree", "NAME", "tree of files that are given without one"},
        {"features", "NAMES",
         "branches, or name=expression of branches, separated by commas: pt,phi=arctan2(py,px)"},
        {"weight", "BRANCH", "branch, expression or number; their sum is the expected number", "1"},
        {"weights", "NAME=BRANCH",
         "a further column of weights for every sample that has the branch; may be repeated"},
        {"scale", "SAMPLE=FACTOR", "factor on all weights of a sample; may be repeated"},
        {"id", "BRANCHES",
         "whole numbers that tell events apart, for example run,event (default: entry numbers)"},
        {"same-events", "SAMPLE=OTHER",
         "a variation has the events of another sample, so both get the same ids; may be repeated"},
        {"cut", "EXPRESSION",
         "keep events for which it is true, each condition in brackets: \"(mass > 50) & ok\""},
        {"python", "FILE",
         "Python with uproot, numpy and h5py (default: $RATIOFARM_PYTHON, or python3)"}};
}

ExitCode import_root(const Arguments& arguments) {
    const fs::path out = arguments.has("out") ? arguments.text("out") : "events.h5";
    if (!arguments.has("features")) {
        throw ConfigError(
            "import: --features is missing: the branches that the nets see, for example "
            "--features mass,pt");
    }
    if (fs::exists(out) && !arguments.has("force")) {
        throw ConfigError(fmt::format(
            "'{}' exists already; choose another file with --out, or use --force to replace it",
            out.string()));
    }
    std::fflush(nullptr);
    return static_cast<ExitCode>(run_and_wait(command_line(arguments, out)));
}

}  // namespace ratiofarm
