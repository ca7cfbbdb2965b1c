// Events per second of one Hessian pass beside the memory bandwidth of the machine. Prints; the
// numbers mean something only side by side, on a machine that does nothing else.
// Usage: fit_bench [events] [threads]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/reference_likelihood.hpp"

#include "../fit/toy_events.hpp"

using namespace ratiofarm;

namespace {

/// Least and median seconds of several runs.
struct Timing {
    double least;
    double median;
};

Timing time_of(const std::function<void()>& action, int n_runs = 15) {
    std::vector<double> seconds;
    for (int run = 0; run < n_runs; ++run) {
        const auto start = std::chrono::steady_clock::now();
        action();
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        seconds.push_back(spent.count());
    }
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
    const Timing timing = time_of(
        [&] {
            std::vector<std::thread> threads;
            for (unsigned t = 0; t < n_threads; ++t) threads.emplace_back(add_up, t);
            for (auto& thread : threads) thread.join();
        },
        5);
    return static_cast<double>(n_threads * n * sizeof(double)) / timing.least;
}

void print_pass(const std::string& name,
                const Likelihood& likelihood,
                double bytes_per_event,
                double bandwidth) {
    const std::vector<double> u{1.1};
    double nll = 0.0;
    const Timing timing = time_of([&] { nll = likelihood.evaluate(u).nll; });
    const auto n = static_cast<double>(likelihood.n_events());
    std::printf(
        "%-16s %8.2f ms (median %8.2f)  %8.1f M events/s  %5.1f GB/s = %3.0f %%  nll %.9g\n",
        name.c_str(), timing.least * 1e3, timing.median * 1e3, n / timing.least * 1e-6,
        n * bytes_per_event / timing.least * 1e-9,
        n * bytes_per_event / timing.least / bandwidth * 100.0, nll);
}

}  // namespace

int main(int argc, char* argv[]) {
    const std::uint64_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
    const auto n_threads = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    const StatisticalModel model = test::interference_model();
    const EventSet events = test::grid_events(1.0, n);
    const double bandwidth = read_bandwidth(n_threads);
    std::printf("%llu events, 3 processes, %u threads, read bandwidth %.1f GB/s\n",
                static_cast<unsigned long long>(n), n_threads, bandwidth * 1e-9);

    const std::vector<std::pair<std::string, InstructionSet>> sets{
        {"portable", InstructionSet::portable},
        {"avx2", InstructionSet::avx2},
        {"avx512", InstructionSet::avx512}};
    for (const auto& [name, set] : sets) {
        print_pass(name,
                   Likelihood(model, test::data_of(events), test::one_rank,
                              {.threads = n_threads, .instructions = set}),
                   32.0, bandwidth);
    }
    const Timing plain = time_of([&] { reference_likelihood(model, events, std::vector{1.1}); }, 3);
    std::printf("%-16s %8.2f ms\n", "plain loop", plain.least * 1e3);
    return 0;
}
