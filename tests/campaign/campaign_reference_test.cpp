#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "ratiofarm_test/catch.hpp"

#include "campaign/file/campaign_keys.hpp"
#include "core/publish.hpp"

using namespace ratiofarm;

namespace {

std::filesystem::path page_path() {
    return std::filesystem::path(RATIOFARM_SOURCE_DIR) / "docs" / "campaign.md";
}

/// "training.epochs" and what it may be, of every key that a struct describes.
std::map<std::string, std::string> described_keys() {
    std::map<std::string, std::string> keys;
    for (const CampaignKeys& section : campaign_keys()) {
        for (std::size_t i = 0; i < section.values.size(); ++i) {
            if (section.values[i].empty()) continue;
            keys.emplace(section.section + "." + section.keys[i], section.values[i]);
        }
    }
    return keys;
}

/// The page with the second column of its tables as the descriptions have it. Takes keys that have
/// a line out of `missing`.
std::string mended(const std::string& page, std::map<std::string, std::string>& missing) {
    const std::map<std::string, std::string> keys = missing;
    std::istringstream lines(page);
    std::string result;
    for (std::string line; std::getline(lines, line); result += line + "\n") {
        const std::size_t end = line.starts_with("| `") ? line.find("` | ") : std::string::npos;
        if (end == std::string::npos) continue;
        const auto found = keys.find(line.substr(3, end - 3));
        if (found == keys.end()) continue;
        missing.erase(found->first);
        line = line.substr(0, end + 4) + found->second + line.substr(line.find(" | ", end + 4));
    }
    return result;
}

}  // namespace

TEST_CASE("docs/campaign.md explains every key the parser knows", "[campaign][docs]") {
    const std::string page = read_text(page_path());

    for (const CampaignKeys& section : campaign_keys()) {
        for (const std::string& key : section.keys) {
            const std::string path = section.section.empty() ? key : section.section + "." + key;
            INFO("key '" << path << "'");
            CHECK((page.find("`" + path + "`") != std::string::npos ||
                   page.find("`" + path + ".") != std::string::npos));
        }
    }
}

TEST_CASE("docs/campaign.md has types, ranges and defaults from the code", "[campaign][docs]") {
    const std::string page = read_text(page_path());
    std::map<std::string, std::string> missing = described_keys();

    const std::string right = mended(page, missing);

    for (const auto& [key, values] : missing) {
        FAIL_CHECK("docs/campaign.md needs a line | `" << key << "` | " << values << " | ... |");
    }
    if (std::getenv("RATIOFARM_WRITE_DOCS") != nullptr) std::ofstream(page_path()) << right;
    INFO("'./run docs --tables' mends it");
    CHECK(read_text(page_path()) == right);
}
