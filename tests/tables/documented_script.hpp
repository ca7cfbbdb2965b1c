#pragma once

#include <fstream>
#include <string>

#include "ratiofarm_test/catch.hpp"

namespace ratiofarm::test {

/// The Python block of docs/formats.md that begins with "# title", so that what is printed there
/// works.
inline std::string documented_script(const std::string& title) {
    std::ifstream page(RATIOFARM_SOURCE_DIR "/docs/formats.md");
    std::string line;
    std::string script;
    bool inside = false;
    while (std::getline(page, line)) {
        if (inside && line == "```") return script;
        if (inside) script += line + "\n";
        if (line.rfind("```python", 0) == 0) {
            std::getline(page, line);
            inside = line == "# " + title;
        }
    }
    FAIL("docs/formats.md has no Python block '# " << title << "'");
    return script;
}

}  // namespace ratiofarm::test
