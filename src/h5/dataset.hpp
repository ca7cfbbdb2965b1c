#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/partition.hpp"

#include "handle.hpp"

namespace ratiofarm::h5 {

/// What this project stores: little-endian, native on every machine it supports.
enum class ElementType : std::uint8_t { f16, f32, f64, i64, u8, u32, u64 };

std::size_t size_of(ElementType type);
std::string_view name_of(ElementType type);  ///< "f32", as in messages and docs

template <class T>
concept Element = std::same_as<T, float> || std::same_as<T, double> ||
    std::same_as<T, std::int64_t> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::uint32_t> || std::same_as<T, std::uint64_t>;

template <Element T>
constexpr ElementType element_type() {
    if constexpr (std::same_as<T, float>) return ElementType::f32;
    if constexpr (std::same_as<T, double>) return ElementType::f64;
    if constexpr (std::same_as<T, std::int64_t>) return ElementType::i64;
    if constexpr (std::same_as<T, std::uint8_t>) return ElementType::u8;
    if constexpr (std::same_as<T, std::uint32_t>) return ElementType::u32;
    if constexpr (std::same_as<T, std::uint64_t>) return ElementType::u64;
}

/// Rough class of a stored type, for messages and for safe conversion.
enum class TypeClass : std::uint8_t { floating, unsigned_integer, signed_integer, other };

struct DatasetInfo {
    std::vector<std::uint64_t> shape;  ///< [rows, ...]; empty for a scalar
    TypeClass type_class = TypeClass::other;
    std::size_t type_size = 0;            ///< bytes of one stored element
    std::optional<ElementType> type;      ///< set if stored exactly as one of ours
    std::optional<std::uint64_t> offset;  ///< byte in the file; set if contiguous and allocated
    std::uint64_t rows() const { return shape.empty() ? 0 : shape.front(); }
    std::uint64_t width() const;      ///< elements of one row
    std::string description() const;  ///< "f32 [100, 4]", "64-bit signed integer [100]"
};

/// Makes an empty contiguous dataset whose space is allocated now and not filled. Not collective:
/// one rank, in a file from create_file().
void create_dataset(const File& file,
                    const std::string& path,
                    ElementType type,
                    std::span<const std::uint64_t> shape);

/// \throws DataError if there is none
Dataset open_dataset(const File& file, const std::string& path);

DatasetInfo describe(const Dataset& dataset);

/// First byte of a contiguous dataset in its file (H5Dget_offset); nothing for other layouts and
/// for empty datasets.
std::optional<std::uint64_t> dataset_offset(const Dataset& dataset);

/// Raw transfer of rows; `values` holds rows.size() * width elements of `type`, row-major. Not
/// collective. HDF5 converts from the stored type.
/// \throws Hdf5Error; SystemError (resumable) if the disk is full
void write_rows(const Dataset& dataset,
                Range rows,
                ElementType type,
                const void* values,
                std::uint64_t elements);
void read_rows(
    const Dataset& dataset, Range rows, ElementType type, void* values, std::uint64_t elements);

template <Element T>
void write_rows(const Dataset& dataset, Range rows, std::span<const T> values) {
    write_rows(dataset, rows, element_type<T>(), values.data(), values.size());
}

template <Element T>
void read_rows(const Dataset& dataset, Range rows, std::span<T> values) {
    read_rows(dataset, rows, element_type<T>(), values.data(), values.size());
}

/// Some columns of some rows of a dataset with two axes, below 512 MB.
struct MatrixPart {
    Range rows;
    Range columns;
    std::uint64_t elements() const { return rows.size() * columns.size(); }
};

/// Transfer of a part; `values` [rows.size(), columns.size()] of `type`. Not collective. HDF5
/// converts to and from the stored type.
/// \throws Hdf5Error; SystemError (resumable) if the disk is full
void write_part(const Dataset& dataset,
                const MatrixPart& part,
                ElementType type,
                const void* values);
void read_part(const Dataset& dataset, const MatrixPart& part, ElementType type, void* values);

/// Rows of a dataset; [rows.size(), width] row-major.
template <Element T>
std::vector<T> read_rows(const Dataset& dataset, Range rows) {
    std::vector<T> values(rows.size() * describe(dataset).width());
    read_rows<T>(dataset, rows, std::span<T>(values));
    return values;
}

/// The whole dataset.
template <Element T>
std::vector<T> read_all(const File& file, const std::string& path) {
    const Dataset dataset = open_dataset(file, path);
    return read_rows<T>(dataset, {0, describe(dataset).rows()});
}

/// Makes a dataset and writes all of it. Not collective.
template <Element T>
void write_all(const File& file,
               const std::string& path,
               std::span<const std::uint64_t> shape,
               std::span<const T> values) {
    RATIOFARM_EXPECT(!shape.empty());
    create_dataset(file, path, element_type<T>(), shape);
    write_rows<T>(open_dataset(file, path), {0, shape.front()}, values);
}

}  // namespace ratiofarm::h5
