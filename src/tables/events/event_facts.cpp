#include "event_facts.hpp"

#include <algorithm>
#include <cmath>

namespace ratiofarm {
namespace {

constexpr std::uint64_t most_chosen = 8192;

/// Width, most frequent value and its distance to the others of some values.
void add_spectrum(std::vector<float>& values, FeatureFacts& facts) {
    if (values.empty()) return;
    std::ranges::sort(values);
    const auto quantile = [&](double fraction) {
        return values[static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1))];
    };
    constexpr double below = 0.158655;  // of a normal distribution, at -1 sigma
    facts.one_percent = quantile(0.01);
    facts.last_percent = quantile(0.99);
    facts.width = 0.5 * (static_cast<double>(quantile(1.0 - below)) - quantile(below));
    std::size_t most = 0;
    std::size_t next = 0;
    const double n = static_cast<double>(values.size());
    for (auto at = values.begin(); at != values.end(); ++facts.distinct) {
        const auto end = std::upper_bound(at, values.end(), *at);
        const auto count = static_cast<std::size_t>(end - at);
        if (count > most) {
            next = most;
            most = count;
            facts.frequent = *at;
            const double before = at == values.begin() ? INFINITY : facts.frequent - *(at - 1);
            const double after = end == values.end() ? INFINITY : *end - facts.frequent;
            facts.gap = std::min(before, after);
        } else {
            next = std::max(next, count);
        }
        at = end;
    }
    facts.frequent_share = static_cast<double>(most) / n;
    facts.next_share = static_cast<double>(next) / n;
}

}  // namespace

FactCollector::FactCollector(const EventLayout& layout,
                             std::span<const std::uint32_t> columns,
                             const Split& split)
    : layout_(layout),
      columns_(columns),
      split_(split),
      stride_(std::max<std::uint64_t>(1, layout.events() / most_chosen)),
      moments_(columns.size()) {
    facts_.folds.resize(std::max(split.folds, 1U));
    for (auto& parts : facts_.folds) {
        for (auto& part : parts) part.weights.resize(1 + layout.weights.size());
    }
}

void FactCollector::add(const EventBlock& block) {
    for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
        add_weights(block, row);
        if (block.has_features(row)) add_ends(block, row);
        if ((block.rows.first + row) % stride_ != 0 || !block.has_features(row)) continue;
        const float* event = block.features.data() + row * layout_.columns.size();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const float value = event[columns_[i]];
            if (std::isfinite(value)) moments_[i].chosen.push_back(value);
        }
    }
}

void FactCollector::add_weights(const EventBlock& block, std::uint64_t row) {
    const std::uint64_t id = block.id[row];
    for (std::uint32_t fold = 0; fold < facts_.folds.size(); ++fold) {
        const SplitPart part = part_for_nets(id, split_, fold);
        if (part != SplitPart::train && part != SplitPart::validation) continue;
        const bool trains = part == SplitPart::train;
        SampleFacts::Part& sums = facts_.folds[fold][trains ? 0 : 1];
        const std::uint64_t at = block.rows.first + row;
        sums.weights[0].add(at, block.weight[row]);
        for (std::size_t i = 0; i < block.weights.size(); ++i) {
            sums.weights[i + 1].add(at, block.weights[i][row]);
        }
        ++sums.half_events[half_of(id) - 1];
        if (trains && fold == 0 && block.has_features(row)) add_features(block, row);
    }
}

void FactCollector::add_features(const EventBlock& block, std::uint64_t row) {
    const float* event = block.features.data() + row * layout_.columns.size();
    const double weight = std::abs(block.weight[row]);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        Moments& moments = moments_[i];
        const double value = event[columns_[i]];
        if (!any_) moments.first = value;
        moments.trained.add({value, weight, block.rows.first + row}, !any_);
        const double distance = value - moments.first;
        moments.sum += weight * distance;
        moments.squares += weight * distance * distance;
    }
    total_ += weight;
    any_ = true;
}

void FactCollector::add_ends(const EventBlock& block, std::uint64_t row) {
    const float* event = block.features.data() + row * layout_.columns.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        moments_[i].all.add({event[columns_[i]], block.weight[row], block.rows.first + row},
                            !any_ends_);
    }
    any_ends_ = true;
}

FeatureFacts FactCollector::feature(std::size_t index) {
    Moments& moments = moments_[index];
    FeatureFacts facts{.name = layout_.columns[columns_[index]]};
    if (total_ > 0.0) {
        const double shift = moments.sum / total_;
        facts.mean = moments.first + shift;
        facts.variance = std::max(0.0, moments.squares / total_ - shift * shift);
        facts.trained_low = moments.trained.smallest.value;
        facts.trained_high = moments.trained.largest.value;
        for (const Extreme& extreme : {moments.trained.smallest, moments.trained.largest}) {
            const double distance = extreme.value - facts.mean;
            const double part = extreme.weight / total_ * distance * distance;
            const double share = facts.variance > 0.0 ? part / facts.variance : 0.0;
            if (!(share > facts.far_share)) continue;
            facts.far_share = share;
            facts.far_row = extreme.row;
            facts.far_value = extreme.value;
        }
    }
    facts.low = moments.all.smallest.value;
    facts.high = moments.all.largest.value;
    facts.low_row = moments.all.smallest.row;
    facts.high_row = moments.all.largest.row;
    add_spectrum(moments.chosen, facts);
    return facts;
}

SampleFacts FactCollector::finish() {
    for (std::size_t i = 0; i < columns_.size(); ++i) facts_.features.push_back(feature(i));
    return std::move(facts_);
}

}  // namespace ratiofarm
