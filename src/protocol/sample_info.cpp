#include "ratiofarm/protocol/sample_info.hpp"

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

void expect_unchanged(const SampleColumns& columns) {
    if (columns.stamp == FileStamp{} || stamp_of(columns.file) == columns.stamp) return;
    throw SystemError(
        "'" + columns.file +
        "' was replaced or written to while it was in use: run the same command again, "
        "which compares it with what the nets learned from");
}

}  // namespace ratiofarm
