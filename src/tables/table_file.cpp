#include "table_file.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/partition.hpp"

#include "h5/attributes.hpp"
#include "h5/dataset.hpp"
#include "h5/doubted_file.hpp"

namespace ratiofarm {

namespace {

constexpr const char* checksum_dataset = "/metadata_crc";

/// Bytes that hold values of datasets, in order.
std::vector<Range> value_bytes(const h5::File& file) {
    std::vector<Range> ranges;
    for (const std::string& path : h5::dataset_paths(file)) {
        const h5::DatasetInfo info = h5::describe(h5::open_dataset(file, path));
        if (!info.offset) continue;
        ranges.push_back(
            {*info.offset, *info.offset + info.rows() * info.width() * info.type_size});
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    return ranges;
}

std::uint32_t add_bytes(std::ifstream& bytes, Range range, std::uint32_t crc) {
    constexpr std::uint64_t step = 1 << 16;
    std::vector<char> buffer(step);
    bytes.seekg(static_cast<std::streamoff>(range.first));
    for (std::uint64_t first = range.first; first < range.last; first += step) {
        const std::uint64_t size = std::min(step, range.last - first);
        bytes.read(buffer.data(), static_cast<std::streamsize>(size));
        crc = crc32(std::as_bytes(std::span(buffer).first(size)), crc);
    }
    return crc;
}

/// CRC-32 of all bytes between and around the values of datasets.
std::uint32_t metadata_checksum(const std::filesystem::path& path, const h5::File& file) {
    std::ifstream bytes(path, std::ios::binary);
    const std::uint64_t size = std::filesystem::file_size(path);
    std::uint32_t crc = 0;
    std::uint64_t next = 0;
    for (const Range& values : value_bytes(file)) {
        // A damaged place may lie anywhere; up to the end of the file there is something to read.
        const std::uint64_t first = std::min(values.first, size);
        if (next < first) crc = add_bytes(bytes, {next, first}, crc);
        next = std::max(next, std::min(values.last, size));
    }
    crc = add_bytes(bytes, {next, size}, crc);
    if (!bytes) throw_unreadable("cannot read '" + path.string() + "'", errno);
    return crc;
}

int differing_bits(std::string_view a, std::string_view b) {
    int bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        bits += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
    }
    return bits;
}

/// Whether there is, or was, a checksum: damage to its name does not make it optional.
bool has_checksum(const h5::File& file) {
    const std::string_view wanted = std::string_view(checksum_dataset).substr(1);
    const auto names = h5::member_names(file, "/");
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return name.size() == wanted.size() && differing_bits(name, wanted) <= 1;
    });
}

/// \return whether there is a checksum
bool check_metadata(const std::filesystem::path& path, const h5::File& file) {
    if (!has_checksum(file)) return false;
    if (h5::is_dataset(file, checksum_dataset)) {
        const auto stored = h5::read_all<std::uint32_t>(file, checksum_dataset);
        if (stored.size() == 1 && stored.front() == metadata_checksum(path, file)) return true;
    }
    throw DataError(
        "the metadata do not match their checksum: damaged, "
        "or changed by another program (then delete the dataset '" +
        std::string(checksum_dataset) + "')");
}

void check_kind(const h5::File& file, const TableKind& kind) {
    const std::string wanted(kind.format);
    if (!h5::has_attribute(file, "/", "format")) {
        throw DataError(
            "no root attribute 'format': the file is incomplete or not a table of ratiofarm "
            "(expected format = \"" +
            wanted + "\", version = " + std::to_string(kind.version) + ")");
    }
    const std::string format = h5::read_text_attribute(file, "/", "format");
    if (format != wanted) {
        throw DataError("format is '" + format + "', expected '" + wanted + "'");
    }
    const std::uint64_t version = h5::read_integer_attribute(file, "/", "version");
    if (kind.oldest <= version && version <= kind.version) return;
    const std::string known =
        kind.oldest == kind.version
            ? "version " + std::to_string(kind.version)
            : "versions " + std::to_string(kind.oldest) + " to " + std::to_string(kind.version);
    throw DataError("version " + std::to_string(version) + " of format '" + format +
                    "' is not known to this program (it reads " + known + ")");
}

}  // namespace

void create_metadata_checksum(const h5::File& file) {
    const std::uint64_t one[] = {1};
    h5::create_dataset(file, checksum_dataset, h5::ElementType::u32, one);
}

void write_kind(const h5::File& file, const TableKind& kind) {
    h5::write_attribute(file, "/", "version", kind.version);
    h5::write_attribute(file, "/", "format", kind.format);
}

void write_metadata_checksum(const std::filesystem::path& path) {
    h5::File file = h5::open_file(path);
    const std::uint32_t checksum = metadata_checksum(path, file);
    const auto offset = h5::dataset_offset(h5::open_dataset(file, checksum_dataset)).value();
    file.reset();
    // Not through HDF5, which might change metadata when it opens the file for writing.
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(offset));
    for (int byte = 0; byte < 4; ++byte) bytes.put(static_cast<char>(checksum >> (8 * byte)));
    bytes.flush();
    if (!bytes) throw SystemError("cannot write '" + path.string() + "'", errno);
}

bool is_metadata_checksum(std::string_view path) { return path == checksum_dataset; }

h5::File open_checked(const std::filesystem::path& path) {
    const auto check = [&](const h5::File& file) {
        return in_context("'" + path.string() + "'", [&] { return check_metadata(path, file); });
    };
    if (h5::has_checked_metadata(path)) {
        h5::File file = h5::open_file(path);
        if (check(file)) return file;
    }
    h5::File file = h5::open_doubted(path);
    check(file);
    return file;
}

h5::File open_table(const std::filesystem::path& path, const TableKind& kind) {
    h5::File file = open_checked(path);
    in_context("'" + path.string() + "'", [&] { check_kind(file, kind); });
    return file;
}

std::filesystem::path partial_path(const std::filesystem::path& path) {
    std::filesystem::path partial = path;
    partial += ".partial";
    return partial;
}

}  // namespace ratiofarm
