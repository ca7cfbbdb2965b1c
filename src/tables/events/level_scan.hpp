#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "event_blocks.hpp"

namespace ratiofarm {

/// Collects truth and flags of a sample, block by block.
class LevelScan {
public:
    /// \param truth columns in use, which are there; empty: all
    LevelScan(const EventLayout& layout, std::span<const std::string> truth);

    void add(const EventBlock& block);

    /// What is wrong: flags other than 0 and 1, values in use that are not finite where pass_truth
    /// is 1 or, of columns that are named, the same in all those events, no event that passes both,
    /// weights or further weights of these that sum to <= 0.
    void report(Problems& problems) const;

    Digest digest() const;
    const LevelFacts& facts() const { return facts_; }

private:
    struct Wrong {
        std::uint64_t rows = 0;
        std::uint64_t first = 0;
        std::string what;  ///< of the first row
    };
    struct Spread {
        float low = std::numeric_limits<float>::infinity();
        float high = -std::numeric_limits<float>::infinity();
    };
    void add_flags(const char* dataset, const EventBlock& block, Wrong& wrong) const;
    void add_truth(const EventBlock& block, std::uint64_t row);
    void report_constants(Problems& problems) const;

    const EventLayout& layout_;
    bool named_;  ///< a campaign names the columns; else all of the file are looked at
    std::vector<std::uint32_t> columns_;
    LevelFacts facts_;
    std::vector<double> all_;      ///< [further weights] their sums over all events
    std::vector<double> matched_;  ///< likewise, over matched events
    Wrong wrong_reco_;
    Wrong wrong_truth_;
    Wrong wrong_value_;
    std::map<std::uint32_t, Spread> spread_;  ///< of the columns in use, where pass_truth is 1
    std::vector<float> used_;
    Hasher bytes_;
};

}  // namespace ratiofarm
