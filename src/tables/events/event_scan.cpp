#include "event_scan.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "ratiofarm/core/errors.hpp"

#include "event_facts.hpp"
#include "level_scan.hpp"
#include "particle_scan.hpp"

namespace ratiofarm {
namespace {

/// Values that cannot be used: the first, and how many rows there are.
struct BadRows {
    std::uint64_t rows = 0;
    std::uint64_t first = 0;
    double value = 0.0;
    std::string column;

    void add(std::uint64_t row, double bad, const std::string& name) {
        if (rows++ == 0) {
            first = row;
            value = bad;
            column = name;
        }
    }
};

std::string count_text(std::uint64_t rows) {
    return rows == 1 ? " (the only such row)" : " (" + std::to_string(rows) + " such rows)";
}

// Numbers of events beyond these are mistakes of units, and their squares leave floating point.
constexpr double smallest_sum = 1e-30;
constexpr double largest_sum = 1e30;

/// One column of weights.
class WeightScan {
public:
    explicit WeightScan(std::string path) : path_(std::move(path)) {}

    void add(Range rows, std::span<const double> weights) {
        double sum = 0.0;
        for (std::uint64_t row = 0; row < rows.size(); ++row) {
            if (!std::isfinite(weights[row])) bad_.add(rows.first + row, weights[row], "");
            sum += weights[row];
        }
        sum_ += sum;
        bytes_.bytes(std::as_bytes(weights));
    }

    double sum() const { return sum_; }
    Digest digest() const { return bytes_.finish(); }

    void report(Problems& problems) const {
        if (bad_.rows > 0) {
            problems.add(path_ + " row " + std::to_string(bad_.first),
                         "is " + std::to_string(bad_.value) + count_text(bad_.rows));
        } else if (!(sum_ > 0.0)) {
            problems.add(path_, "the weights sum to " + std::to_string(sum_) +
                                    ", must be > 0 (a sign belongs to the coefficient of a "
                                    "process)");
        } else if (sum_ < smallest_sum || sum_ > largest_sum) {
            std::ostringstream text;
            text << "the weights sum to " << sum_
                 << "; their sum is the expected number of events, "
                 << "which must be from " << smallest_sum << " to " << largest_sum;
            problems.add(path_, text.str());
        }
    }

private:
    std::string path_;
    double sum_ = 0.0;
    BadRows bad_;
    Hasher bytes_;
};

class Scanner {
public:
    Scanner(const EventLayout& layout, std::span<const std::uint32_t> columns, const Split& split)
        : layout_(layout), columns_(columns), split_(split), facts_(layout, columns, split) {
        ids_.reserve(layout.events());
        weights_.emplace_back(layout.path("weight"));
        for (const auto& each : layout.weights) {
            weights_.emplace_back(layout.path(weights_dataset(each.name)));
        }
    }

    void add(const EventBlock& block) {
        add_features(block);
        facts_.add(block);
        for (const std::uint64_t id : block.id) {
            scan_.inference_events += split_part(id, split_) == SplitPart::inference ? 1 : 0;
            scan_.training_events += part_for_nets(id, split_, 0) == SplitPart::train ? 1 : 0;
        }
        weights_[0].add(block.rows, block.weight);
        for (std::size_t i = 0; i < block.weights.size(); ++i) {
            weights_[i + 1].add(block.rows, block.weights[i]);
        }
        id_bytes_.bytes(std::as_bytes(std::span(block.id)));
        ids_.insert(ids_.end(), block.id.begin(), block.id.end());
    }

    EventScan finish(Problems& problems) {
        report_values(problems);
        if (const auto duplicate = find_duplicate_id(ids_)) report_duplicate(*duplicate, problems);
        scan_.sum_of_weights = weights_[0].sum();
        for (std::size_t i = 1; i < weights_.size(); ++i) {
            scan_.weights.push_back({weights_[i].digest(), weights_[i].sum()});
        }
        scan_.facts = facts_.finish();
        scan_.digest = Hasher()
                           .number(layout_.events())
                           .number(columns_.size())
                           .digest(feature_bytes_.finish())
                           .digest(weights_[0].digest())
                           .digest(id_bytes_.finish())
                           .finish();
        return scan_;
    }

private:
    void add_features(const EventBlock& block) {
        const std::uint64_t width = layout_.columns.size();
        used_.resize(block.rows.size() * columns_.size());
        std::size_t next = 0;
        for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
            const float* event = block.features.data() + row * width;
            float sum = 0.0F;  // of 0 * x: NaN as soon as one x is not finite
            if (!block.has_features(row)) {
                std::fill_n(used_.begin() + static_cast<std::ptrdiff_t>(next), columns_.size(),
                            0.0F);
                next += columns_.size();
                continue;
            }
            for (const std::uint32_t column : columns_) {
                used_[next++] = event[column];
                sum += 0.0F * event[column];
            }
            if (std::isnan(sum)) add_bad_feature(block.rows.first + row, event);
        }
        feature_bytes_.bytes(std::as_bytes(std::span(used_)));
    }

    void add_bad_feature(std::uint64_t row, const float* event) {
        for (const std::uint32_t column : columns_) {
            if (std::isfinite(event[column])) continue;
            bad_features_.add(row, event[column], layout_.columns[column]);
            return;
        }
    }

    void report_values(Problems& problems) const {
        if (bad_features_.rows > 0) {
            problems.add(layout_.path("features") + " row " + std::to_string(bad_features_.first),
                         "'" + bad_features_.column + "' is " +
                             std::to_string(bad_features_.value) + count_text(bad_features_.rows));
        }
        for (const WeightScan& weights : weights_) weights.report(problems);
    }

    void report_duplicate(const DuplicateId& duplicate, Problems& problems) const {
        problems.add(layout_.path("id") + " row " + std::to_string(duplicate.row),
                     "id " + std::to_string(duplicate.id) + " is in row " +
                         std::to_string(duplicate.before) + " as well; ids must be distinct" +
                         count_text(duplicate.rows));
    }

    const EventLayout& layout_;
    std::span<const std::uint32_t> columns_;
    const Split& split_;
    EventScan scan_;
    std::vector<float> used_;
    std::vector<std::uint64_t> ids_;
    FactCollector facts_;
    BadRows bad_features_;
    std::vector<WeightScan> weights_;  ///< those of the sample, then the further ones
    Hasher feature_bytes_;
    Hasher id_bytes_;
};

}  // namespace

EventScan scan_events(const h5::File& file,
                      const EventLayout& layout,
                      std::span<const std::uint32_t> columns,
                      const Split& split,
                      Problems& problems,
                      std::span<const std::string> truth) {
    Scanner scanner(layout, columns, split);
    std::optional<LevelScan> levels;
    if (layout.levels) levels.emplace(layout, truth);
    const EventBlockReader reader(file, layout);
    for (std::uint64_t i = 0; i < reader.blocks(); ++i) {
        const EventBlock block = reader.read(i);
        scanner.add(block);
        if (levels) levels->add(block);
    }
    EventScan scan = scanner.finish(problems);
    if (levels) {
        levels->report(problems);
        scan.digest = Hasher().digest(scan.digest).digest(levels->digest()).finish();
        scan.facts.levels = levels->facts();
    }
    if (!layout.particles) return scan;
    ParticleScan particles = scan_particles(file, layout, problems);
    scan.digest = Hasher().digest(scan.digest).digest(particles.digest).finish();
    scan.facts.particles = std::move(particles.facts);
    return scan;
}

namespace {

/// First repetition, once it is known that there is one.
DuplicateId first_repetition(std::span<const std::uint64_t> ids) {
    std::unordered_map<std::uint64_t, std::uint64_t> seen;
    for (std::uint64_t row = 0; row < ids.size(); ++row) {
        const auto [place, is_new] = seen.emplace(ids[row], row);
        if (!is_new) return {.id = ids[row], .row = row, .before = place->second};
    }
    return {};
}

}  // namespace

std::optional<DuplicateId> find_duplicate_id(std::span<const std::uint64_t> ids) {
    if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end()) {
        return std::nullopt;
    }
    std::vector<std::uint64_t> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    const auto distinct = std::unique(sorted.begin(), sorted.end());
    const auto repetitions = static_cast<std::uint64_t>(sorted.end() - distinct);
    if (repetitions == 0) return std::nullopt;
    DuplicateId duplicate = first_repetition(ids);
    duplicate.rows = repetitions;
    return duplicate;
}

}  // namespace ratiofarm
