#pragma once

#include <map>
#include <set>
#include <string>

#include "campaign/binned_section.hpp"

namespace ratiofarm {

/// Turns names of another program into names of a campaign: each to one of its own, and the
/// original kept as a label where it differs.
class NameMaker {
public:
    enum class Rule : std::uint8_t {
        identifier,  ///< of parameters: letters, digits and _
        plain,       ///< of regions and samples: . + - too
    };
    explicit NameMaker(Rule rule) : rule_(rule) {}

    /// Keeps an original that is a name already for itself, so that none made from another is it.
    void keep(const std::string& original);

    /// A name for the original; calls with one original always give one name.
    const std::string& name_of(const std::string& original);

    /// Our name to the original, where they differ.
    LabelsSection::Labels labels() const;

private:
    std::string name_like(const std::string& wanted) const;

    Rule rule_;
    std::map<std::string, std::string> names_;  ///< original to ours
    std::set<std::string> used_;
};

}  // namespace ratiofarm
