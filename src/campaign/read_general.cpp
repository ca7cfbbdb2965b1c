// [campaign], [events], [split] and the tables that later versions will read.
#include <set>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

void read_events(const ConfigNode& root, EventsSection& events, Mistakes& mistakes) {
    const TableReader table = section(root, "events", mistakes);
    table.require("file", "the HDF5 file with the events, for example file = \"events.h5\"");
    table.text("file", events.file);
    table.require("features",
                  "the columns the nets see, for example features = [\"mass\", \"pt\"]");
    if (!table.texts("features", events.features)) return;
    if (events.features.empty()) table.wrong("features", "must name at least one column");
    std::set<std::string> seen;
    for (const std::string& feature : events.features) {
        if (!seen.insert(feature).second) table.wrong("features", "'" + feature + "' stands twice");
    }
}

void read_split(const ConfigNode& root, Split& split, Mistakes& mistakes) {
    const TableReader table = section(root, "split", mistakes);
    const NumberLimits fraction{.low = 0.0, .high = 1.0, .low_allowed = false};
    table.number("train", fraction, split.train);
    table.number("validation", fraction, split.validation);
    table.number("inference", fraction, split.inference);
    if (table.find("folds") != nullptr) {
        table.wrong("folds",
                    "this version does not cross-fit yet; use train, validation, inference");
    }
    constexpr double rounding = 1e-12;
    const double sum = split.train + split.validation + split.inference;
    if (table.present() && sum > 1.0 + rounding) {
        mistakes.add(
            root.find("split")->value.position,
            "split.train + validation + inference = " + value_text({sum, {}}) +
                " (must be at most 1; absent ones count with their defaults 0.5, 0.1, 0.4)");
    }
}

}  // namespace

void read_general(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader file(&root, "", "", mistakes);  // finds unknown tables
    const TableReader table = section(root, "campaign", mistakes);
    table.require("name", "for example name = \"interference\"");
    table.name("name", campaign.name);
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();  // of TOML
    table.whole("seed", {0, largest}, campaign.seed);
    read_events(root, campaign.events, mistakes);
    read_split(root, campaign.split, mistakes);
}

void refuse_reserved(const ConfigNode& root, Mistakes& mistakes) {
    const auto refuse = [&](std::string_view name, const std::string& why) {
        const ConfigMember* member = root.find(name);
        if (member != nullptr) {
            mistakes.add(member->value.position, "[[" + std::string(name) + "]] (" + why + ")");
        }
    };
    refuse("systematic", "this version has no nuisance parameters yet; remove the section");
    refuse("region", "this version fits all events as one unbinned region; remove the section");
}

}  // namespace ratiofarm
