#include "handle.hpp"

#include "checked.hpp"

namespace ratiofarm::h5 {

// Destructors cannot report: what matters was checked by each write and by flush().

template <>
void HandleTraits<Kind::file>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Fclose(raw);
}

template <>
void HandleTraits<Kind::group>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Gclose(raw);
}

template <>
void HandleTraits<Kind::dataset>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Dclose(raw);
}

template <>
void HandleTraits<Kind::dataspace>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Sclose(raw);
}

template <>
void HandleTraits<Kind::datatype>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Tclose(raw);
}

template <>
void HandleTraits<Kind::property_list>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Pclose(raw);
}

template <>
void HandleTraits<Kind::attribute>::close(Raw raw) noexcept {
    const checked::QuietErrors quiet;
    H5Aclose(raw);
}

}  // namespace ratiofarm::h5
