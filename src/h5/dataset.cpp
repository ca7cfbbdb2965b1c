#include "dataset.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>

#include <fcntl.h>
#include <unistd.h>

#include "checked.hpp"

namespace ratiofarm::h5 {

namespace {

/// Of one transfer at most.
constexpr std::uint64_t bytes_per_transfer = std::uint64_t{1} << 29;

/// IEEE half precision, which HDF5 before 1.14.4 has no name for. Made once; freed by HDF5's exit.
hid_t half_type() {
    static const hid_t type = [] {
        Datatype half = checked::H5Tcopy(H5T_IEEE_F32LE);
        RATIOFARM_H5(H5Tset_fields, half.get(), 15, 10, 5, 0, 10);
        RATIOFARM_H5(H5Tset_size, half.get(), 2);
        RATIOFARM_H5(H5Tset_ebias, half.get(), 15);
        return half.release();
    }();
    return type;
}

/// Identifier of a type that lives as long as the program.
hid_t native(ElementType type) {
    switch (type) {
        case ElementType::f16: return half_type();
        case ElementType::f32: return H5T_IEEE_F32LE;
        case ElementType::f64: return H5T_IEEE_F64LE;
        case ElementType::i64: return H5T_STD_I64LE;
        case ElementType::u8: return H5T_STD_U8LE;
        case ElementType::u32: return H5T_STD_U32LE;
        case ElementType::u64: return H5T_STD_U64LE;
    }
    RATIOFARM_EXPECT(false);
    return -1;
}

/// How datasets are made: in one piece, allocated, not filled, without times. Made once, like that.
hid_t plain_creation() {
    static const hid_t list = [] {
        PropertyList creation = checked::H5Pcreate(H5P_DATASET_CREATE);
        RATIOFARM_H5(H5Pset_layout, creation.get(), H5D_CONTIGUOUS);
        RATIOFARM_H5(H5Pset_alloc_time, creation.get(), H5D_ALLOC_TIME_EARLY);
        RATIOFARM_H5(H5Pset_fill_time, creation.get(), H5D_FILL_TIME_NEVER);
        RATIOFARM_H5(H5Pset_obj_track_times, creation.get(), false);
        return creation.release();
    }();
    return list;
}

std::vector<std::uint64_t> shape_of(const Dataspace& space) {
    const int rank = RATIOFARM_H5(H5Sget_simple_extent_ndims, space.get());
    std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
    RATIOFARM_H5(H5Sget_simple_extent_dims, space.get(), sizes.data(), nullptr);
    return {sizes.begin(), sizes.end()};
}

std::uint64_t product(std::span<const std::uint64_t> sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{1}, std::multiplies<>());
}

TypeClass class_of(const Datatype& type) {
    switch (RATIOFARM_H5(H5Tget_class, type.get())) {
        case H5T_FLOAT: return TypeClass::floating;
        case H5T_INTEGER:
            return RATIOFARM_H5(H5Tget_sign, type.get()) == H5T_SGN_NONE
                       ? TypeClass::unsigned_integer
                       : TypeClass::signed_integer;
        default: return TypeClass::other;
    }
}

std::optional<ElementType> exact_type(const Datatype& stored) {
    const std::size_t size = H5Tget_size(stored.get());
    for (const ElementType type :
         {ElementType::f16, ElementType::f32, ElementType::f64, ElementType::i64, ElementType::u8,
          ElementType::u32, ElementType::u64}) {
        if (size_of(type) == size && RATIOFARM_H5(H5Tequal, stored.get(), native(type)) > 0)
            return type;
    }
    return std::nullopt;
}

enum class Direction { read, write };

/// A box of a dataset: `count` elements from `start` on along each axis.
struct Box {
    std::vector<hsize_t> start;
    std::vector<hsize_t> count;
};

Box box_of_rows(const Dataspace& space, Range rows) {
    const std::vector<std::uint64_t> shape = shape_of(space);
    Box box{std::vector<hsize_t>(shape.size(), 0), {shape.begin(), shape.end()}};
    box.start.front() = rows.first;
    box.count.front() = rows.size();
    return box;
}

/// Locks some bytes of a file while it lives, where the file system can: as MPI-IO does, since a
/// node of NFS otherwise writes whole pages of its cache, with old bytes in place of those of other
/// nodes.
class PlaceLock {
public:
    PlaceLock(int file, std::uint64_t place, std::uint64_t size)
        : file_(file),
          range_{.l_type = F_WRLCK,
                 .l_whence = SEEK_SET,
                 .l_start = static_cast<off_t>(place),
                 .l_len = static_cast<off_t>(size),
                 .l_pid = 0} {
        ::fcntl(file_, F_OFD_SETLK, &range_);
    }
    ~PlaceLock() {
        range_.l_type = F_UNLCK;
        ::fcntl(file_, F_OFD_SETLK, &range_);
    }
    PlaceLock(const PlaceLock&) = delete;
    PlaceLock& operator=(const PlaceLock&) = delete;

private:
    int file_;
    struct flock range_;
};

void write_bytes(int file, std::uint64_t place, std::span<const std::byte> bytes) {
    const PlaceLock lock(file, place, bytes.size());
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(place));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) checked::throw_unwritable(errno, errno_message("pwrite", errno));
        place += static_cast<std::uint64_t>(written);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

/// Writes a box past HDF5; see open_for_values().
void write_values(const Dataset& dataset,
                  const Dataspace& space,
                  const Box& box,
                  ElementType type,
                  const std::byte* bytes) {
    const std::vector<std::uint64_t> shape = shape_of(space);
    const auto offset = dataset_offset(dataset);
    RATIOFARM_EXPECT(offset && dataset.info->type == type);
    const std::uint64_t width = product(std::span(shape).subspan(1));
    const std::vector<std::uint64_t> count(box.count.begin(), box.count.end());
    const std::uint64_t part = product(std::span(count).subspan(1));
    RATIOFARM_EXPECT(part == width || shape.size() == 2);
    const std::uint64_t column = part == width ? 0 : box.start[1];
    const std::uint64_t step = part == width ? count.front() : 1;  // rows in one piece
    for (std::uint64_t row = 0; row < count.front(); row += step) {
        const std::uint64_t first = (box.start.front() + row) * width + column;
        write_bytes(dataset.values->get(), *offset + first * size_of(type),
                    {bytes + row * part * size_of(type), step * part * size_of(type)});
    }
}

/// One transfer; `bytes` points at the first element.
void transfer(const Dataset& dataset,
              const Dataspace& space,
              const Box& box,
              ElementType type,
              std::byte* bytes,
              Direction direction) {
    const auto& [start, count] = box;
    RATIOFARM_H5(H5Sselect_hyperslab, space.get(), H5S_SELECT_SET, start.data(), nullptr,
                 count.data(), nullptr);
    const Dataspace memory =
        checked::H5Screate_simple(static_cast<int>(count.size()), count.data());
    if (direction == Direction::write && dataset.values) {
        return write_values(dataset, space, box, type, bytes);
    }
    if (direction == Direction::write) {
        RATIOFARM_H5(H5Dwrite, dataset.get(), native(type), memory.get(), space.get(), H5P_DEFAULT,
                     bytes);
    } else {
        RATIOFARM_H5(H5Dread, dataset.get(), native(type), memory.get(), space.get(), H5P_DEFAULT,
                     bytes);
    }
}

void transfer_in_pieces(const Dataset& dataset,
                        Range rows,
                        ElementType type,
                        std::byte* bytes,
                        std::uint64_t elements,
                        Direction direction) {
    const Dataspace space = checked::H5Dget_space(dataset.get());
    const std::vector<std::uint64_t> shape = shape_of(space);
    RATIOFARM_EXPECT(!shape.empty());
    RATIOFARM_EXPECT(rows.first <= rows.last && rows.last <= shape.front());
    const std::uint64_t width = product(std::span(shape).subspan(1));
    RATIOFARM_EXPECT(elements == rows.size() * width);
    if (elements == 0) return;

    const std::uint64_t row_bytes = width * size_of(type);
    const std::uint64_t step = std::max<std::uint64_t>(1, bytes_per_transfer / row_bytes);
    for (std::uint64_t first = rows.first; first < rows.last; first += step) {
        const Range piece{first, std::min(first + step, rows.last)};
        transfer(dataset, space, box_of_rows(space, piece), type,
                 bytes + (first - rows.first) * row_bytes, direction);
    }
}

void transfer_part(const Dataset& dataset,
                   const MatrixPart& part,
                   ElementType type,
                   std::byte* bytes,
                   Direction direction) {
    const Dataspace space = checked::H5Dget_space(dataset.get());
    const std::vector<std::uint64_t> shape = shape_of(space);
    RATIOFARM_EXPECT(shape.size() == 2);
    RATIOFARM_EXPECT(part.rows.last <= shape[0] && part.columns.last <= shape[1]);
    RATIOFARM_EXPECT(part.elements() * size_of(type) <= bytes_per_transfer);
    if (part.elements() == 0) return;
    transfer(dataset, space,
             {{part.rows.first, part.columns.first}, {part.rows.size(), part.columns.size()}}, type,
             bytes, direction);
}

}  // namespace

std::size_t size_of(ElementType type) {
    if (type == ElementType::u8) return 1;
    if (type == ElementType::f16) return 2;
    return type == ElementType::f32 || type == ElementType::u32 ? 4 : 8;
}

std::string_view name_of(ElementType type) {
    switch (type) {
        case ElementType::f16: return "f16";
        case ElementType::f32: return "f32";
        case ElementType::f64: return "f64";
        case ElementType::i64: return "i64";
        case ElementType::u8: return "u8";
        case ElementType::u32: return "u32";
        case ElementType::u64: return "u64";
    }
    return "?";
}

std::uint64_t DatasetInfo::width() const {
    return shape.empty() ? 1 : product(std::span(shape).subspan(1));
}

std::string DatasetInfo::description() const {
    std::string text;
    const std::string bits = std::to_string(8 * type_size) + "-bit ";
    if (type) {
        text = name_of(*type);
    } else if (type_class == TypeClass::floating) {
        text = bits + "floating point";
    } else if (type_class == TypeClass::unsigned_integer) {
        text = bits + "unsigned integer";
    } else if (type_class == TypeClass::signed_integer) {
        text = bits + "signed integer";
    } else {
        text = "no number";
    }
    text += " [";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
    }
    return text + "]";
}

void create_dataset(const File& file,
                    const std::string& path,
                    ElementType type,
                    std::span<const std::uint64_t> shape) {
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    const Dataspace space = checked::H5Screate_simple(static_cast<int>(sizes.size()), sizes.data());
    checked::H5Dcreate2(file.get(), path.c_str(), native(type), space.get(), plain_creation());
}

namespace {

/// \throws DataError if its values are stored with a filter that this library lacks
void expect_filters(const Dataset& dataset) {
    const PropertyList creation = checked::H5Dget_create_plist(dataset.get());
    const int filters = RATIOFARM_H5(H5Pget_nfilters, creation.get());
    for (int i = 0; i < filters; ++i) {
        char name[64] = "";
        std::size_t no_values = 0;
        const H5Z_filter_t filter =
            RATIOFARM_H5(H5Pget_filter2, creation.get(), static_cast<unsigned>(i), nullptr,
                         &no_values, nullptr, sizeof name, name, nullptr);
        const checked::QuietErrors quiet;
        if (H5Zfilter_avail(filter) > 0) continue;
        throw DataError("its values are stored with the filter '" + std::string(name) +
                        "' (number " + std::to_string(filter) +
                        "), which the HDF5 library of this program does not have; write them with "
                        "gzip or without compression");
    }
}

/// HDF5 does not compare the bytes that a dataset says to take with those that its shape needs.
/// \throws DataError if these are more
void expect_values(const Dataset& dataset, const DatasetInfo& info) {
    constexpr std::size_t longest = 16;  // of a number
    if (info.type_class != TypeClass::other && info.type_size > longest) {
        throw DataError("is " + info.description() + ", which is no type of numbers: damaged");
    }
    if (!info.offset) {
        const PropertyList creation = checked::H5Dget_create_plist(dataset.get());
        if (RATIOFARM_H5(H5Pget_layout, creation.get()) != H5D_COMPACT) return;
    }
    const std::uint64_t stored = H5Dget_storage_size(dataset.get());
    if (stored / std::max<std::size_t>(info.type_size, 1) >= product(info.shape)) return;
    throw DataError("is " + info.description() + ", but only " + std::to_string(stored) +
                    " bytes of it are stored: damaged");
}

/// HDF5 knows none for other layouts and for values in another file.
std::optional<std::uint64_t> find_offset(const Dataset& dataset) {
    const checked::QuietErrors quiet;
    const haddr_t offset = H5Dget_offset(dataset.get());
    return offset == HADDR_UNDEF ? std::nullopt : std::optional<std::uint64_t>(offset);
}

DatasetInfo look_at(const Dataset& dataset) {
    const Datatype type = checked::H5Dget_type(dataset.get());
    DatasetInfo info;
    info.shape = shape_of(checked::H5Dget_space(dataset.get()));
    info.type_class = class_of(type);
    info.type_size = H5Tget_size(type.get());
    info.type = exact_type(type);
    info.offset = find_offset(dataset);
    return info;
}

}  // namespace

Dataset open_dataset(const File& file, const std::string& path) {
    return in_context("dataset " + path, [&] {
        Dataset dataset = checked::H5Dopen2(file.get(), path.c_str());
        dataset.info = std::make_shared<const DatasetInfo>(look_at(dataset));
        if (!dataset.info->offset) expect_filters(dataset);
        expect_values(dataset, *dataset.info);
        dataset.values = file.values;
        return dataset;
    });
}

DatasetInfo describe(const Dataset& dataset) { return *dataset.info; }

std::optional<std::uint64_t> dataset_offset(const Dataset& dataset) { return dataset.info->offset; }

void write_rows(const Dataset& dataset,
                Range rows,
                ElementType type,
                const void* values,
                std::uint64_t elements) {
    // Only read through: transfer() serves both directions.
    auto* bytes = const_cast<std::byte*>(static_cast<const std::byte*>(values));
    transfer_in_pieces(dataset, rows, type, bytes, elements, Direction::write);
}

void read_rows(
    const Dataset& dataset, Range rows, ElementType type, void* values, std::uint64_t elements) {
    transfer_in_pieces(dataset, rows, type, static_cast<std::byte*>(values), elements,
                       Direction::read);
}

void write_part(const Dataset& dataset,
                const MatrixPart& part,
                ElementType type,
                const void* values) {
    auto* bytes = const_cast<std::byte*>(static_cast<const std::byte*>(values));
    transfer_part(dataset, part, type, bytes, Direction::write);
}

void read_part(const Dataset& dataset, const MatrixPart& part, ElementType type, void* values) {
    transfer_part(dataset, part, type, static_cast<std::byte*>(values), Direction::read);
}

}  // namespace ratiofarm::h5
