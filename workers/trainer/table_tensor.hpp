#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device.hpp"
#include "events.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm {

/// Columns of some rows of a training table on the device; valid until the next call of the owner.
struct Batch {
    const at::Tensor* features = nullptr;  ///< [n, inputs], rows may be strided
    const at::Tensor* labels = nullptr;    ///< [n]
    const at::Tensor* weights = nullptr;   ///< [n]
};

/// A training table on the device, read in its own order.
class TableTensor {
public:
    /// \param table  must outlive this object: on a CPU its memory is used as it is
    TableTensor(const EventTable& table, DeviceKind device);
    ~TableTensor();

    std::int64_t events() const;

    /// Rows [first, first + count) or as many of them as there are.
    Batch rows(std::int64_t first, std::int64_t count);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A training table on the device, read in batches of a new random order each epoch. The order is
/// a pure function of (seed, epoch): nothing of it needs to be saved.
class ShuffledTable {
public:
    /// \param table  must outlive this object
    ShuffledTable(const EventTable& table, std::uint32_t batch_size, DeviceKind device);
    ~ShuffledTable();

    void shuffle(std::uint64_t seed, std::uint32_t epoch);

    /// Batch number `index` of the epoch; the last may be smaller.
    Batch batch(std::uint64_t index);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Copies between host and device. Sizes must agree.
void copy_to(const at::Tensor& tensor, std::span<const float> values);
std::vector<float> copy_from(const at::Tensor& tensor);

}  // namespace ratiofarm
