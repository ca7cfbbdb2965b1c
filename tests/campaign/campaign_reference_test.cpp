#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/file/campaign_keys.hpp"
#include "core/publish.hpp"

using namespace ratiofarm;

namespace {

/// A page and the keys that it explains.
struct KeyPage {
    std::string name;
    std::span<const CampaignKeys> sections;

    std::filesystem::path path() const {
        return std::filesystem::path(RATIOFARM_SOURCE_DIR) / "docs" / name;
    }
};

std::vector<KeyPage> pages() {
    return {{"campaign.md", campaign_keys()}, {"hpo.md", study_keys()}};
}

/// "training.epochs" and what it may be, of every key that a struct describes.
std::map<std::string, std::string> described_keys(const KeyPage& page) {
    std::map<std::string, std::string> keys;
    for (const CampaignKeys& section : page.sections) {
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

TEST_CASE("docs/campaign.md and docs/hpo.md explain every key the parser knows",
          "[campaign][docs]") {
    for (const KeyPage& page : pages()) {
        const std::string text = read_text(page.path());
        for (const CampaignKeys& section : page.sections) {
            for (const std::string& key : section.keys) {
                const bool of_file = section.section.empty() || section.section == study_file;
                const std::string path = of_file ? key : section.section + "." + key;
                INFO("key '" << path << "' in " << page.name);
                CHECK((text.find("`" + path + "`") != std::string::npos ||
                       text.find("`" + path + ".") != std::string::npos ||
                       text.find("[" + path + "]") != std::string::npos));
            }
        }
    }
}

TEST_CASE("these pages have types, ranges and defaults from the code", "[campaign][docs]") {
    for (const KeyPage& page : pages()) {
        const std::string text = read_text(page.path());
        std::map<std::string, std::string> missing = described_keys(page);

        const std::string right = mended(text, missing);

        for (const auto& [key, values] : missing) {
            FAIL_CHECK("docs/" << page.name << " needs a line | `" << key << "` | " << values
                               << " | ... |");
        }
        if (std::getenv("RATIOFARM_WRITE_DOCS") != nullptr) std::ofstream(page.path()) << right;
        INFO("'./run docs --tables' mends it");
        CHECK(read_text(page.path()) == right);
    }
}
