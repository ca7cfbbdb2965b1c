#include "told_failures.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace ratiofarm {

std::vector<std::string> told_failures(const std::vector<std::string>& failures) {
    struct Told {
        std::string name;
        std::string reason;
        std::uint64_t others = 0;
    };
    std::vector<Told> all;
    std::uint64_t after = 0;
    for (const std::string& failure : failures) {
        const std::size_t end = failure.find(": ");
        Told told{failure.substr(0, end), end == std::string::npos ? "" : failure.substr(end + 2)};
        const std::string again = told.name + ": ";  // a trainer names its task as well
        if (told.reason.starts_with(again)) told.reason.erase(0, again.size());
        if (told.reason.starts_with("not begun: it needs '")) {
            ++after;
            continue;
        }
        const auto same = std::ranges::find(all, told.reason, &Told::reason);
        if (same != all.end() && !told.reason.empty()) {
            ++same->others;
        } else {
            all.push_back(std::move(told));
        }
    }
    std::vector<std::string> lines;
    const auto tasks = [](std::uint64_t n) {
        return fmt::format("{} task{}", n, n == 1 ? "" : "s");
    };
    for (const Told& told : all) {
        std::string line = told.name;
        if (told.others > 0) line += fmt::format(" and {} more", told.others);
        lines.push_back(told.reason.empty() ? line : line + ": " + told.reason);
    }
    if (after > 0) {
        lines.push_back(fmt::format("{} {} not begun: {} results of those that failed",
                                    tasks(after), after == 1 ? "was" : "were",
                                    after == 1 ? "it needs" : "they need"));
    }
    return lines;
}

}  // namespace ratiofarm
