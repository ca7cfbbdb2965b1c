#pragma once

#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {

/// Values that many events have exactly where others spread, or that lie far from all others:
/// absent objects, cut-offs, saturated functions. One warning each, for all samples.
class FrequentValues {
public:
    /// \return whether the feature has such a value in this sample
    bool look(const std::string& sample, const std::string& feature, const FeatureFacts& facts);
    std::vector<std::string> warnings() const;

private:
    struct Value {
        std::string feature;
        double value = 0.0;
        bool at_end = false;              ///< of the range, and not far from the others
        std::vector<std::string> shares;  ///< of each sample, as text
    };
    static std::string text_of(const Value& value);

    std::vector<Value> found_;
};

}  // namespace ratiofarm
