#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.hpp"

namespace ratiofarm::h5 {

/// hid_t of HDF5 1.10 and later; spelled out here so that no public header includes hdf5.h.
using Identifier = std::int64_t;

/// Owner of one foreign handle: move-only, frees its old handle on assignment, silent in the
/// destructor. Traits give Raw, null() and close(Raw) noexcept.
template <class Traits>
class UniqueHandle {
public:
    using Raw = typename Traits::Raw;

    UniqueHandle() = default;
    explicit UniqueHandle(Raw owned) noexcept : raw_(owned) {}
    ~UniqueHandle() { reset(); }

    UniqueHandle(UniqueHandle&& other) noexcept : raw_(other.release()) {}
    UniqueHandle& operator=(UniqueHandle&& other) noexcept {
        if (this != &other) {
            reset();
            raw_ = other.release();
        }
        return *this;
    }

    Raw get() const noexcept { return raw_; }
    explicit operator bool() const noexcept { return raw_ != Traits::null(); }
    Raw release() noexcept { return std::exchange(raw_, Traits::null()); }
    void reset() noexcept {
        if (raw_ != Traits::null()) Traits::close(release());
    }

private:
    Raw raw_ = Traits::null();
};

/// The kinds of HDF5 object this project holds; one close function each.
enum class Kind { file, group, dataset, dataspace, datatype, property_list, attribute };

template <Kind kind>
struct HandleTraits {
    using Raw = Identifier;
    static constexpr Raw null() noexcept { return -1; }
    static void close(Raw raw) noexcept;
};

template <>
void HandleTraits<Kind::file>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::group>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::dataset>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::dataspace>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::datatype>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::property_list>::close(Raw raw) noexcept;
template <>
void HandleTraits<Kind::attribute>::close(Raw raw) noexcept;

/// Texts of attributes, by the path of their object and their name.
using AttributeTexts = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

/// An open file.
struct File : UniqueHandle<HandleTraits<Kind::file>> {
    using UniqueHandle::UniqueHandle;
    std::shared_ptr<const AttributeTexts> texts;  ///< of open_doubted(): not read here
    std::shared_ptr<const UniqueFd> values;       ///< of open_for_values(): where they are written
};
using Group = UniqueHandle<HandleTraits<Kind::group>>;
struct DatasetInfo;
struct Dataset : UniqueHandle<HandleTraits<Kind::dataset>> {
    using UniqueHandle::UniqueHandle;
    std::shared_ptr<const UniqueFd> values;   ///< of its file
    std::shared_ptr<const DatasetInfo> info;  ///< of open_dataset()
};
using Dataspace = UniqueHandle<HandleTraits<Kind::dataspace>>;
using Datatype = UniqueHandle<HandleTraits<Kind::datatype>>;
using PropertyList = UniqueHandle<HandleTraits<Kind::property_list>>;
using Attribute = UniqueHandle<HandleTraits<Kind::attribute>>;

}  // namespace ratiofarm::h5
