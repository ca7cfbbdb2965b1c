#include "ratiofarm/protocol/sample_info.hpp"

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

void expect_unchanged(const SampleColumns& columns) {
    expect_unchanged(columns.file, columns.stamp);
}

void expect_unchanged(const std::string& file, const FileStamp& stamp) {
    if (stamp == FileStamp{} || stamp_of(file) == stamp) return;
    throw SystemError("'" + file +
                      "' was replaced or written to while it was in use: run the same command "
                      "again, which looks at it anew");
}

}  // namespace ratiofarm
