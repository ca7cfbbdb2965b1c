#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// Rows of operands begin at multiples of 64 bytes: 16 floats, 32 bf16.
template <class T>
std::size_t padded(std::size_t width) {
    constexpr std::size_t line = 64 / sizeof(T);
    return (width + line - 1) / line * line;
}

inline bool begins_a_line(const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % 64 == 0;
}

/// A matrix of zeros with padded rows of its own.
template <class T>
class Memory {
public:
    Memory() = default;
    Memory(std::size_t rows, std::size_t width)
        : owner_(allocate(rows * padded<T>(width))), block_{owner_.get(), padded<T>(width)} {}

    Block<T> block() const { return block_; }

private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    static T* allocate(std::size_t size) {
        void* data = std::aligned_alloc(64, size * sizeof(T));
        if (data == nullptr) throw std::bad_alloc();
        std::memset(data, 0, size * sizeof(T));
        return static_cast<T*>(data);
    }

    std::unique_ptr<T[], Free> owner_;
    Block<T> block_;
};

}  // namespace ratiofarm::trainer
