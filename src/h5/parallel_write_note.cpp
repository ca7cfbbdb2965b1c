#include <charconv>
#include <cstdlib>
#include <tuple>

#include "file.hpp"

namespace ratiofarm::h5 {

namespace {

using Version = std::tuple<int, int, int>;

/// First "a.b.c" of a text.
std::optional<Version> version_in(std::string_view text) {
    const std::size_t start = text.find_first_of("0123456789");
    if (start == std::string_view::npos) return std::nullopt;
    int numbers[3] = {0, 0, 0};
    const char* here = text.data() + start;
    const char* const end = text.data() + text.size();
    for (int& number : numbers) {
        const auto parsed = std::from_chars(here, end, number);
        if (parsed.ec != std::errc()) return std::nullopt;
        here = parsed.ptr;
        if (here != end && *here == '.') ++here;
    }
    return Version{numbers[0], numbers[1], numbers[2]};
}

bool uses_romio() {
    const char* component = std::getenv("OMPI_MCA_io");
    return component != nullptr && std::string_view(component).find("romio") == 0;
}

}  // namespace

std::optional<std::string> parallel_write_note(std::string_view mpi_library) {
    const std::size_t name = mpi_library.find("Open MPI");
    if (name == std::string_view::npos || uses_romio()) return std::nullopt;
    const auto version = version_in(mpi_library.substr(name));
    if (!version || *version >= Version{4, 1, 7}) return std::nullopt;
    return "Open MPI before 4.1.7 can store wrong data in collective parallel writes (ompi "
           "#12718); "
           "ratiofarm writes independently and reads back, other programs should set "
           "OMPI_MCA_io=romio321";
}

}  // namespace ratiofarm::h5
