#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include <sys/mman.h>

namespace ratiofarm {

/// Memory that begins on a cache line, or on a huge page where it is large. Not initialised: the
/// thread that writes a page first should be one that reads it.
template <class T>
class AlignedArray {
    static_assert(std::is_trivial_v<T>);

public:
    AlignedArray() = default;
    explicit AlignedArray(std::size_t size) : size_(size) {
        if (size == 0) return;
        constexpr std::size_t huge_page = std::size_t{1} << 21;
        const std::size_t alignment = size * sizeof(T) >= 2 * huge_page ? huge_page : 64;
        const std::size_t bytes = (size * sizeof(T) + alignment - 1) / alignment * alignment;
        data_.reset(static_cast<T*>(std::aligned_alloc(alignment, bytes)));
        if (data_ == nullptr) throw std::bad_alloc();
        // A wish; without huge pages it is only slower.
        if (alignment == huge_page) static_cast<void>(madvise(data_.get(), bytes, MADV_HUGEPAGE));
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    std::size_t n_bytes() const { return size_ * sizeof(T); }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }

private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    std::size_t size_ = 0;
    std::unique_ptr<T[], Free> data_;
};

}  // namespace ratiofarm
