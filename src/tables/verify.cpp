#include "ratiofarm/tables/verify.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "core/isolated.hpp"
#include "h5/attributes.hpp"
#include "tables/ensembles/ensemble_layout.hpp"
#include "tables/ensembles/net_tables.hpp"
#include "tables/events/event_layout.hpp"
#include "tables/ratios/net_ratio_table.hpp"
#include "tables/ratios/ratio_attributes.hpp"
#include "tables/unfolded_file.hpp"

#include "checked_column.hpp"
#include "shared_column.hpp"

namespace ratiofarm {

namespace {

using Lines = std::vector<std::string>;

/// Runs a check; what it throws becomes a line.
template <class Check>
void collect(Lines& problems, Check&& check) {
    try {
        check();
    } catch (const std::exception& problem) {
        problems.emplace_back(problem.what());
    }
}

void check_columns(const std::filesystem::path& path, const h5::File& file, Lines& problems) {
    for (const std::string& dataset : h5::dataset_paths(file)) {
        if (is_checksum_path(dataset) || dataset.ends_with(xxh3_path(""))) continue;
        collect(problems, [&] {
            const bool lines = h5::is_dataset(file, xxh3_path(dataset));
            for (const std::string& line : lines ? NetRatioTable(file, dataset).damaged_blocks()
                                                 : CheckedColumn(file, dataset).damaged_blocks()) {
                problems.push_back("'" + path.string() + "': " + line);
            }
        });
    }
}

void check_events(const std::filesystem::path& path, Lines& problems) {
    const h5::File file = open_table(path, events_kind);
    check_columns(path, file, problems);
    if (!problems.empty()) return;
    read_sample_info(path, all_samples(path), {}, Split{});
}

void check_ensemble(const std::filesystem::path& path, Lines& problems) {
    const EnsembleFile ensemble = read_ensemble(path);
    const h5::File file = open_table(path, ensemble_kind);
    const NetTables tables(file, ensemble.header);
    for (std::uint64_t net = 0; net < ensemble.header.nets(); ++net) {
        collect(problems,
                [&] { in_context("'" + path.string() + "'", [&] { tables.read(net); }); });
    }
}

void check_ratios(const std::filesystem::path& path, Lines& problems) {
    const RatioFile ratios(path);
    check_columns(path, open_table(path, ratios_kind), problems);
    if (!problems.empty()) return;
    ratios.verify_events();
}

void check_any(const std::filesystem::path& path, Lines& problems) {
    std::string format;
    {
        const h5::File file = open_checked(path);
        if (!h5::has_attribute(file, "/", "format")) {
            throw DataError(
                "'" + path.string() +
                "' has no root attribute 'format': incomplete, or not a table of ratiofarm");
        }
        format = h5::read_text_attribute(file, "/", "format");
    }
    if (format == events_format) return check_events(path, problems);
    if (format == ensemble_format) return check_ensemble(path, problems);
    if (format == ratios_format) return check_ratios(path, problems);
    if (format == unfolded_format) {
        return check_columns(path, open_table(path, unfolded_kind), problems);
    }
    throw DataError("'" + path.string() + "' has format '" + format +
                    "', which this program does not know");
}

template <h5::Element T>
Digest digest_of(const h5::Dataset& dataset, const h5::DatasetInfo& info) {
    Hasher hasher;
    hasher.text(h5::name_of(h5::element_type<T>())).number(info.shape.size());
    for (const std::uint64_t extent : info.shape) hasher.number(extent);
    for (std::uint64_t block = 0; block < block_count(info.rows()); ++block) {
        const auto values = h5::read_rows<T>(dataset, rows_of_block(block, info.rows()));
        hasher.bytes(std::as_bytes(std::span(values)));
    }
    return hasher.finish();
}

Digest digest_of(const h5::Dataset& dataset, const std::string& path) {
    const h5::DatasetInfo info = h5::describe(dataset);
    if (info.shape.empty()) throw DataError(path + " is a scalar, not a table");
    if (info.type == h5::ElementType::f32) return digest_of<float>(dataset, info);
    if (info.type == h5::ElementType::u32) return digest_of<std::uint32_t>(dataset, info);
    switch (info.type_class) {
        case h5::TypeClass::floating: return digest_of<double>(dataset, info);
        case h5::TypeClass::unsigned_integer: return digest_of<std::uint64_t>(dataset, info);
        case h5::TypeClass::signed_integer: return digest_of<std::int64_t>(dataset, info);
        case h5::TypeClass::other: break;
    }
    throw DataError(path + " does not hold numbers");
}

}  // namespace

std::vector<std::string> verify_file(const std::filesystem::path& path) {
    constexpr unsigned no_limit = 0;  // large files take their time
    auto [problems, end] = lines_of_isolated(
        [&] {
            Lines found;
            collect(found, [&] { check_any(path, found); });
            return found;
        },
        no_limit);
    if (!end.empty()) problems.push_back("damaged: reading it " + end);
    for (std::string& line : problems) {
        if (line.find(path.filename().string()) == std::string::npos) {
            line = "'" + path.string() + "': " + line;
        }
    }
    return problems;
}

std::vector<std::pair<std::string, Digest>> dataset_digests(const std::filesystem::path& path) {
    const h5::File file = h5::open_file(path);
    std::vector<std::pair<std::string, Digest>> digests;
    for (const std::string& dataset : h5::dataset_paths(file)) {
        if (is_metadata_checksum(dataset)) continue;
        digests.emplace_back(dataset, digest_of(h5::open_dataset(file, dataset), dataset));
    }
    return digests;
}

}  // namespace ratiofarm
