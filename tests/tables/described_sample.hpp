#pragma once

#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "example_tables.hpp"

namespace ratiofarm::test {

/// What a file with one sample says of it.
inline SampleInfo described(const EventSample& sample, const std::vector<SampleToRead>& wanted) {
    const TemporaryDirectory folder;
    write_events(folder / "events.h5", std::span(&sample, 1));
    return read_sample_info(folder / "events.h5", wanted, {}, Split{}).front();
}

/// Why it is refused; empty if it is not.
inline std::string complaint(const EventSample& sample, const std::vector<SampleToRead>& wanted) {
    try {
        described(sample, wanted);
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

}  // namespace ratiofarm::test
