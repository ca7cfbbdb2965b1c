#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ratiofarm::test {

/// What is wrong with the nesting of tags of a page, if anything is: every element is closed in
/// order, except those that HTML closes itself.
inline std::optional<std::string> markup_mistake(const std::string& page) {
    std::vector<std::string> open;
    std::size_t at = 0;
    while ((at = page.find('<', at)) != std::string::npos) {
        const std::size_t end = page.find('>', at);
        if (end == std::string::npos) return "a tag is not closed";
        const std::string tag = page.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.empty() || tag.find('<') != std::string::npos) return "stray bracket near " + tag;
        if (tag[0] == '!' || tag.back() == '/') continue;
        const std::string name = tag.substr(0, tag.find_first_of(" \n\t"));
        if (name == "meta") continue;
        if (name[0] != '/') {
            open.push_back(name);
            if (name == "style") at = page.find("</style>", at);
        } else if (open.empty() || open.back() != name.substr(1)) {
            return "</" + name.substr(1) + "> closes " + (open.empty() ? "nothing" : open.back());
        } else {
            open.pop_back();
        }
    }
    if (!open.empty()) return "<" + open.back() + "> stays open";
    return std::nullopt;
}

}  // namespace ratiofarm::test
