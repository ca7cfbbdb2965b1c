#include "load_bench.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"

namespace ratiofarm::bench {
namespace {

const std::string set_name = "data";

RatioSetRows rows_of(const FitProblem& problem, Range range) {
    EventSet events = read_events(problem, false, range);
    const std::uint64_t n = range.size();
    RatioSetRows rows;
    rows.id.resize(n);
    std::iota(rows.id.begin(), rows.id.end(), range.first);
    rows.weight = std::move(events.weight);
    for (const double value : events.log_r) rows.log_r.push_back(static_cast<float>(value));
    for (std::size_t c = 0; c < events.shapes.size(); ++c) {
        const auto up = events.log_g.begin() + static_cast<std::ptrdiff_t>(2 * c * n);
        const auto down = up + static_cast<std::ptrdiff_t>(n);
        rows.log_g_up.insert(rows.log_g_up.end(), up, down);
        rows.log_g_down.insert(rows.log_g_down.end(), down, down + static_cast<std::ptrdiff_t>(n));
    }
    return rows;
}

}  // namespace

void write_ratio_file(const FitProblem& problem, const std::filesystem::path& path) {
    RatioSetsInput input;
    const EventSource described = source(problem, false);
    for (std::size_t j = 0; j < problem.processes; ++j) {
        input.header.processes.push_back({described.processes[j], yield(j), {}});
    }
    for (const ShapeColumn& shape : described.shapes) {
        input.header.shapes.push_back({shape.process, shape.parameter});
    }
    input.sets = {{set_name, problem.events}};
    input.rows = [&](std::size_t, Range range) { return rows_of(problem, range); };
    write_ratio_sets(path, input);
}

EventSource ratio_file_source(const FitProblem& problem, const std::filesystem::path& path) {
    const auto file = std::make_shared<const RatioFile>(path);
    std::vector<std::size_t> columns(file->header().shapes.size());
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    EventSource result = source(problem, false);
    result.read = [=, shapes = result.shapes, processes = result.processes](Range range) {
        EventSet events;
        events.processes = processes;
        events.shapes = shapes;
        events.offset = range.first;
        events.total = problem.events;
        events.weight.resize(range.size());
        events.log_r.resize(range.size() * processes.size());
        events.log_g.resize(range.size() * shapes.size() * 2);
        file->read_events(set_name, range,
                          {events.weight, events.log_r, columns, events.log_g, range.size()});
        return events;
    };
    return result;
}

void read_raw(const std::filesystem::path& path, unsigned threads) {
    const std::uint64_t bytes = std::filesystem::file_size(path);
    const auto read_part = [&](Range part) {
        const int file = ::open(path.c_str(), O_RDONLY);
        std::vector<char> buffer(part.size());
        for (std::uint64_t at = part.first; at < part.last;) {
            const ::ssize_t got = ::pread(file, buffer.data() + (at - part.first), part.last - at,
                                          static_cast<::off_t>(at));
            if (got <= 0) break;
            at += static_cast<std::uint64_t>(got);
        }
        ::close(file);
    };
    std::vector<std::jthread> readers;
    for (unsigned t = 0; t < threads; ++t) {
        readers.emplace_back(read_part, block_partition(bytes, threads, t));
    }
}

}  // namespace ratiofarm::bench
