#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/wait.h>

namespace ratiofarm::test {

inline std::string text_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// What a program left behind.
struct Ended {
    int code = 0;
    std::string output;
    std::string errors;
};

/// Runs `ratiofarm <words>` in a folder. \param words are read by the shell
inline Ended run_ratiofarm(const std::filesystem::path& folder, const std::string& words) {
    const std::string line = "cd '" + folder.string() + "' && '" RATIOFARM_BIN_DIR "/ratiofarm' " +
                             words + " > .output 2> .errors";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder / ".output"),
            text_of(folder / ".errors")};
}

}  // namespace ratiofarm::test
