#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <hdf5.h>

#include "ratiofarm/core/errors.hpp"

#include "handle.hpp"

/// Twins of the HDF5 calls in use: same name, but they throw Hdf5Error with the library's own error
/// stack, return owners, and never print.
namespace ratiofarm::h5::checked {

static_assert(std::is_same_v<hid_t, long> || std::is_same_v<hid_t, long long>);
static_assert(sizeof(hid_t) == sizeof(Identifier));

/// Keeps HDF5 from printing its error stack while it lives.
class QuietErrors {
public:
    QuietErrors() noexcept;
    ~QuietErrors();
    QuietErrors(const QuietErrors&) = delete;
    QuietErrors& operator=(const QuietErrors&) = delete;

private:
    H5E_auto2_t print_ = nullptr;
    void* data_ = nullptr;
};

/// HDF5's error stack of the last failed call, innermost cause first, in one line.
std::string error_stack();

/// \throws SystemError if the stack says that the disk is full, DataError if the call only reads,
/// Hdf5Error otherwise
[[noreturn]] void throw_failed(const char* call, const std::string& stack);

/// \throws SystemError for a write that failed with errno `problem`
[[noreturn]] void throw_unwritable(int problem, const std::string& message);

/// Runs one HDF5 call; negative results are errors.
template <class Call>
auto run(const char* name, Call&& call) {
    const QuietErrors quiet;
    const auto result = call();
    if (result < 0) throw_failed(name, error_stack());
    return result;
}

#define RATIOFARM_H5(name, ...) \
    ::ratiofarm::h5::checked::run(#name, [&] { return ::name(__VA_ARGS__); })

// The names of the library's calls, each checked.
// NOLINTBEGIN(readability-identifier-naming)
inline File H5Fcreate(const char* path, unsigned flags, hid_t creation, hid_t access) {
    return File(RATIOFARM_H5(H5Fcreate, path, flags, creation, access));
}
inline File H5Fopen(const char* path, unsigned flags, hid_t access) {
    return File(RATIOFARM_H5(H5Fopen, path, flags, access));
}
inline void H5Fflush(hid_t object, H5F_scope_t scope) { RATIOFARM_H5(H5Fflush, object, scope); }

inline Group H5Gcreate2(hid_t parent, const char* name, hid_t links, hid_t creation) {
    return Group(RATIOFARM_H5(H5Gcreate2, parent, name, links, creation, H5P_DEFAULT));
}
inline Group H5Gopen2(hid_t parent, const char* name) {
    return Group(RATIOFARM_H5(H5Gopen2, parent, name, H5P_DEFAULT));
}

inline Dataset H5Dcreate2(hid_t parent, const char* name, hid_t type, hid_t space, hid_t creation) {
    return Dataset(
        RATIOFARM_H5(H5Dcreate2, parent, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
}
inline Dataset H5Dopen2(hid_t parent, const char* name) {
    return Dataset(RATIOFARM_H5(H5Dopen2, parent, name, H5P_DEFAULT));
}
inline Datatype H5Dget_type(hid_t dataset) { return Datatype(RATIOFARM_H5(H5Dget_type, dataset)); }
inline Dataspace H5Dget_space(hid_t dataset) {
    return Dataspace(RATIOFARM_H5(H5Dget_space, dataset));
}
inline PropertyList H5Dget_create_plist(hid_t dataset) {
    return PropertyList(RATIOFARM_H5(H5Dget_create_plist, dataset));
}

inline Dataspace H5Screate(H5S_class_t kind) { return Dataspace(RATIOFARM_H5(H5Screate, kind)); }
inline Dataspace H5Screate_simple(int rank, const hsize_t* sizes) {
    return Dataspace(RATIOFARM_H5(H5Screate_simple, rank, sizes, nullptr));
}
inline PropertyList H5Pcreate(hid_t kind) { return PropertyList(RATIOFARM_H5(H5Pcreate, kind)); }
inline Datatype H5Tcopy(hid_t type) { return Datatype(RATIOFARM_H5(H5Tcopy, type)); }

inline Attribute H5Acreate2(hid_t object, const char* name, hid_t type, hid_t space) {
    return Attribute(RATIOFARM_H5(H5Acreate2, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
}
inline Attribute H5Aopen_by_name(hid_t file, const char* object, const char* name) {
    return Attribute(RATIOFARM_H5(H5Aopen_by_name, file, object, name, H5P_DEFAULT, H5P_DEFAULT));
}
inline Datatype H5Aget_type(hid_t attribute) {
    return Datatype(RATIOFARM_H5(H5Aget_type, attribute));
}
inline Dataspace H5Aget_space(hid_t attribute) {
    return Dataspace(RATIOFARM_H5(H5Aget_space, attribute));
}
// NOLINTEND(readability-identifier-naming)

}  // namespace ratiofarm::h5::checked
