#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/protocol/split.hpp"

#include "event_blocks.hpp"
#include "event_layout.hpp"

namespace ratiofarm {

/// Collects what training will meet in a sample, block by block.
class FactCollector {
public:
    /// \param columns of the feature matrix that are in use
    FactCollector(const EventLayout& layout,
                  std::span<const std::uint32_t> columns,
                  const Split& split);

    void add(const EventBlock& block);
    SampleFacts finish();

private:
    struct Extreme {
        double value = 0.0;
        double weight = 0.0;
        std::uint64_t row = 0;
    };
    /// The least and the greatest value of some events.
    struct Ends {
        Extreme smallest;
        Extreme largest;

        void add(const Extreme& here, bool first) {
            if (first || here.value < smallest.value) smallest = here;
            if (first || here.value > largest.value) largest = here;
        }
    };
    /// Sums over training events of fold 0, of distances to the first value.
    struct Moments {
        double first = 0.0;
        double sum = 0.0;
        double squares = 0.0;
        Ends trained;
        Ends all;                   ///< of all events
        std::vector<float> chosen;  ///< regularly, of all events
    };
    void add_weights(const EventBlock& block, std::uint64_t row);
    void add_features(const EventBlock& block, std::uint64_t row);
    void add_ends(const EventBlock& block, std::uint64_t row);
    FeatureFacts feature(std::size_t index);

    const EventLayout& layout_;
    std::span<const std::uint32_t> columns_;
    const Split& split_;
    std::uint64_t stride_;
    SampleFacts facts_;
    std::vector<Moments> moments_;
    double total_ = 0.0;  ///< absolute weights of the training events of fold 0
    bool any_ = false;    ///< training event
    bool any_ends_ = false;
};

}  // namespace ratiofarm
