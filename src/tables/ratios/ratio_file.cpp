#include "ratiofarm/tables/ratio_file.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"
#include "h5/attributes.hpp"
#include "h5/handle.hpp"
#include "tables/checked_column.hpp"

#include "net_ratio_writer.hpp"
#include "ratio_attributes.hpp"
#include "ratio_events.hpp"

namespace ratiofarm {

namespace {

std::string path_of(std::string_view set, const char* column) {
    return set_path(set) + "/" + column;
}

/// What a column must look like; [n] for lists, [n, processes] for matrices.
struct ColumnRule {
    const char* name;
    h5::TypeClass type;
    ColumnShape shape;
    bool required;
};

constexpr ColumnRule rules[] = {
    {"weight", h5::TypeClass::floating, ColumnShape::list, true},
    {"log_r", h5::TypeClass::floating, ColumnShape::matrix, true},
    {"id", h5::TypeClass::unsigned_integer, ColumnShape::list, false},
    {"row", h5::TypeClass::unsigned_integer, ColumnShape::list, false},
    {"spread", h5::TypeClass::floating, ColumnShape::matrix, false},
};

void check_column(const h5::DatasetInfo& info,
                  const std::string& path,
                  const ColumnRule& rule,
                  std::uint64_t events,
                  std::uint64_t processes) {
    std::vector<std::uint64_t> shape{events};
    if (rule.shape == ColumnShape::matrix) shape.push_back(processes);
    if (info.shape == shape && info.type_class == rule.type) return;
    throw DataError(
        path + " is " + info.description() + ", must hold " + std::to_string(events) + " events" +
        (rule.shape == ColumnShape::matrix ? " x " + std::to_string(processes) + " processes"
                                           : "") +
        (rule.type == h5::TypeClass::floating ? " of floating point" : " of unsigned integers"));
}

/// Looks at one set without reading events, but for their weights where their sum is not stored.
RatioSet read_set(const h5::File& file, const std::string& name, std::uint64_t processes) {
    RatioSet set{.name = name};
    set.has_columns = set.has_checksums = true;
    if (!h5::is_dataset(file, path_of(name, "weight"))) {
        throw DataError(path_of(name, "weight") + " is missing");
    }
    set.events = h5::describe(h5::open_dataset(file, path_of(name, "weight"))).rows();
    for (const ColumnRule& rule : rules) {
        const std::string path = path_of(name, rule.name);
        if (!h5::is_dataset(file, path)) {
            if (rule.required) throw DataError(path + " is missing");
            set.has_columns = false;
            continue;
        }
        const CheckedColumn column(file, path);
        check_column(column.info(), path, rule, set.events, processes);
        set.has_checksums = set.has_checksums && column.has_checksums();
    }
    if (h5::has_attribute(file, set_path(name), "sum_of_weights")) {
        set.sum_of_weights = h5::read_number_attribute(file, set_path(name), "sum_of_weights");
    } else {
        const auto weights =
            CheckedColumn(file, path_of(name, "weight")).read<double>({0, set.events});
        set.sum_of_weights = std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    return set;
}

void check_finite(const RatioRows& rows,
                  std::uint64_t first,
                  std::string_view set,
                  const RatioHeader& header) {
    const auto bad_weight = std::find_if_not(rows.weight.begin(), rows.weight.end(),
                                             [](double weight) { return std::isfinite(weight); });
    if (bad_weight != rows.weight.end()) {
        const auto row = first + static_cast<std::uint64_t>(bad_weight - rows.weight.begin());
        throw DataError(path_of(set, "weight") + " row " + std::to_string(row) + " is " +
                        std::to_string(*bad_weight));
    }
    // A ratio of zero, ln r = -inf, is a valid ratio.
    const auto bad = std::find_if_not(rows.log_r.begin(), rows.log_r.end(), [](float log_r) {
        return log_r < std::numeric_limits<float>::infinity();
    });
    if (bad == rows.log_r.end()) return;
    const auto index = static_cast<std::uint64_t>(bad - rows.log_r.begin());
    throw DataError(path_of(set, "log_r") + " row " +
                    std::to_string(first + index / header.processes.size()) + ", process '" +
                    header.processes[index % header.processes.size()].name + "' is " +
                    std::to_string(*bad));
}

/// \param log_g [shapes, 2, rows]
void check_shapes(std::span<const float> log_g,
                  Range rows,
                  std::string_view set,
                  const RatioHeader& header) {
    const auto bad = std::find_if_not(log_g.begin(), log_g.end(),
                                      [](float value) { return std::isfinite(value); });
    if (bad == log_g.end()) return;
    const auto index = static_cast<std::uint64_t>(bad - log_g.begin());
    const std::uint64_t list = index / rows.size();
    const RatioShape& shape = header.shapes[list / 2];
    throw DataError(shape_path(set, list % 2 == 0) + " row " +
                    std::to_string(rows.first + index % rows.size()) + ", '" + shape.parameter +
                    "' of process '" + shape.process + "' is " + std::to_string(*bad));
}

}  // namespace

struct RatioFile::Opened {
    h5::File file;
};

RatioFile::RatioFile(const std::filesystem::path& path)
    : path_(path), opened_(std::make_shared<Opened>(Opened{open_table(path, ratios_kind)})) {
    in_context("'" + path.string() + "'", [&] {
        header_ = read_ratio_header(opened_->file);
        summary_ = read_ratio_summary(opened_->file);
        for (const std::string& name : read_set_names(opened_->file)) {
            sets_.push_back(read_set(opened_->file, name, header_.processes.size()));
            summary_.events += sets_.back().events;
            if (sets_.back().has_checksums) continue;
            warnings_.push_back(path.string() + ": " + set_path(name) +
                                " has columns without checksums: damage would not be noticed");
        }
        for (const ReferenceComponent& component : header_.reference) set(component.sample);
        events_ = std::make_shared<RatioEvents>(path, opened_->file, header_, sets_);
        for (const std::string& warning : events_->warnings()) {
            warnings_.push_back(path.string() + ": " + warning);
        }
    });
}

const RatioSet& RatioFile::set(std::string_view name) const {
    std::vector<std::string> names;
    for (const RatioSet& candidate : sets_) {
        if (candidate.name == name) return candidate;
        names.push_back(candidate.name);
    }
    throw DataError("'" + path_.string() + "' has no events of sample '" + std::string(name) + "'" +
                    did_you_mean(name, names));
}

RatioRows RatioFile::read_rows(std::string_view name, Range rows) const {
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= set(name).events);
    return in_context("'" + path_.string() + "'", [&] {
        RatioRows values;
        values.weight = CheckedColumn(opened_->file, path_of(name, "weight")).read<double>(rows);
        values.log_r = CheckedColumn(opened_->file, path_of(name, "log_r")).read<float>(rows);
        check_finite(values, rows.first, name, header_);
        return values;
    });
}

std::vector<double> RatioFile::read_weights(std::string_view name, Range rows) const {
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= set(name).events);
    return in_context("'" + path_.string() + "'", [&] {
        return CheckedColumn(opened_->file, path_of(name, "weight")).read<double>(rows);
    });
}

void RatioFile::read_events(std::string_view name, Range rows, const RatioTarget& to) const {
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= set(name).events);
    in_context("'" + path_.string() + "'", [&] { events_->read(name, rows, to); });
}

void RatioFile::verify_events() const {
    std::vector<std::size_t> shapes(header_.shapes.size());
    std::iota(shapes.begin(), shapes.end(), 0);
    for (const RatioSet& set : sets_) {
        for (std::uint64_t first = 0; first < set.events; first += net_ratio_block) {
            const Range rows{first, std::min(first + net_ratio_block, set.events)};
            const std::uint64_t n = rows.size();
            std::vector<double> weight(n);
            std::vector<double> log_r(n * header_.processes.size());
            std::vector<float> log_g(2 * shapes.size() * n);
            read_events(set.name, rows, {weight, log_r, shapes, log_g, n});
            in_context("'" + path_.string() + "'", [&] {
                check_finite({weight, {log_r.begin(), log_r.end()}}, first, set.name, header_);
                check_shapes(log_g, rows, set.name, header_);
            });
        }
    }
}

std::vector<float> RatioFile::read_net_ratios(std::string_view name,
                                              NetRatios lines,
                                              std::uint64_t line,
                                              Range rows) const {
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= set(name).events);
    return in_context("'" + path_.string() + "'", [&] {
        const std::string path = net_ratios_path(name, lines);
        if (!h5::is_dataset(opened_->file, path)) throw DataError(path + " is missing");
        const NetRatioTable table(opened_->file, path);
        if (line < table.lines() && table.events() == set(name).events) {
            return table.read(line, rows);
        }
        throw DataError(path + " has " + std::to_string(table.lines()) + " lines of " +
                        std::to_string(table.events()) + " events, line " + std::to_string(line) +
                        " of " + std::to_string(set(name).events) + " was asked for");
    });
}

RatioColumns RatioFile::read_columns(std::string_view name, Range rows) const {
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= set(name).events);
    return in_context("'" + path_.string() + "'", [&] {
        const auto has = [&](const char* column) {
            return h5::is_dataset(opened_->file, path_of(name, column));
        };
        RatioColumns values;
        if (has("id"))
            values.id = CheckedColumn(opened_->file, path_of(name, "id")).read<std::uint64_t>(rows);
        if (has("row")) {
            values.row =
                CheckedColumn(opened_->file, path_of(name, "row")).read<std::uint64_t>(rows);
        }
        if (has("spread")) {
            values.spread = CheckedColumn(opened_->file, path_of(name, "spread")).read<float>(rows);
        }
        return values;
    });
}

}  // namespace ratiofarm
