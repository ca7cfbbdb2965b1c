#include "ratiofarm/core/contracts.hpp"

#include <cstdio>
#include <cstdlib>

namespace ratiofarm::detail {

void contract_violated(const char* condition, std::source_location where) {
    std::fprintf(stderr, "ratiofarm: %s:%u: expects %s (in %s): this is a bug, please report it\n",
                 where.file_name(), static_cast<unsigned>(where.line()), condition,
                 where.function_name());
    std::abort();
}

}  // namespace ratiofarm::detail
