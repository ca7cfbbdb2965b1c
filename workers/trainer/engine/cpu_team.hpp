#pragma once

#include <cstddef>
#include <functional>

namespace ratiofarm::trainer {

/// Runs work(begin, end) on parts of [0, n) that are multiples of `grain` but for the last, on the
/// threads that LibTorch computes with (set_threads), by the same pool: threads of our own would
/// compete with its waiting ones. Only the caller works if n is small.
///
/// Not at::parallel_for: it is a template that divides nothing unless its caller is compiled with
/// -fopenmp, and that links the compiler's OpenMP runtime. Where LibTorch brings one by another
/// name, as its C++ archives do, the process would have two, whose waiting threads compete.
/// \param cost  of one element of n, in floats read or written
void in_parts(std::size_t n,
              std::size_t grain,
              std::size_t cost,
              const std::function<void(std::size_t begin, std::size_t end)>& work);

}  // namespace ratiofarm::trainer
