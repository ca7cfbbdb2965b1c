#include "version.hpp"

#include <string_view>

#include <fmt/format.h>

#include "ratiofarm/mpi/session.hpp"

#include "core/process.hpp"
#include "core/program_version.hpp"
#include "h5/file.hpp"
#include "workers/launcher.hpp"

namespace ratiofarm {
namespace {

constexpr std::string_view commit =
#include "commit.inc"
    ;

/// "Open MPI v4.1.4" of a text that may tell much more.
std::string first_words(const std::string& text) {
    return text.substr(0, text.find_first_of(",\n"));
}

std::string trainer_text() {
    const auto end = run_process({.words = {default_trainer().string(), "--version"},
                                  .output = Output::captured,
                                  .errors = Output::discarded,
                                  .input = false});
    if (!end || !end->ok()) return "none: nets cannot be trained or evaluated\n";
    return end->output;
}

}  // namespace

std::string version_text() {
    return fmt::format("{}{}\ncompiler {}, {}\nMPI      {}\nHDF5     {}\ntrainer  {}", made_by(),
                       commit.empty() ? "" : fmt::format(", commit {}", commit), RATIOFARM_COMPILER,
                       RATIOFARM_BUILD_TYPE, first_words(mpi::library_version()),
                       h5::library_version(), trainer_text());
}

}  // namespace ratiofarm
