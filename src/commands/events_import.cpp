#include "events_import.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/process.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Options that go to the script as they are.
constexpr std::array passed{"sample",      "tree",       "features",  "weight",
                            "weights",     "scale",      "id",        "cut",
                            "same-events", "symmetrise", "particles", "particle-type",
                            "truth",       "pass-reco",  "pass-truth"};

/// What the script reads, and what people try.
constexpr std::array endings{".root", ".csv",     ".tsv", ".txt", ".dat", ".csv.gz",
                             ".npz",  ".parquet", ".pq",  ".h5",  ".hdf5"};

/// Beside the programs: share/ratiofarm of the installation, or of the build.
fs::path script(const char* name) {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    fs::path path = program.parent_path().parent_path() / "share/ratiofarm" / name;
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
    const bool madminer = arguments.has("madminer");
    std::vector<std::string> words{
        python(arguments), script(madminer ? "import_madminer.py" : "import_events.py").string(),
        "--out", out.string()};
    if (madminer) {
        for (const char* option : {"madminer", "campaign", "lumi"}) {
            if (!arguments.has(option)) continue;
            words.push_back(fmt::format("--{}={}", option, arguments.text(option)));
        }
        return words;
    }
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
        throw ConfigError(fmt::format(
            "cannot start '{}', which reads events; name a Python that has h5py, and uproot "
            "or pyarrow, with --python or RATIOFARM_PYTHON (python3 -m venv "
            "import-env && import-env/bin/pip install h5py uproot pyarrow)",
            words.front()));
    }
    constexpr int ended_by_signal = 128;
    return end->signal == 0 ? end->code : ended_by_signal + end->signal;
}

}  // namespace

std::vector<Option> events_options() {
    return {
        {"sample", "NAME=FILE[:TREE]",
         "a table as a sample: ROOT (of a tree), CSV, Parquet or npz; again for more files and "
         "samples"},
        {"tree", "NAME", "tree of ROOT files that are given without one"},
        {"features", "NAMES",
         "columns, or name=expression of columns, separated by commas: "
         "pt,phi=arctan2(py,px),lead=jet_pt[:,0],ht=sum(jet_pt) (default with --particles: their "
         "number, multiplicity)"},
        {"particles", "NAMES",
         "columns with a list for each event, one number for each particle, or name=expression of "
         "such: px=jet_pt*cos(jet_phi); E,px,py,pz first if nets are to know momenta"},
        {"particle-type", "COLUMN", "such a list of whole numbers, for example PDG ids"},
        {"truth", "NAMES",
         "for an unfolding: what was true of the simulated events, columns or name=expression"},
        {"pass-reco", "CONDITION",
         "with --truth: the event was reconstructed and has features (default: column pass_reco)"},
        {"pass-truth", "CONDITION",
         "with --truth: the event is in the region of the truth (default: column pass_truth)"},
        {"weight", "[SAMPLE=]COLUMN",
         "column, expression or number; their sum is the expected number. data=1: of one sample; "
         "may be repeated",
         "1"},
        {"weights", "NAME=COLUMN",
         "a further column of weights for every sample that has it; may be repeated"},
        {"scale", "SAMPLE=FACTOR", "factor on all weights of a sample; may be repeated"},
        {"id", "COLUMNS",
         "whole numbers that tell events apart, for example run,event (default: entry numbers)"},
        {"same-events", "SAMPLE=OTHER",
         "a variation has the events of another sample, so both get the same ids; may be repeated"},
        {"symmetrise", "NEW=VARIED",
         "the other side of a one-sided variation, a sample or --weights: twice the nominal less "
         "the varied; may be repeated"},
        {"cut", "EXPRESSION",
         "keep events for which it is true, each condition in brackets: \"(mass > 50) & ok\""},
        {"madminer", "FILE", "events and campaign of a MadMiner file, with --campaign and --lumi"},
        {"campaign", "FILE", "campaign to write (default: campaign.toml)"},
        {"lumi", "NUMBER", "luminosity in 1/pb, for which weights are events", "1"},
        {"python", "FILE",
         "Python with numpy, h5py, and uproot or pyarrow (default: $RATIOFARM_PYTHON, or "
         "python3)"}};
}

bool is_events_table(const fs::path& file) {
    const std::string name = file.filename().string();
    return std::any_of(endings.begin(), endings.end(),
                       [&](const char* ending) { return name.ends_with(ending); });
}

ExitCode import_events(const Arguments& arguments) {
    const fs::path out = arguments.has("out") ? arguments.text("out") : "events.h5";
    if (!arguments.has("features") && !arguments.has("madminer") && !arguments.has("particles")) {
        throw ConfigError(
            "import: --features is missing: the columns that the nets see, for example "
            "--features mass,pt");
    }
    const auto expect_new = [&](const fs::path& file, const char* option) {
        if (!fs::exists(file) || arguments.has("force")) return;
        throw ConfigError(fmt::format(
            "'{}' exists already; choose another file with --{}, or use --force to replace it",
            file.string(), option));
    };
    expect_new(out, "out");
    if (arguments.has("madminer")) {
        expect_new(arguments.has("campaign") ? arguments.text("campaign") : "campaign.toml",
                   "campaign");
    }
    std::fflush(nullptr);
    return static_cast<ExitCode>(run_and_wait(command_line(arguments, out)));
}

}  // namespace ratiofarm
