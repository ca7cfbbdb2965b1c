#include "level_scan.hpp"

#include <algorithm>
#include <cmath>

namespace ratiofarm {
namespace {

std::string rows_like_it(std::uint64_t rows) {
    return rows == 1 ? " (the only such row)" : " (" + std::to_string(rows) + " such rows)";
}

}  // namespace

LevelScan::LevelScan(const EventLayout& layout, std::span<const std::string> truth)
    : layout_(layout),
      named_(!truth.empty()),
      all_(layout.weights.size(), 0.0),
      matched_(layout.weights.size(), 0.0) {
    const std::vector<std::string>& names = layout.levels->columns;
    for (const std::string& name : truth.empty() ? std::span<const std::string>(names) : truth) {
        const auto place = std::ranges::find(names, name);
        columns_.push_back(static_cast<std::uint32_t>(place - names.begin()));
    }
}

void LevelScan::add(const EventBlock& block) {
    add_flags(pass_reco_dataset, block, wrong_reco_);
    add_flags(pass_truth_dataset, block, wrong_truth_);
    used_.clear();
    for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
        const bool reco = block.pass_reco[row] == 1;
        const bool truth = block.pass_truth[row] == 1;
        WeightSums& sums = reco ? (truth ? facts_.matched : facts_.fakes)
                                : (truth ? facts_.misses : facts_.nothing);
        sums.add(block.rows.first + row, block.weight[row]);
        for (std::size_t i = 0; i < all_.size(); ++i) {
            all_[i] += block.weights[i][row];
            if (reco && truth) matched_[i] += block.weights[i][row];
        }
        if (truth) add_truth(block, row);
    }
    bytes_.bytes(std::as_bytes(std::span(block.pass_reco)));
    bytes_.bytes(std::as_bytes(std::span(block.pass_truth)));
    bytes_.bytes(std::as_bytes(std::span(used_)));
}

void LevelScan::add_flags(const char* dataset, const EventBlock& block, Wrong& wrong) const {
    const bool reco = dataset == std::string_view(pass_reco_dataset);
    const std::vector<std::uint8_t>& flags = reco ? block.pass_reco : block.pass_truth;
    for (std::uint64_t row = 0; row < flags.size(); ++row) {
        if (flags[row] <= 1 || wrong.rows++ > 0) continue;
        wrong.first = block.rows.first + row;
        wrong.what = flags[row] == 255 ? "neither 0 nor 1" : std::to_string(flags[row]);
    }
}

void LevelScan::add_truth(const EventBlock& block, std::uint64_t row) {
    const float* event = block.truth.data() + row * layout_.levels->columns.size();
    for (const std::uint32_t column : columns_) {
        used_.push_back(event[column]);
        Spread& seen = spread_[column];
        seen.low = std::min(seen.low, event[column]);
        seen.high = std::max(seen.high, event[column]);
        if (std::isfinite(event[column]) || wrong_value_.rows++ > 0) continue;
        wrong_value_.first = block.rows.first + row;
        wrong_value_.what = "'" + layout_.levels->columns[column] + "' is " +
                            std::to_string(event[column]) + ", but the event passes pass_truth";
    }
}

void LevelScan::report(Problems& problems) const {
    const auto flags = [&](const char* dataset, const Wrong& wrong) {
        if (wrong.rows == 0) return;
        problems.add(layout_.path(dataset) + " row " + std::to_string(wrong.first),
                     "is " + wrong.what + ", must be 0 or 1" + rows_like_it(wrong.rows));
    };
    flags(pass_reco_dataset, wrong_reco_);
    flags(pass_truth_dataset, wrong_truth_);
    if (wrong_value_.rows > 0) {
        problems.add(layout_.path(truth_dataset) + " row " + std::to_string(wrong_value_.first),
                     wrong_value_.what + rows_like_it(wrong_value_.rows));
    }
    if (wrong_reco_.rows + wrong_truth_.rows > 0) return;
    if (facts_.matched.events == 0) {
        problems.add("sample '" + layout_.sample + "'",
                     "has no event that passes both pass_reco and pass_truth; unfolding learns "
                     "from those");
        return;
    }
    if (named_) report_constants(problems);
    const auto expect_positive = [&](const std::string& dataset, double sum, double of_all) {
        if (sum > 0.0 || !(of_all > 0.0)) return;  // then that is told
        problems.add(layout_.path(dataset), "the weights of events that pass both levels sum to " +
                                                std::to_string(sum) + ", must be > 0");
    };
    expect_positive("weight", facts_.matched.sum,
                    facts_.matched.sum + facts_.misses.sum + facts_.fakes.sum + facts_.nothing.sum);
    for (std::size_t i = 0; i < matched_.size(); ++i) {
        expect_positive(weights_dataset(layout_.weights[i].name), matched_[i], all_[i]);
    }
}

void LevelScan::report_constants(Problems& problems) const {
    for (const auto& [column, seen] : spread_) {
        if (!(seen.low == seen.high) || facts_.matched.events + facts_.misses.events < 2) continue;
        problems.add(layout_.path(truth_dataset),
                     "'" + layout_.levels->columns[column] + "' is " + std::to_string(seen.low) +
                         " for every event that passes pass_truth: no net learns from it; leave it "
                         "out of unfolding.truth");
    }
}

Digest LevelScan::digest() const {
    Hasher all;
    all.text("levels").number(columns_.size());
    for (const std::uint32_t column : columns_) all.text(layout_.levels->columns[column]);
    return all.digest(bytes_.finish()).finish();
}

}  // namespace ratiofarm
