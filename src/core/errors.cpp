#include "ratiofarm/core/errors.hpp"

#include <system_error>

namespace ratiofarm {

std::string errno_message(std::string_view what, int error_number) {
    return std::string(what) + ": " + std::generic_category().message(error_number);
}

}  // namespace ratiofarm
