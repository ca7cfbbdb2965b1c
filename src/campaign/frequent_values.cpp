#include "frequent_values.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ratiofarm {

bool FrequentValues::look(const std::string& sample,
                          const std::string& feature,
                          const FeatureFacts& facts) {
    constexpr double some = 0.001;
    constexpr double many = 0.03;
    constexpr double nearly_all = 0.99;
    constexpr double far = 10.0;
    constexpr std::uint64_t continuous = 100;
    const bool spike = facts.distinct > continuous && facts.frequent_share > many &&
                       facts.frequent_share > 5.0 * facts.next_share;
    constexpr double close = 0.05;
    const bool at_end = facts.frequent == facts.low || facts.frequent == facts.high;
    // Where more than 16 % have the value it makes the width itself.
    const bool beyond_all = at_end && facts.gap > facts.high - facts.low - facts.gap;
    const bool apart = facts.distinct > 2 && facts.frequent_share > some &&
                       (facts.gap > far * facts.width || beyond_all) && facts.width > 0.0 &&
                       facts.frequent_share > facts.next_share;
    const bool reached = facts.distinct > continuous && facts.frequent_share > many &&
                         facts.gap < close * facts.width;
    const bool end = at_end && !apart && (spike || reached);
    const bool any = end || spike || apart || facts.frequent_share >= nearly_all;
    if (!any) return false;
    auto known = std::ranges::find_if(found_, [&](const Value& other) {
        return other.feature == feature && other.value == facts.frequent && other.at_end == end;
    });
    if (known == found_.end()) {
        known = found_.insert(known, Value{feature, facts.frequent, end, {}});
    }
    known->shares.push_back(fmt::format("{:.3g} % in '{}'", 100.0 * facts.frequent_share, sample));
    return true;
}

std::vector<std::string> FrequentValues::warnings() const {
    std::vector<std::string> texts;
    for (const Value& value : found_) texts.push_back(text_of(value));
    return texts;
}

std::string FrequentValues::text_of(const Value& value) {
    constexpr std::size_t most = 3;
    std::vector<std::string> shares = value.shares;
    if (shares.size() > most) {
        shares.resize(most);
        shares.push_back(fmt::format("some in {} more samples", value.shares.size() - most));
    }
    const std::string begin = fmt::format("feature '{}': of its values {} are exactly {:g}",
                                          value.feature, fmt::join(shares, ", "), value.value);
    if (!value.at_end) {
        return begin +
               "; if that stands for a missing value, cut these events, or give them a value at "
               "the edge of the others and a feature that says so";
    }
    return begin +
           ", the end of their range, which tells none of these events from another; if it stands "
           "for absent objects, give a feature such as their number, too; if a function such as "
           "tanh or a cut-off makes it, give the value before it; if the detector does, ignore "
           "this";
}

}  // namespace ratiofarm
