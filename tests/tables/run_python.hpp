#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

namespace ratiofarm::test {

/// Runs a script with the Python of the tests, which has h5py and numpy. Without that Python the
/// test fails in CI; elsewhere the reason is printed.
/// \return false if there is no such Python and the test should be left
inline bool run_python(const std::string& script, const std::string& argument) {
    if (!std::filesystem::exists(RATIOFARM_PYTHON)) {
        if (std::getenv("CI") != nullptr) FAIL("no Python at " RATIOFARM_PYTHON);
        WARN("skipped: no Python at " RATIOFARM_PYTHON ", './run setup' makes one");
        return false;
    }
    const TemporaryDirectory folder;
    const std::string path = (folder / "script.py").string();
    std::ofstream(path) << script;
    std::string command = RATIOFARM_PYTHON;
    command.append(" ").append(path).append(" ").append(argument);
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
    return true;
}

}  // namespace ratiofarm::test
