#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ratiofarm {

/// Elements of the lower triangle of a matrix of n rows.
inline std::size_t triangle(std::size_t n) { return n * (n + 1) / 2; }
/// Place of an element of a symmetric matrix, in any order of its indices.
inline std::size_t in_triangle(std::size_t a, std::size_t b) {
    return a >= b ? triangle(a) + b : triangle(b) + a;
}

inline std::vector<double> square_of(std::span<const double> lower, std::size_t n) {
    std::vector<double> square(n * n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) square[a * n + b] = lower[in_triangle(a, b)];
    }
    return square;
}

/// Takes quantities one after the other out of a list of sums.
class SumReader {
public:
    explicit SumReader(std::span<const double> sums) : rest_(sums) {}
    std::span<const double> take(std::size_t n) {
        const auto part = rest_.first(n);
        rest_ = rest_.subspan(n);
        return part;
    }
    std::vector<double> list(std::size_t n) {
        const auto part = take(n);
        return {part.begin(), part.end()};
    }
    double one() { return take(1)[0]; }

private:
    std::span<const double> rest_;
};

}  // namespace ratiofarm
