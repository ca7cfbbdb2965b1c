// Seconds of one pass over events with systematic shapes (value, gradient and Hessian), beside what
// the machine could do: the rate of fused multiply-adds for the arithmetic of the pass, the memory
// bandwidth for events without shapes. Prints; the numbers mean something only side by side, on a
// machine that does nothing else.
// Usage: fit_bench [events ...]      default: 20000 100000

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "fit/events/region_events.hpp"

#include "fma_peak.hpp"

using namespace ratiofarm;

namespace {

const mpi::Communicator one_rank;

double seconds_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Least and median seconds of several runs.
struct Timing {
    double least;
    double median;
};

Timing time_of(int n_runs, const std::function<void()>& action) {
    std::vector<double> seconds;
    for (int run = 0; run < n_runs; ++run) seconds.push_back(seconds_of(action));
    std::sort(seconds.begin(), seconds.end());
    return {seconds.front(), seconds[seconds.size() / 2]};
}

/// Bytes per second of adding up an array that no cache holds, all threads together.
double read_bandwidth(unsigned n_threads) {
    const std::size_t n = std::size_t{1} << 26;  // 512 MiB per thread
    std::vector<std::vector<double>> arrays(n_threads, std::vector<double>(n, 1.0));
    std::vector<double> sums(n_threads * 8);
    const auto add_up = [&](unsigned t) {
        double lane[8] = {};
        const double* from = arrays[t].data();
        for (std::size_t i = 0; i < n; i += 8) {
            for (std::size_t l = 0; l < 8; ++l) lane[l] += from[i + l];
        }
        for (std::size_t l = 0; l < 8; ++l) sums[t * 8 + l] = lane[l];
    };
    const Timing timing = time_of(5, [&] {
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < n_threads; ++t) threads.emplace_back(add_up, t);
        for (auto& thread : threads) thread.join();
    });
    return static_cast<double>(n_threads * n * sizeof(double)) / timing.least;
}

/// Cheap numbers that look random.
std::uint64_t scrambled(std::uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
    return x ^ (x >> 29);
}

struct Problem {
    std::size_t n_processes = 10;
    std::size_t n_parameters = 100;

    RegionLayout layout() const {
        RegionLayout layout{n_processes, n_parameters, {}, {}};
        for (std::size_t j = 0; j < n_processes; ++j) {
            layout.yields.push_back(100.0 + static_cast<double>(j));
            for (std::size_t m = 0; m < n_parameters; ++m) layout.columns.push_back({j, m});
        }
        return layout;
    }

    /// Events that depend on their number alone, ln g of up to 0.3.
    EventSource source(std::uint64_t n) const {
        EventSource source;
        for (std::size_t j = 0; j < n_processes; ++j) {
            source.processes.push_back("p" + std::to_string(j));
            for (std::size_t m = 0; m < n_parameters; ++m) {
                source.shapes.push_back({source.processes.back(), "a" + std::to_string(m)});
            }
        }
        source.total = n;
        source.read = [names = source, n](Range range) {
            EventSet events;
            events.processes = names.processes;
            events.shapes = names.shapes;
            events.offset = range.first;
            events.total = n;
            events.weight.assign(range.size(), 1.0);
            events.reference.assign(range.size(), 1.0);
            for (std::uint64_t k = range.first * names.processes.size();
                 k < range.last * names.processes.size(); ++k) {
                events.log_r.push_back(1e-3 * static_cast<double>(scrambled(k) % 1000) - 0.5);
            }
            events.log_g.resize(2 * names.shapes.size() * range.size());
            std::uint64_t seed = range.first * 2 * names.shapes.size();
            for (float& log_g : events.log_g) {
                log_g = 0.6F * static_cast<float>(scrambled(seed++) >> 40) * 0x1p-24F - 0.3F;
            }
            return events;
        };
        return source;
    }

    /// Of one event: the lower triangle of one product per process, and 40 for each pair of
    /// columns.
    double flop() const {
        const auto s = static_cast<double>(n_processes);
        const auto p = static_cast<double>(n_parameters);
        return s * p * (p + 1.0) + 40.0 * s * p;
    }
};

struct Setting {
    const char* name;
    ShapePrecision precision;
    ShapeStorage storage;
    InstructionSet instructions = InstructionSet::automatic;
};

constexpr Setting settings[] = {
    {"fp64", ShapePrecision::fp64, ShapeStorage::fp32},
    {"fp64, fp16 data", ShapePrecision::fp64, ShapeStorage::fp16},
    {"fp32", ShapePrecision::fp32, ShapeStorage::fp32},
    {"fp32, fp16 data", ShapePrecision::fp32, ShapeStorage::fp16},
    {"fp64 avx2", ShapePrecision::fp64, ShapeStorage::fp32, InstructionSet::avx2},
    {"fp32 avx2", ShapePrecision::fp32, ShapeStorage::fp32, InstructionSet::avx2},
};

void bench_shapes(const Problem& problem,
                  std::uint64_t n,
                  const Setting& setting,
                  unsigned threads) {
    const RegionLayout layout = problem.layout();
    const EventSource source = problem.source(n);
    std::vector<RegionEvents> events;
    const double load = seconds_of([&] {
        events.emplace_back(layout, source, one_rank,
                            LikelihoodOptions{.threads = threads,
                                              .storage = setting.storage,
                                              .precision = setting.precision,
                                              .instructions = setting.instructions});
    });
    std::vector<double> alpha;
    for (std::size_t m = 0; m < problem.n_parameters; ++m) {
        alpha.push_back(0.8 * std::sin(static_cast<double>(m)));
    }
    double value = 0.0;
    const int runs = n > 200000 ? 3 : 5;
    const Timing mixture =
        time_of(runs, [&] { value = events[0].mixture(layout.yields, alpha).value; });
    const Timing reference = time_of(runs, [&] { static_cast<void>(events[0].reference(alpha)); });
    const bool single = setting.precision == ShapePrecision::fp32;
    const double peak = threads * fma_peak(single, setting.instructions == InstructionSet::avx2);
    const auto events_number = static_cast<double>(n);
    const double data = events_number * (16.0 + 4.0 * static_cast<double>(problem.n_processes) +
                                         (setting.storage == ShapeStorage::fp16 ? 4.0 : 8.0) *
                                             static_cast<double>(layout.columns.size()));
    std::printf(
        "%8llu %-16s %u  %8.3f %8.3f  %6.3f  %5.0f %5.0f %3.0f %%  %8.3f  %6.0f / %6.0f  %6.2f  "
        "%.12g\n",
        static_cast<unsigned long long>(n), setting.name, threads, mixture.least, mixture.median,
        events_number / mixture.least * 1e-6, problem.flop() * events_number / mixture.least * 1e-9,
        peak * 1e-9, problem.flop() * events_number / mixture.least / peak * 100.0, reference.least,
        static_cast<double>(events[0].n_bytes()) * 1e-6, data * 1e-6, load, value);
    std::fflush(stdout);
}

void bench_plain(std::uint64_t n, unsigned threads) {
    const Problem problem{3, 0};
    const RegionEvents events(problem.layout(), problem.source(n), one_rank, {.threads = threads});
    const std::vector<double> rates{1.1, -0.2, 0.9};
    const Timing timing = time_of(15, [&] { static_cast<void>(events.mixture(rates, {})); });
    const double bandwidth = read_bandwidth(threads);
    const double read = static_cast<double>(n) * 32.0 / timing.least;
    std::printf("no shapes, 3 processes: %llu events, %u threads, %.2f ms, %.1f GB/s of %.1f\n",
                static_cast<unsigned long long>(n), threads, timing.least * 1e3, read * 1e-9,
                bandwidth * 1e-9);
}

}  // namespace

int main(int argc, char* argv[]) {
    std::vector<std::uint64_t> sizes;
    for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
    if (sizes.empty()) sizes = {20000, 100000};
    const Problem problem;
    std::printf("%zu processes, %zu nuisance parameters, all with shapes; one pass\n",
                problem.n_processes, problem.n_parameters);
    std::printf(
        "  events precision        t       s   median  M ev/s  GF/s  peak        reference    MB "
        "held / data  load s  value\n");
    for (const std::uint64_t n : sizes) {
        for (const Setting& setting : settings) {
            for (const unsigned threads : {1U, 2U}) bench_shapes(problem, n, setting, threads);
        }
    }
    for (const unsigned threads : {1U, 2U}) bench_plain(1000000, threads);
    return 0;
}
