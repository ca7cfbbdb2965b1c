#include <filesystem>

#include "campaign/file/campaign_keys.hpp"
#include "ratiofarm/core/publish.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("docs/campaign.md explains every key the parser knows", "[campaign][docs]") {
    const std::string page =
        read_text(std::filesystem::path(RATIOFARM_SOURCE_DIR) / "docs" / "campaign.md");

    for (const CampaignKeys& section : campaign_keys()) {
        for (const std::string& key : section.keys) {
            const std::string path =
                section.section.empty() ? key : std::string(section.section) + "." + key;
            INFO("key '" << path << "'");
            CHECK((page.find("`" + path + "`") != std::string::npos ||
                   page.find("`" + path + ".") != std::string::npos));
        }
    }
}
