#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "workers/trainer/engine/device.hpp"

#include "training_events.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

/// Events for each net of a pack; valid until the next call of the owner. A batch of full size
/// always lies at the same addresses.
struct Batch {
    const at::Tensor* features = nullptr;  ///< [nets, n, inputs], scaled
    const at::Tensor* weights = nullptr;   ///< [nets, n, columns], see TrainingRows
    const at::Tensor* positive = nullptr;  ///< [nets, n] weight in class 1: the first column
    const at::Tensor* total = nullptr;     ///< [nets, n] weight in both classes: the second
};

/// How one net reads a table.
struct TableReader {
    FeatureScaling scaling;
    std::uint32_t draw = 0;          ///< of the weights
    std::uint64_t shuffle_seed = 0;  ///< of its order in shuffled epochs
};

enum class TablePlace : std::uint8_t {
    automatic,  ///< on the device, if it leaves enough of its memory free
    device,     ///< there the rows are gathered
    host,       ///< gathered here, batch by batch, while the device computes the batch before
};

/// A table read in batches, by each net of a pack in its own order. The order of an epoch is a pure
/// function of (shuffle seed, epoch), and so is the row at each of its places: nothing is built for
/// an epoch and nothing needs to be saved. The bits do not depend on where the table lies.
class PackBatches {
public:
    /// \param rows   must outlive this object
    /// \param batch  events per net, at most those of the table
    PackBatches(const TrainingRows& rows,
                std::vector<TableReader> readers,
                std::int64_t batch,
                DeviceKind device,
                TablePlace place = TablePlace::automatic);
    ~PackBatches();

    std::uint64_t count() const;  ///< batches of an epoch
    TablePlace place() const;     ///< device or host; the host where that is the device

    /// From now on the order of this epoch; before the first call that of the table.
    void shuffle(std::uint32_t epoch);

    /// Batch number `index` < count() of the epoch; the last may be smaller.
    Batch batch(std::uint64_t index);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm::trainer
