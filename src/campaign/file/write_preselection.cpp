#include "write_preselection.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {

std::string preselection_toml(const PreselectionSection& section) {
    TomlWriter out;
    out.section("[preselection]");
    std::string classes;
    for (const auto& one : section.classes) {
        classes +=
            (classes.empty() ? "" : ", ") + key_text(one.name) + " = " + toml_text(one.processes);
    }
    out.raw("classes", "{ " + classes + " }");
    out.key("signal", section.signal);
    out.raw("weights", inline_table(section.weights));
    out.key("features", section.features);
    out.key("members", section.members);
    out.section("[preselection.network]");
    out.keys(section.network);
    out.section("[preselection.training]");
    out.keys(section.training);
    return out.text();
}

}  // namespace ratiofarm
