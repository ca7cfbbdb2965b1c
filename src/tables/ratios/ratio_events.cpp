#include "ratio_events.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "h5/file.hpp"
#include "tables/checked_column.hpp"

#include "half.hpp"
#include "ratio_attributes.hpp"

namespace ratiofarm {

namespace {

/// Elements that are read in one go where they must be converted.
constexpr std::uint64_t conversion_step = 16384;

void read_log_r(const SharedColumn& column,
                std::uint64_t processes,
                Range rows,
                std::span<double> to) {
    std::vector<float> values(rows.size() * processes);
    column.read(0, {rows.first * processes, rows.last * processes},
                std::as_writable_bytes(std::span(values)));
    std::copy(values.begin(), values.end(), to.begin());
}

void read_shape(const SharedColumn& column, std::uint64_t line, Range rows, std::span<float> to) {
    if (column.type() == h5::ElementType::f32) {
        column.read(line, rows, std::as_writable_bytes(to));
        return;
    }
    std::vector<std::uint16_t> halves(std::min(conversion_step, rows.size()));
    for (std::uint64_t first = rows.first; first < rows.last; first += conversion_step) {
        const Range part{first, std::min(first + conversion_step, rows.last)};
        const std::span<std::uint16_t> values = std::span(halves).first(part.size());
        column.read(line, part, std::as_writable_bytes(values));
        widen_halves(values, to.subspan(first - rows.first, part.size()));
    }
}

}  // namespace

std::string shape_path(std::string_view set, bool up) {
    return set_path(set) + (up ? "/log_g_up" : "/log_g_down");
}

RatioEvents::RatioEvents(const std::filesystem::path& path,
                         const h5::File& file,
                         const RatioHeader& header,
                         std::span<const RatioSet> sets)
    : file_(file), bytes_(path) {
    const std::uint64_t processes = header.processes.size();
    const SharedColumn::Source source{file_, bytes_, hdf5_};
    for (const RatioSet& info : sets) {
        const std::string group = set_path(info.name);
        Set set{processes,
                SharedColumn(source, group + "/weight", h5::ElementType::f64,
                             {1, info.events, rows_per_block}, ChecksumKind::crc),
                SharedColumn(source, group + "/log_r", h5::ElementType::f32,
                             {1, info.events * processes, rows_per_block * processes},
                             ChecksumKind::crc),
                {},
                {}};
        open_shapes(info, header.shapes.size(), set);
        sets_.emplace(info.name, std::move(set));
    }
}

void RatioEvents::open_shapes(const RatioSet& set, std::uint64_t columns, Set& to) {
    const std::string paths[] = {shape_path(set.name, true), shape_path(set.name, false)};
    const bool is_there[] = {h5::is_dataset(file_, paths[0]), h5::is_dataset(file_, paths[1])};
    for (const std::size_t side : {0, 1}) {
        if (is_there[side] == (columns > 0)) continue;
        if (columns == 0) {
            throw DataError(paths[side] +
                            " has no names: the root attributes 'shape_processes' and "
                            "'shape_parameters' must say what its columns are");
        }
        throw DataError(paths[side] +
                        " is missing: every sample needs log_g_up and log_g_down with " +
                        std::to_string(columns) + " columns, as 'shape_parameters' names them");
    }
    if (columns == 0) return;
    to.up.emplace(open_shape(paths[0], columns, set.events));
    to.down.emplace(open_shape(paths[1], columns, set.events));
}

SharedColumn RatioEvents::open_shape(const std::string& path,
                                     std::uint64_t columns,
                                     std::uint64_t events) {
    const h5::DatasetInfo info = h5::describe(h5::open_dataset(file_, path));
    const std::vector<std::uint64_t> shape{columns, events};
    if (info.shape != shape || info.type_class != h5::TypeClass::floating) {
        throw DataError(path + " is " + info.description() + ", must hold " +
                        std::to_string(columns) + " columns x " + std::to_string(events) +
                        " events of floating point");
    }
    const auto type = info.type == h5::ElementType::f16 && info.offset ? h5::ElementType::f16
                                                                       : h5::ElementType::f32;
    return SharedColumn({file_, bytes_, hdf5_}, path, type, {columns, events, net_ratio_block},
                        ChecksumKind::xxh3);
}

void RatioEvents::read(std::string_view name, Range rows, const RatioTarget& to) const {
    const auto found = sets_.find(name);
    RATIOFARM_EXPECT(found != sets_.end());
    const Set& set = found->second;
    RATIOFARM_EXPECT(to.weight.size() == rows.size());
    RATIOFARM_EXPECT(to.log_r.size() == rows.size() * set.processes);
    set.weight.read(0, rows, std::as_writable_bytes(to.weight));
    read_log_r(set.log_r, set.processes, rows, to.log_r);
    for (std::size_t k = 0; k < to.shapes.size(); ++k) {
        const auto list = [&](std::size_t side) {
            return to.log_g.subspan((2 * k + side) * to.stride, rows.size());
        };
        read_shape(*set.up, to.shapes[k], rows, list(0));
        read_shape(*set.down, to.shapes[k], rows, list(1));
    }
}

std::vector<std::string> RatioEvents::warnings() const {
    std::string slow;
    std::string unchecked;
    const auto look_at = [&](const std::optional<SharedColumn>& column, const std::string& path) {
        if (!column) return;
        if (!column->is_direct()) slow += (slow.empty() ? "" : ", ") + path;
        if (!column->has_checksums()) unchecked += (unchecked.empty() ? "" : ", ") + path;
    };
    for (const auto& [name, set] : sets_) {
        look_at(set.up, shape_path(name, true));
        look_at(set.down, shape_path(name, false));
    }
    std::vector<std::string> lines;
    if (!slow.empty())
        lines.push_back(slow + ": stored in pieces or not as f32 or f16: loads slowly");
    if (!unchecked.empty()) {
        lines.push_back(unchecked + ": no checksums, so damage would not be noticed");
    }
    return lines;
}

}  // namespace ratiofarm
