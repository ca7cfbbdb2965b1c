#include "failpoint.hpp"

#include <chrono>
#include <cstdlib>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
namespace {

struct Failpoint {
    std::string task;
    std::string place;
    std::optional<std::uint64_t> count;
    std::string fault;
};

Failpoint parse(const std::string& text) {
    const std::size_t equals = text.rfind('=');
    const std::size_t colon = text.rfind(':', equals);
    if (equals == std::string::npos || colon == std::string::npos) {
        throw ConfigError("RATIOFARM_FAILPOINT: '" + text + "' is not TASK:PLACE[@COUNT]=FAULT");
    }
    Failpoint point{text.substr(0, colon),
                    text.substr(colon + 1, equals - colon - 1),
                    {},
                    text.substr(equals + 1)};
    if (const std::size_t at = point.place.find('@'); at != std::string::npos) {
        point.count = std::strtoull(point.place.c_str() + at + 1, nullptr, 10);
        point.place.resize(at);
    }
    for (const char* known : {"abort", "hang", "slow", "out_of_memory", "nan", "zero", "count"}) {
        if (point.fault == known) return point;
    }
    throw ConfigError("RATIOFARM_FAILPOINT: fault '" + point.fault +
                      "'; must be abort, hang, slow, out_of_memory, nan, zero or count");
}

std::vector<Failpoint> listed() {
    std::vector<Failpoint> points;
    const char* list = std::getenv("RATIOFARM_FAILPOINT");
    std::string rest = list == nullptr ? "" : list;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(';'), rest.size());
        points.push_back(parse(rest.substr(0, end)));
        rest.erase(0, end + 1);
    }
    return points;
}

/// Written at once, so that a process that is killed has counted as well.
void count_in_file() {
    static const int file = [] {
        const char* path = std::getenv("RATIOFARM_FAILPOINT_COUNTS");
        if (path == nullptr) throw ConfigError("RATIOFARM_FAILPOINT_COUNTS is not set");
        return ::open((std::string(path) + "." + std::to_string(::getpid())).c_str(),
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    }();
    if (::write(file, ".", 1) != 1) throw SystemError("RATIOFARM_FAILPOINT_COUNTS: cannot write");
}

void commit(const std::string& fault) {
    if (fault == "count") count_in_file();
    if (fault == "abort") std::abort();
    if (fault == "out_of_memory") throw std::bad_alloc();
    if (fault == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(50));
    while (fault == "hang") ::pause();
}

}  // namespace

Poison fail_on_purpose(std::string_view task, std::string_view place, std::uint64_t count) {
    Poison poison;
    static const std::vector<Failpoint> points = listed();
    for (const Failpoint& point : points) {
        const bool here = point.place == place && (point.task == "*" || point.task == task) &&
                          point.count.value_or(count) == count;
        if (!here) continue;
        commit(point.fault);
        if (point.fault == "nan") poison.weights = std::numeric_limits<float>::quiet_NaN();
        if (point.fault == "zero") poison.weights = 0.0F;
    }
    return poison;
}

}  // namespace ratiofarm::trainer
