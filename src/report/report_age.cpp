#include "report_age.hpp"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/publish.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// "fit.json <hexadecimal>" of each result that exists.
std::vector<std::pair<std::string, std::string>> results_of(const RunDirectory& directory) {
    std::vector<std::pair<std::string, std::string>> results;
    for (const fs::path& path : {directory.fit_json(), directory.toys_json(), directory.gof_json(),
                                 directory.unfold_json()}) {
        std::error_code unknown;
        if (!fs::exists(path, unknown)) continue;
        const std::string name = path.filename().string();
        results.emplace_back(name, name + " " + Hasher().text(read_text(path)).finish().hex());
    }
    return results;
}

/// The head of a page, before its style.
std::string head_of(const fs::path& report) {
    constexpr std::size_t enough = 4096;
    std::string head(enough, '\0');
    std::ifstream file(report, std::ios::binary);
    file.read(head.data(), static_cast<std::streamsize>(enough));
    head.resize(static_cast<std::size_t>(file.gcount()));
    return head;
}

}  // namespace

std::string shown_results(const RunDirectory& directory) {
    std::string text;
    for (const auto& [name, result] : results_of(directory)) {
        text += (text.empty() ? "" : " ") + result;
    }
    return text;
}

std::vector<std::string> newer_than_report(const RunDirectory& directory) {
    const std::string head = head_of(directory.report());
    if (head.find("<meta name=\"shows\"") == std::string::npos) return {};
    std::vector<std::string> newer;
    try {
        for (const auto& [name, result] : results_of(directory)) {
            if (head.find(result) == std::string::npos) newer.push_back(name);
        }
    } catch (const Error&) {
        return {};  // who needs the file will say what is wrong with it
    }
    return newer;
}

std::string old_report_text(const std::vector<std::string>& newer) {
    if (newer.empty()) return {};
    return fmt::format("report.html is older than {}: 'ratiofarm report' makes it again",
                       fmt::join(newer, " and "));
}

void tell_old_report(const RunDirectory& directory, const Log& log) {
    const std::string text = old_report_text(newer_than_report(directory));
    if (!text.empty()) log.info(text);
}

}  // namespace ratiofarm
