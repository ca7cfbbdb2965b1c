#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ratiofarm {

/// Gives this program the descriptors 0 to 2 that whoever started it closed, as /dev/null: the next
/// files and sockets would get their numbers, and what is printed would go there. Call it first.
void open_standard_descriptors();

/// Where an output stream of a started program goes.
enum class Output : std::uint8_t {
    inherited,  ///< where our own goes
    captured,   ///< into ProcessEnd
    discarded,
};

/// A program to start. There is no shell in between: each word reaches it as it is.
struct ProcessCall {
    std::vector<std::string> words;     ///< the program, looked for in PATH, and its arguments
    std::filesystem::path folder = {};  ///< that it works in; empty: our own
    Output output = Output::inherited;
    Output errors = Output::inherited;
    bool input = true;  ///< whether it reads our standard input; otherwise it reads nothing
    /// Asked ten times a second: once it says yes, the program and what it has started are killed.
    std::function<bool()> give_up = {};
};

/// How a program ended.
struct ProcessEnd {
    int code = 0;    ///< exit code; 0 if a signal ended it
    int signal = 0;  ///< that ended it; 0: it ended by itself
    bool given_up = false;
    std::string output;  ///< what was captured
    std::string errors;

    bool ok() const { return code == 0 && signal == 0; }
};

/// Starts a program and waits until it has ended, not for what it leaves behind. It is started
/// without a copy of this process, which a process that uses MPI should not make. \return nothing
/// if it cannot be started: no such program, no such folder \throws SystemError if there are no
/// more descriptors or its output cannot be read \pre call.words is not empty
std::optional<ProcessEnd> run_process(const ProcessCall& call);

}  // namespace ratiofarm
