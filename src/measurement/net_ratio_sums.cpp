#include "net_ratio_sums.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/finite_mc_section.hpp"
#include "fit/events/changed_events.hpp"

namespace ratiofarm {
namespace {

const std::vector<std::uint32_t>& counts_of(const RatioHeader& header, NetRatios lines) {
    return lines == NetRatios::replica ? header.replicas : header.members;
}

std::vector<std::uint64_t> sizes_of(const std::vector<FittedSet>& sets) {
    std::vector<std::uint64_t> sizes;
    for (const FittedSet& set : sets) sizes.push_back(set.events);
    return sizes;
}

/// Sums of all events of some sets, each computed once.
class SetSums {
public:
    SetSums(const RatioFile& ratios, const std::vector<FittedSet>& sets, const NetRatioSums& sums)
        : width_(sums.factor.size()), sizes_(sizes_of(sets)) {
        for (const FittedSet& set : sets) {
            if (!values_.contains(set.sample)) {
                values_.emplace(set.sample, summed_net_ratios(ratios, set.sample, sums));
            }
            samples_.push_back(set.sample);
        }
    }

    /// Calls use(position in the range, sums of the event [processes]).
    template <class Use>
    void for_each(Range range, Use&& use) const {
        std::uint64_t position = 0;
        for (const SetRows& part : rows_of_range(sizes_, range)) {
            const double* values = values_.at(samples_[part.set]).data();
            for (std::uint64_t row = part.rows.first; row < part.rows.last; ++row) {
                use(position++, values + row * width_);
            }
        }
    }

    std::size_t width() const { return width_; }

private:
    std::size_t width_;
    std::vector<std::uint64_t> sizes_;
    std::vector<std::string> samples_;
    std::map<std::string, std::vector<double>> values_;
};

}  // namespace

std::uint32_t common_count(const RatioHeader& header, NetRatios lines) {
    const auto& counts = counts_of(header, lines);
    return counts.empty() ? 0 : *std::min_element(counts.begin(), counts.end());
}

NetRatioSums no_net_ratios(const RatioHeader& header, NetRatios lines) {
    NetRatioSums sums{lines, {}, std::vector<double>(header.processes.size(), 0.0)};
    for (const std::uint32_t count : counts_of(header, lines)) sums.factor.emplace_back(count, 0.0);
    return sums;
}

bool has_net_ratios(const RatioFiles& ratios, NetRatios lines) {
    return std::any_of(ratios.begin(), ratios.end(),
                       [&](const auto& file) { return common_count(file->header(), lines) >= 2; });
}

Range rows_of_process(const RatioHeader& header, NetRatios lines, std::size_t process) {
    const auto& counts = counts_of(header, lines);
    RATIOFARM_EXPECT(process < counts.size());
    Range range{0, 0};
    for (std::size_t j = 0; j <= process; ++j) range = {range.last, range.last + counts[j]};
    return range;
}

std::vector<double> summed_net_ratios(const RatioFile& ratios,
                                      const std::string& set,
                                      const NetRatioSums& sums) {
    const std::uint64_t events = ratios.set(set).events;
    const std::size_t width = sums.factor.size();
    RATIOFARM_EXPECT(width == ratios.header().processes.size() && sums.constant.size() == width);
    std::vector<double> values(events * width);
    for (std::size_t j = 0; j < width; ++j) {
        for (std::uint64_t i = 0; i < events; ++i) values[i * width + j] = sums.constant[j];
        const Range lines = rows_of_process(ratios.header(), sums.lines, j);
        RATIOFARM_EXPECT(sums.factor[j].size() == lines.size());
        for (std::uint64_t line = lines.first; line < lines.last; ++line) {
            const double factor = sums.factor[j][line - lines.first];
            if (factor == 0.0) continue;
            const auto read = ratios.read_net_ratios(set, sums.lines, line, {0, events});
            for (std::uint64_t i = 0; i < events; ++i) values[i * width + j] += factor * read[i];
        }
    }
    for (std::uint64_t k = 0; k < values.size(); ++k) {
        if (std::isfinite(values[k])) continue;
        throw DataError(fmt::format(
            "'{}': sample '{}', row {}: a {} of process '{}' gives a ratio that is not finite",
            ratios.path().string(), set, k / width,
            sums.lines == NetRatios::replica ? "replica" : "member",
            ratios.header().processes[k % width].name));
    }
    return values;
}

EventSource with_net_ratios(EventSource source,
                            const RatioFile& ratios,
                            const std::vector<FittedSet>& sets,
                            const NetRatioSums& sums) {
    const auto values = std::make_shared<const SetSums>(ratios, sets, sums);
    return with_log_ratios(std::move(source), [values](Range range) {
        const std::size_t width = values->width();
        std::vector<double> log_r(range.size() * width);
        values->for_each(range, [&](std::uint64_t i, const double* of_event) {
            for (std::size_t j = 0; j < width; ++j) log_r[i * width + j] = of_event[j];
        });
        return log_r;
    });
}

EventSource with_net_shapes(EventSource source,
                            const RatioFile& ratios,
                            const std::vector<FittedSet>& sets,
                            const NetRatioSums& sums) {
    std::vector<ShapeColumn> columns;
    for (const RatioProcess& process : ratios.header().processes) {
        columns.push_back({process.name, std::string(finite_mc_parameter)});
    }
    const auto values = std::make_shared<const SetSums>(ratios, sets, sums);
    return with_shapes(std::move(source), columns, [values](Range range) {
        const std::size_t width = values->width();
        std::vector<float> delta(range.size() * width);
        values->for_each(range, [&](std::uint64_t i, const double* of_event) {
            for (std::size_t j = 0; j < width; ++j) {
                delta[j * range.size() + i] = static_cast<float>(of_event[j]);
            }
        });
        return delta;
    });
}

std::vector<float> net_ratios_of(const RatioFile& ratios,
                                 const std::vector<FittedSet>& sets,
                                 NetRatios lines,
                                 Range range) {
    const std::size_t processes = ratios.header().processes.size();
    const std::uint64_t n_lines = rows_of_process(ratios.header(), lines, processes - 1).last;
    std::vector<float> values;
    values.reserve(n_lines * range.size());
    const std::vector<std::uint64_t> sizes = sizes_of(sets);
    for (std::uint64_t line = 0; line < n_lines; ++line) {
        for (const SetRows& part : rows_of_range(sizes, range)) {
            const auto read = ratios.read_net_ratios(sets[part.set].sample, lines, line, part.rows);
            values.insert(values.end(), read.begin(), read.end());
        }
    }
    return values;
}

}  // namespace ratiofarm
