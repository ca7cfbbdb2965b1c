#include "patch_file.hpp"

#include <algorithm>
#include <numeric>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

#include "net_ratio_table.hpp"
#include "net_ratio_writer.hpp"
#include "ratio_attributes.hpp"
#include "ratio_events.hpp"

namespace ratiofarm {
namespace {

constexpr TableKind patches_kind{"ratiofarm-patch", 1};

std::string column_path(const std::string& set, const char* column) {
    return set_path(set) + "/" + column;
}

void append(std::vector<float>& list, const std::vector<float>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

/// Whole columns of a set of a ratio file.
RatioSetRows read_set_rows(const RatioFile& ratios, const RatioSet& set, Range rows) {
    RatioRows values = ratios.read_rows(set.name, rows);
    RatioSetRows all;
    all.id = ratios.read_columns(set.name, rows).id;
    all.weight = std::move(values.weight);
    all.log_r = std::move(values.log_r);
    if (all.id.empty()) {
        all.id.resize(rows.size());
        std::iota(all.id.begin(), all.id.end(), rows.first);
    }
    const std::size_t shapes = ratios.header().shapes.size();
    if (shapes == 0) return all;
    std::vector<std::size_t> wanted(shapes);
    std::iota(wanted.begin(), wanted.end(), 0);
    const std::uint64_t n = rows.size();
    std::vector<double> weight(n);
    std::vector<double> log_r(n * ratios.header().processes.size());
    std::vector<float> log_g(2 * shapes * n);
    ratios.read_events(set.name, rows, {weight, log_r, wanted, log_g, n});
    for (std::size_t c = 0; c < shapes; ++c) {
        const auto up = log_g.begin() + static_cast<std::ptrdiff_t>(2 * c * n);
        const auto down = up + static_cast<std::ptrdiff_t>(n);
        all.log_g_up.insert(all.log_g_up.end(), up, down);
        all.log_g_down.insert(all.log_g_down.end(), down, down + static_cast<std::ptrdiff_t>(n));
    }
    if (ratios.header().shape_nets == 0) return all;
    for (std::size_t c = 0; c < shapes; ++c) {
        append(all.half_up, ratios.read_net_ratios(set.name, NetRatios::up_halves, c, rows));
        append(all.half_down, ratios.read_net_ratios(set.name, NetRatios::down_halves, c, rows));
    }
    return all;
}

/// The last of p columns, and the others. \param log_r [n, p]
std::vector<float> last_column(const std::vector<float>& log_r, std::size_t p) {
    std::vector<float> last;
    for (std::size_t i = p - 1; i < log_r.size(); i += p) last.push_back(log_r[i]);
    return last;
}

std::vector<float> other_columns(const std::vector<float>& log_r, std::size_t p) {
    std::vector<float> others;
    for (std::size_t i = 0; i < log_r.size(); ++i) {
        if (i % p != p - 1) others.push_back(log_r[i]);
    }
    return others;
}

std::vector<float> with_column(const std::vector<float>& log_r, std::span<const float> last) {
    const std::size_t p = log_r.size() / std::max<std::size_t>(last.size(), 1);
    std::vector<float> all;
    for (std::size_t i = 0; i < last.size(); ++i) {
        const auto row = log_r.begin() + static_cast<std::ptrdiff_t>(i * p);
        all.insert(all.end(), row, row + static_cast<std::ptrdiff_t>(p));
        all.push_back(last[i]);
    }
    return all;
}

template <h5::Element T>
void write_values(const h5::File& file, const ColumnLayout& layout, std::span<const T> values) {
    create_column(file, layout);
    const CheckedColumn column(file, layout.path);
    for (std::uint64_t block = 0; block < block_count(layout.rows); ++block) {
        const Range rows = rows_of_block(block, layout.rows);
        column.write_block<T>(
            block, values.subspan(rows.first * layout.width, rows.size() * layout.width));
    }
}

/// Where rows that should be equal differ. \throws DataError
void expect_equal_events(const RatioFile& bundle,
                         const RatioFile& patched,
                         const RatioSet& set,
                         const RatioSetRows& theirs,
                         const RatioSetRows& ours) {
    const std::size_t p = patched.header().processes.size();
    if (theirs.weight == ours.weight && theirs.log_r == other_columns(ours.log_r, p)) return;
    throw DataError("the events of sample '" + set.name + "' in '" + patched.path().string() +
                    "' are not those of '" + bundle.path().string() +
                    "' (weights or ln r differ): the bundle is not of the run that was patched");
}

/// The new process' own sample, with all processes.
void write_own_set(const h5::File& file, const std::string& name, const RatioFile& patched) {
    const RatioSet& set = patched.set(name);
    const std::size_t p = patched.header().processes.size();
    const RatioSetRows rows = read_set_rows(patched, set, {0, set.events});
    write_values<std::uint64_t>(file, {column_path(name, "id"), h5::ElementType::u64, set.events},
                                rows.id);
    write_values<double>(file, {column_path(name, "weight"), h5::ElementType::f64, set.events},
                         rows.weight);
    write_values<float>(
        file,
        {column_path(name, "log_r"), h5::ElementType::f32, set.events, p, ColumnShape::matrix},
        rows.log_r);
    const auto write_lines = [&](const std::string& path, std::span<const float> values) {
        const std::uint64_t lines = values.size() / std::max<std::uint64_t>(set.events, 1);
        if (lines == 0) return;
        create_net_ratio_table(file, {path, lines, set.events, h5::ElementType::f32});
        const NetRatioTable table(file, path);
        for (std::uint64_t line = 0; line < lines; ++line) {
            table.write(line, {0, set.events}, values.subspan(line * set.events, set.events));
        }
    };
    write_lines(shape_path(name, true), rows.log_g_up);
    write_lines(shape_path(name, false), rows.log_g_down);
    write_lines(net_ratios_path(name, NetRatios::up_halves), rows.half_up);
    write_lines(net_ratios_path(name, NetRatios::down_halves), rows.half_down);
}

void describe(const h5::File& file, const PatchHeader& header) {
    std::vector<double> ranges;
    for (const auto& [low, high] : header.ranges) ranges.insert(ranges.end(), {low, high});
    h5::write_attribute(file, "/", "bundle", std::string_view(header.bundle));
    h5::write_attribute(file, "/", "process", std::string_view(header.process));
    h5::write_attribute(file, "/", "coefficient", std::string_view(header.coefficient));
    h5::write_attribute(file, "/", "yield", header.yield);
    if (!ranges.empty()) {
        h5::write_attribute(file, "/", "parameters", header.parameters);
        h5::write_attribute(file, "/", "ranges", ranges);
    }
    write_kind(file, patches_kind);
}

/// A column of a patch, of as many events as it must have.
template <h5::Element T>
std::vector<T> read_whole(const h5::File& file,
                          const std::string& path,
                          std::uint64_t events,
                          std::uint64_t width = 1) {
    if (!h5::is_dataset(file, path)) throw DataError(path + " is missing");
    const CheckedColumn column(file, path);
    if (column.info().rows() != events || column.info().width() != width) {
        throw DataError(path + " is " + column.info().description() + ", must have " +
                        std::to_string(events) + " events x " + std::to_string(width));
    }
    return column.read<T>({0, events});
}

std::vector<float> read_lines(const h5::File& file, const std::string& path, Range rows) {
    if (!h5::is_dataset(file, path)) throw DataError(path + " is missing");
    const NetRatioTable table(file, path);
    std::vector<float> lines;
    for (std::uint64_t line = 0; line < table.lines(); ++line) {
        const std::vector<float> values = table.read(line, rows);
        append(lines, values);
    }
    return lines;
}

/// The new process' own sample out of a patch.
class OwnSet {
public:
    OwnSet(const h5::File& file, const std::string& name, const RatioHeader& header)
        : file_(file),
          name_(name),
          has_shapes_(!header.shapes.empty()),
          has_halves_(header.shape_nets > 0) {
        const std::string path = column_path(name, "weight");
        if (!h5::is_dataset(file, path)) throw DataError(path + " is missing");
        events_ = CheckedColumn(file, path).info().rows();
        width_ = header.processes.size();
        weight_ = read_whole<double>(file, path, events_);
        log_r_ = read_whole<float>(file, column_path(name, "log_r"), events_, width_);
        id_.resize(events_);
        std::iota(id_.begin(), id_.end(), 0);
        const std::string ids = column_path(name, "id");
        if (h5::is_dataset(file, ids)) id_ = read_whole<std::uint64_t>(file, ids, events_);
    }

    std::uint64_t events() const { return events_; }

    RatioSetRows rows(Range rows) const {
        RatioSetRows part;
        part.id = cut(id_, rows, 1);
        part.weight = cut(weight_, rows, 1);
        part.log_r = cut(log_r_, rows, width_);
        if (!has_shapes_) return part;
        part.log_g_up = read_lines(file_, shape_path(name_, true), rows);
        part.log_g_down = read_lines(file_, shape_path(name_, false), rows);
        if (!has_halves_) return part;
        part.half_up = read_lines(file_, net_ratios_path(name_, NetRatios::up_halves), rows);
        part.half_down = read_lines(file_, net_ratios_path(name_, NetRatios::down_halves), rows);
        return part;
    }

private:
    template <class T>
    static std::vector<T> cut(const std::vector<T>& values, Range rows, std::size_t width) {
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(rows.first * width);
        return {first, first + static_cast<std::ptrdiff_t>(rows.size() * width)};
    }

    const h5::File& file_;
    std::string name_;
    bool has_shapes_;
    bool has_halves_;
    std::uint64_t events_ = 0;
    std::uint64_t width_ = 0;
    std::vector<std::uint64_t> id_;
    std::vector<double> weight_;
    std::vector<float> log_r_;
};

}  // namespace

PatchHeader read_patch_header(const std::filesystem::path& path) {
    const h5::File file = open_table(path, patches_kind);
    return in_context("'" + path.string() + "'", [&] {
        PatchHeader header;
        header.bundle = h5::read_text_attribute(file, "/", "bundle");
        header.process = h5::read_text_attribute(file, "/", "process");
        header.coefficient = h5::read_text_attribute(file, "/", "coefficient");
        header.yield = h5::read_number_attribute(file, "/", "yield");
        if (!h5::has_attribute(file, "/", "parameters")) return header;
        header.parameters = h5::read_texts_attribute(file, "/", "parameters");
        const auto ranges = h5::read_numbers_attribute(file, "/", "ranges");
        if (ranges.size() != 2 * header.parameters.size()) {
            throw DataError("attribute 'ranges' must have two numbers per parameter");
        }
        for (std::size_t i = 0; i < ranges.size(); i += 2) {
            header.ranges.emplace_back(ranges[i], ranges[i + 1]);
        }
        return header;
    });
}

void write_patch(const std::filesystem::path& path,
                 const PatchHeader& header,
                 const RatioFile& bundle,
                 const RatioFile& patched) {
    const std::size_t p = patched.header().processes.size();
    const bool fits = p == bundle.header().processes.size() + 1 &&
                      patched.header().processes.back().name == header.process &&
                      patched.header().shapes == bundle.header().shapes;
    if (!fits) {
        throw DataError("'" + patched.path().string() + "' has not the processes and shapes of '" +
                        bundle.path().string() + "' and '" + header.process + "'");
    }
    const auto create = [&](const h5::File& file) {
        for (const RatioSet& set : bundle.sets()) {
            h5::create_group(file, set_path(set.name));
            const Range rows{0, set.events};
            if (patched.set(set.name).events != set.events) {
                throw DataError("sample '" + set.name + "' has another number of events");
            }
            const RatioSetRows ours = read_set_rows(patched, set, rows);
            expect_equal_events(bundle, patched, set, read_set_rows(bundle, set, rows), ours);
            write_values<float>(file,
                                {column_path(set.name, "log_r"), h5::ElementType::f32, set.events},
                                last_column(ours.log_r, p));
        }
        h5::create_group(file, set_path(header.process));
        write_own_set(file, header.process, patched);
    };
    write_together(mpi::Communicator(), path,
                   {.bytes = std::filesystem::file_size(patched.path()),
                    .create = create,
                    .write = [](const h5::File&) {},
                    .describe = [&](const h5::File& file) { describe(file, header); },
                    .verify = [](const h5::File&) {}});
}

void apply_patch(const std::filesystem::path& patch,
                 const RatioFile& bundle,
                 const std::filesystem::path& to) {
    const PatchHeader header = read_patch_header(patch);
    const h5::File file = open_table(patch, patches_kind);
    RatioSetsInput input;
    input.header = bundle.header();
    input.header.processes.push_back({header.process, header.yield, {}});
    input.header.replicas.clear();
    input.header.members.clear();
    Hasher inputs;
    inputs.digest(bundle.header().inputs).text(header.bundle).text(header.process);
    in_context("'" + patch.string() + "'", [&] {
        std::vector<std::vector<float>> columns;
        for (const RatioSet& set : bundle.sets()) {
            input.sets.push_back({set.name, set.events});
            columns.push_back(read_whole<float>(file, column_path(set.name, "log_r"), set.events));
            inputs.bytes(std::as_bytes(std::span(columns.back())));
        }
        const OwnSet own(file, header.process, input.header);
        input.sets.push_back({header.process, own.events()});
        input.header.inputs = inputs.finish();
        input.rows = [&](std::size_t set, Range rows) {
            if (set == columns.size()) return own.rows(rows);
            RatioSetRows part = read_set_rows(bundle, bundle.sets()[set], rows);
            part.log_r =
                with_column(part.log_r, std::span(columns[set]).subspan(rows.first, rows.size()));
            return part;
        };
        write_ratio_sets(to, input);
    });
}

}  // namespace ratiofarm
