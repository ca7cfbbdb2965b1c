// The matrix product of this machine, which other timings are set beside, as JSON.
// usage: gemm_bench [threads] [width] [repetitions]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace {

/// FLOP per processor second, all threads together, of the best of several products of square
/// matrices: what other programs on the machine change least.
double rate(at::ScalarType type, std::int64_t width, int repetitions) {
    const at::Tensor a = at::rand({width, width}).to(type);
    const at::Tensor b = at::rand({width, width}).to(type);
    at::Tensor c = at::mm(a, b);
    double least = 1e30;
    for (int k = 0; k < repetitions; ++k) {
        const std::clock_t start = std::clock();
        at::mm_out(c, a, b);
        least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    const auto n = static_cast<double>(width);
    return 2.0 * n * n * n / least;
}

}  // namespace

int main(int argc, char* argv[]) {
    const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
    const std::int64_t width = argc > 2 ? std::atoll(argv[2]) : 1500;
    const int repetitions = argc > 3 ? std::atoi(argv[3]) : 10;
    at::set_num_threads(threads);
    const c10::InferenceMode no_autograd;
    std::printf("{\"threads\": %d, \"width\": %lld, \"fp32\": %.6g, \"fp64\": %.6g}\n", threads,
                static_cast<long long>(width), rate(at::kFloat, width, repetitions),
                rate(at::kDouble, width, repetitions));
    return 0;
}
