#include "event_scan.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "duplicate_ids.hpp"

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

class Scanner {
public:
    Scanner(const EventLayout& layout, std::span<const std::uint32_t> columns, const Split& split)
        : layout_(layout), columns_(columns), split_(split) {
        ids_.reserve(layout.events());
    }

    void add(const EventBlock& block) {
        add_features(block);
        double weights = 0.0;
        for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
            const double weight = block.weight[row];
            if (!std::isfinite(weight)) bad_weights_.add(block.rows.first + row, weight, "");
            weights += weight;
            const SplitPart part = split_part(block.id[row], split_);
            scan_.inference_events += part == SplitPart::inference ? 1 : 0;
            scan_.training_events += part == SplitPart::train ? 1 : 0;
        }
        scan_.sum_of_weights += weights;
        weight_bytes_.bytes(std::as_bytes(std::span(block.weight)));
        id_bytes_.bytes(std::as_bytes(std::span(block.id)));
        ids_.insert(ids_.end(), block.id.begin(), block.id.end());
    }

    EventScan finish(Problems& problems) {
        report_values(problems);
        if (const auto duplicate = find_duplicate_id(ids_)) report_duplicate(*duplicate, problems);
        scan_.digest = Hasher()
                           .number(layout_.events())
                           .number(columns_.size())
                           .digest(feature_bytes_.finish())
                           .digest(weight_bytes_.finish())
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
        if (bad_weights_.rows > 0) {
            problems.add(
                layout_.path("weight") + " row " + std::to_string(bad_weights_.first),
                "is " + std::to_string(bad_weights_.value) + count_text(bad_weights_.rows));
        } else if (!(scan_.sum_of_weights > 0.0)) {
            problems.add(layout_.path("weight"),
                         "the weights sum to " + std::to_string(scan_.sum_of_weights) +
                             ", must be > 0 (signs belong to the coefficient of the process)");
        }
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
    BadRows bad_features_;
    BadRows bad_weights_;
    Hasher feature_bytes_;
    Hasher weight_bytes_;
    Hasher id_bytes_;
};

}  // namespace

EventScan scan_events(const h5::File& file,
                      const EventLayout& layout,
                      std::span<const std::uint32_t> columns,
                      const Split& split,
                      Problems& problems) {
    Scanner scanner(layout, columns, split);
    const EventBlockReader reader(file, layout);
    for (std::uint64_t block = 0; block < reader.blocks(); ++block) scanner.add(reader.read(block));
    return scanner.finish(problems);
}

}  // namespace ratiofarm
