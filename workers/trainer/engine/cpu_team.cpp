#include "cpu_team.hpp"

#include <algorithm>
#include <atomic>

#include <dlfcn.h>

#include <ATen/Parallel.h>

namespace ratiofarm::trainer {
namespace {

/// Below this many floats a thread costs more than it saves.
constexpr std::size_t worth_a_team = 1 << 17;

/// GCC's entry to an OpenMP runtime, which LLVM's and Intel's runtimes offer too. LibTorch brings
/// one; to compile with -fopenmp could bring a second.
using StartTeam = void (*)(void (*)(void*), void*, unsigned threads, unsigned flags);

StartTeam start_team() {
    static const auto found = reinterpret_cast<StartTeam>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
    return found;
}

struct Shared {
    const std::function<void(std::size_t, std::size_t)>* work;
    std::size_t n;
    std::size_t part;  ///< size of each
    std::atomic<std::size_t> next = 0;

    void take_parts() {
        for (std::size_t begin = part * next++; begin < n; begin = part * next++) {
            (*work)(begin, std::min(begin + part, n));
        }
    }
};

}  // namespace

void in_parts(std::size_t n,
              std::size_t grain,
              std::size_t cost,
              const std::function<void(std::size_t, std::size_t)>& work) {
    const auto threads = static_cast<std::size_t>(at::get_num_threads());
    if (threads < 2 || n * cost < worth_a_team || start_team() == nullptr) {
        work(0, n);
        return;
    }
    const std::size_t grains = (n + grain - 1) / grain;
    Shared shared{.work = &work, .n = n, .part = (grains + threads - 1) / threads * grain};
    start_team()([](void* data) { static_cast<Shared*>(data)->take_parts(); }, &shared,
                 static_cast<unsigned>(threads), 0);
}

}  // namespace ratiofarm::trainer
