#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "unique_fd.hpp"

namespace ratiofarm {

/// A command of the shell that lives for a while and answers each line on its standard input by a
/// line on its standard output.
class LineProgram {
public:
    /// \throws SystemError if it cannot be started
    explicit LineProgram(const std::string& command);
    ~LineProgram();  ///< its input ends; what then does not end soon is killed, with what it
                     ///< started
    LineProgram(const LineProgram&) = delete;
    LineProgram& operator=(const LineProgram&) = delete;

    struct Answer {
        std::string line;     ///< without its end
        std::string failure;  ///< why there is none: "ended with exit code 3 (no space left)"
        bool given_up = false;
    };

    /// Waits for the answer. After a failure, or when it was given up, the program has ended.
    /// \param line  without an end
    /// \param give_up  asked ten times a second: once it says yes, the program is killed
    /// \throws SystemError if nothing can be read
    Answer ask(std::string_view line, const std::function<bool()>& give_up);

private:
    void exchange(std::string_view& to_send);
    std::string end(bool by_itself);

    int child_ = -1;  ///< process and group; -1: it has ended
    UniqueFd input_;  ///< its standard input is the other end of this socket
    UniqueFd output_;
    UniqueFd errors_;
    std::string received_;     ///< of its output, not answered with yet
    std::string last_errors_;  ///< the end of what it wrote there
};

/// The last line of a text that is not empty, at most 300 bytes of it; for a message.
std::string last_line(const std::string& text);

}  // namespace ratiofarm
