#include "starter_sections.hpp"

#include <fmt/format.h>

#include "toml_writer.hpp"

namespace ratiofarm::starter {

std::string campaign_section(std::string_view about, std::string_view name) {
    return fmt::format(
        "# {}\n# docs/campaign.md explains every key, docs/formats.md the events file.\n\n"
        "[campaign]\nname = {}\nseed = 1                                  # every random number "
        "derives from it and from names\n",
        about, toml_text(name));
}

std::string events_section(std::string_view file, const std::vector<std::string>& features) {
    return fmt::format(
        "\n[events]\nfile = {}                        # relative to this file\n"
        "features = {}                # columns the nets see\n",
        toml_text(file), toml_text(features));
}

}  // namespace ratiofarm::starter
