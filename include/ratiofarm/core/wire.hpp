#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/id.hpp"
#include "ratiofarm/core/key.hpp"

/// Little-endian binary encoding of value types. A type takes part by one function that lists its
/// members once for both directions:
///
///     template <class Archive>
///     void fields(Archive& archive, MemberOf<Archive, Progress>& value) {
///         archive(value.step, value.loss);
///     }
///
/// Where other formats know the members, too (campaign files, attributes of tables, digests, JSON),
/// it gives each its name and what else there is to know (see Key); the wire heeds neither:
///
///     template <class Visit>
///     void fields(Visit& visit, MemberOf<Visit, Split>& value) {
///         visit("train", value.train, Key{.number = above_zero});
///         visit("folds", value.folds, Key{.whole = {2, 100}});
///     }
namespace ratiofarm {

class WireWriter {
public:
    static constexpr bool reading = false;

    template <class... T>
    requires(!std::is_array_v<T> && ...) void operator()(const T&... values) { (put(values), ...); }
    template <class T>
    void operator()(std::string_view /*name*/, const T& value, const Key& /*key*/ = {}) {
        put(value);
    }

    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    void raw(const void* data, std::size_t size) {
        const auto* first = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), first, first + size);
    }

    template <class T>
    void put(const T& value) {
        if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
            raw(&value, sizeof value);
        } else {
            fields(*this, value);
        }
    }
    void put(const Digest& value) { (*this)(value.high, value.low); }
    template <class Tag>
    void put(const Id<Tag>& value) {
        put(value.value);
    }
    void put(const std::string& value) {
        put(std::uint64_t{value.size()});
        raw(value.data(), value.size());
    }
    template <class T>
    void put(const std::vector<T>& values) {
        put(std::uint64_t{values.size()});
        if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::byte>) {
            raw(values.data(), values.size() * sizeof(T));
        } else {
            for (const T& value : values) put(value);
        }
    }

    std::vector<std::byte> bytes_;
};

class WireReader {
public:
    static constexpr bool reading = true;

    explicit WireReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    template <class... T>
    requires(!std::is_array_v<T> && ...) void operator()(T&... values) { (get(values), ...); }
    template <class T>
    void operator()(std::string_view /*name*/, T& value, const Key& /*key*/ = {}) {
        get(value);
    }

    /// \throws DataError if bytes are left over
    void expect_end() const {
        if (!bytes_.empty())
            throw DataError("message has bytes left over: written by another version?");
    }

private:
    void raw(void* data, std::size_t size) {
        if (size > bytes_.size())
            throw DataError("message ends too early: truncated or another version");
        if (size > 0) std::memcpy(data, bytes_.data(), size);
        bytes_ = bytes_.subspan(size);
    }
    std::size_t length(std::size_t element_size) {
        std::uint64_t count = 0;
        get(count);
        if (count > bytes_.size() / element_size)
            throw DataError("message names more elements than it holds");
        return count;
    }

    template <class T>
    void get(T& value) {
        if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
            raw(&value, sizeof value);
        } else {
            fields(*this, value);
        }
    }
    void get(bool& value) {
        std::uint8_t byte = 0;
        raw(&byte, sizeof byte);
        if (byte > 1) throw DataError("message holds a truth value that is neither 0 nor 1");
        value = byte == 1;
    }
    void get(Digest& value) { (*this)(value.high, value.low); }
    template <class Tag>
    void get(Id<Tag>& value) {
        get(value.value);
    }
    void get(std::string& value) {
        value.resize(length(1));
        raw(value.data(), value.size());
    }
    template <class T>
    void get(std::vector<T>& values) {
        if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::byte>) {
            values.resize(length(sizeof(T)));
            raw(values.data(), values.size() * sizeof(T));
        } else {
            values.resize(length(1));
            for (T& value : values) get(value);
        }
    }

    std::span<const std::byte> bytes_;
};

/// T when reading, const T when writing: one `fields` function serves both.
template <class Archive, class T>
using MemberOf = std::conditional_t<Archive::reading, T, const T>;

template <class Visit, bool reads>
struct NamedFields {
    static constexpr bool reading = reads;
    Visit& visit;

    template <class Member>
    void operator()(std::string_view name, Member& member, const Key& key = {}) {
        visit(name, member, key);
    }
};

/// Calls visit(name, member, key) for each member of a struct whose `fields` has names.
template <class T, class Visit>
void for_each_field(T& value, Visit visit) {
    NamedFields<Visit, !std::is_const_v<T>> visitor{visit};
    fields(visitor, value);
}

template <class T>
std::vector<std::byte> encode(const T& value) {
    WireWriter writer;
    writer(value);
    return writer.take();
}

/// \throws DataError if the bytes are not exactly one T
template <class T>
T decode(std::span<const std::byte> bytes) {
    WireReader reader(bytes);
    T value{};
    reader(value);
    reader.expect_end();
    return value;
}

/// The alternative of a variant that has the index `wanted`.
/// \throws DataError \p unknown if there is none
template <class Variant, std::size_t index = 0>
Variant decode_alternative(std::size_t wanted,
                           std::span<const std::byte> bytes,
                           const std::string& unknown) {
    if constexpr (index == std::variant_size_v<Variant>) {
        throw DataError(unknown);
    } else {
        if (index != wanted) return decode_alternative<Variant, index + 1>(wanted, bytes, unknown);
        return decode<std::variant_alternative_t<index, Variant>>(bytes);
    }
}

}  // namespace ratiofarm
