#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace ratiofarm {

/// Runs work(k, thread) for k in [0, n) on n_threads >= 1 threads, the caller's among them;
/// whoever is free takes the next. The work must not throw.
template <class Work>
void for_each_in_parallel(std::size_t n, std::size_t n_threads, const Work& work) {
    std::atomic<std::size_t> next{0};
    const auto take = [&](std::size_t thread) {
        for (std::size_t k = next++; k < n; k = next++) work(k, thread);
    };
    std::vector<std::thread> others;
    for (std::size_t thread = 1; thread < n_threads; ++thread) others.emplace_back(take, thread);
    take(0);
    for (auto& thread : others) thread.join();
}

}  // namespace ratiofarm
