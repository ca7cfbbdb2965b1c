#include "pack_batches.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include "ratiofarm/core/contracts.hpp"

#include "core/philox.hpp"
#include "workers/trainer/engine/step_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

/// What a table must leave free on a device, for the work space of the matrix products.
constexpr std::int64_t slack_bytes = std::int64_t{512} << 20;

at::Tensor table_of(const std::vector<float>& values, std::int64_t columns) {
    auto* data = const_cast<float*>(values.data());  // from_blob wants it; only read
    return at::from_blob(data, {std::ssize(values) / columns, columns}, at::kFloat);
}

}  // namespace

/// A batch and where it lies; shapes as in Batch.
struct BatchMemory {
    at::Tensor features;
    at::Tensor weights;  ///< [nets, n, columns]
    at::Tensor positive;
    at::Tensor total;

    /// The front of two flat memories.
    BatchMemory(const at::Tensor& feature_memory,
                const at::Tensor& weight_memory,
                at::IntArrayRef shape,
                std::int64_t columns)
        : features(feature_memory.narrow(0, 0, shape[0] * shape[1] * shape[2]).view(shape)),
          weights(weight_memory.narrow(0, 0, shape[0] * shape[1] * columns)
                      .view({shape[0], shape[1], columns})),
          positive(weights.select(2, 0)),
          total(weights.select(2, 1)) {}

    Batch batch() const { return {&features, &weights, &positive, &total}; }
};

struct PackBatches::State {
    const TrainingRows& rows;
    std::vector<TableReader> readers;
    std::int64_t batch_size;
    c10::TensorOptions options;
    bool is_cpu;
    TablePlace place = TablePlace::host;
    std::vector<Permutation> orders;  ///< one per net; empty: table order

    std::unique_ptr<BatchMemory> full;
    std::unique_ptr<BatchMemory> last;

    // For a table on the device.
    at::Tensor features;  ///< [rows, inputs]
    at::Tensor weights;   ///< [draws * rows, columns]
    at::Tensor shift;     ///< [nets, 1, inputs]
    at::Tensor scale;

    std::int64_t nets() const { return std::ssize(readers); }
    std::int64_t inputs() const { return static_cast<std::int64_t>(rows.inputs); }
    std::int64_t columns() const { return static_cast<std::int64_t>(rows.columns); }
    std::vector<std::uint64_t> rows_at(std::size_t net,
                                       std::uint64_t first,
                                       std::int64_t events) const;
    bool put_table_on_device(TablePlace wanted);
    at::Tensor host_memory(std::int64_t size, at::ScalarType type) const;
    void gather_on_host(BatchMemory& memory, std::uint64_t first) const;
    void gather_on_device(BatchMemory& memory, std::uint64_t first) const;
    void fill(std::uint64_t first, std::int64_t events, float* features, float* weights) const;
};

/// Memory that the device can read from while we go on; kept by LibTorch until it has.
at::Tensor PackBatches::State::host_memory(std::int64_t size, at::ScalarType type) const {
    return at::empty({size}, at::TensorOptions().dtype(type).pinned_memory(!is_cpu));
}

std::vector<std::uint64_t> PackBatches::State::rows_at(std::size_t net,
                                                       std::uint64_t first,
                                                       std::int64_t events) const {
    std::vector<std::uint64_t> places(static_cast<std::size_t>(events));
    if (orders.empty()) {
        std::iota(places.begin(), places.end(), first);
    } else {
        orders[net].fill(first, places);
    }
    return places;
}

bool PackBatches::State::put_table_on_device(TablePlace wanted) {
    try {
        const auto slack = is_cpu ? at::Tensor() : at::empty({slack_bytes / 4}, options);
        features = table_of(rows.features, inputs()).to(options);
        weights = table_of(rows.weights, columns()).to(options);
    } catch (const c10::OutOfMemoryError&) {
        if (wanted == TablePlace::device) throw;
        features = weights = at::Tensor();
        return false;
    }
    std::vector<float> shifts;
    std::vector<float> scales;
    for (const TableReader& reader : readers) {
        shifts.insert(shifts.end(), reader.scaling.shift.begin(), reader.scaling.shift.end());
        scales.insert(scales.end(), reader.scaling.scale.begin(), reader.scaling.scale.end());
    }
    const auto on_device = [&](const std::vector<float>& values) {
        return table_of(values, inputs()).to(options, false, true).view({nets(), 1, inputs()});
    };
    shift = on_device(shifts);
    scale = on_device(scales);
    return true;
}

PackBatches::PackBatches(const TrainingRows& rows,
                         std::vector<TableReader> readers,
                         std::int64_t batch,
                         DeviceKind device,
                         TablePlace place)
    : state_(std::make_unique<State>(State{.rows = rows,
                                           .readers = std::move(readers),
                                           .batch_size = batch,
                                           .options = float_on(device),
                                           .is_cpu = device == DeviceKind::cpu,
                                           .orders = {},
                                           .full = {},
                                           .last = {},
                                           .features = {},
                                           .weights = {},
                                           .shift = {},
                                           .scale = {}})) {
    State& state = *state_;
    const auto all = static_cast<std::int64_t>(rows.rows);
    RATIOFARM_EXPECT(batch > 0 && batch <= all && !state.readers.empty());
    const auto features = at::empty({state.nets() * batch * state.inputs()}, state.options);
    const auto weights = at::empty({state.nets() * batch * state.columns()}, state.options);
    const std::int64_t rest = all % batch == 0 ? batch : all % batch;
    const auto cut = [&](std::int64_t events) {
        return std::make_unique<BatchMemory>(features, weights,
                                             at::IntArrayRef{state.nets(), events, state.inputs()},
                                             state.columns());
    };
    state.full = cut(batch);
    state.last = cut(rest);
    const bool try_device =
        place == TablePlace::device || (place == TablePlace::automatic && !state.is_cpu);
    if (try_device && state.put_table_on_device(place)) state.place = TablePlace::device;
}

PackBatches::~PackBatches() = default;

std::uint64_t PackBatches::count() const {
    const auto batch = static_cast<std::uint64_t>(state_->batch_size);
    return (state_->rows.rows + batch - 1) / batch;
}

TablePlace PackBatches::place() const { return state_->place; }

void PackBatches::shuffle(std::uint32_t epoch) {
    state_->orders.clear();
    for (const TableReader& reader : state_->readers) {
        state_->orders.emplace_back(state_->rows.rows, mix64(reader.shuffle_seed ^ mix64(epoch)));
    }
}

Batch PackBatches::batch(std::uint64_t index) {
    State& state = *state_;
    RATIOFARM_EXPECT(index < count());
    BatchMemory& memory = index + 1 < count() ? *state.full : *state.last;
    const std::uint64_t first = index * static_cast<std::uint64_t>(state.batch_size);
    if (state.place == TablePlace::device) {
        state.gather_on_device(memory, first);
    } else {
        state.gather_on_host(memory, first);
    }
    return memory.batch();
}

void PackBatches::State::gather_on_device(BatchMemory& memory, std::uint64_t first) const {
    const std::int64_t events = memory.features.size(1);
    const at::Tensor places = host_memory(2 * nets() * events, at::kLong);
    auto* feature_row = places.mutable_data_ptr<std::int64_t>();
    auto* weight_row = feature_row + nets() * events;
    for (std::size_t net = 0; net < readers.size(); ++net) {
        for (const std::uint64_t row : rows_at(net, first, events)) {
            *feature_row++ = static_cast<std::int64_t>(row);
            *weight_row++ = static_cast<std::int64_t>(readers[net].draw * rows.rows + row);
        }
    }
    const at::Tensor indices = places.to(options.dtype(at::kLong), true).view({2, -1});
    auto flat_features = memory.features.view({-1, inputs()});
    auto flat_weights = memory.weights.view({-1, columns()});
    at::index_select_out(flat_features, features, 0, indices[0]);
    at::index_select_out(flat_weights, weights, 0, indices[1]);
    memory.features.sub_(shift).mul_(scale);
}

void PackBatches::State::gather_on_host(BatchMemory& memory, std::uint64_t first) const {
    const std::int64_t events = memory.features.size(1);
    if (is_cpu) {
        fill(first, events, memory.features.mutable_data_ptr<float>(),
             memory.weights.mutable_data_ptr<float>());
        return;
    }
    const at::Tensor some_features = host_memory(memory.features.numel(), at::kFloat);
    const at::Tensor some_weights = host_memory(memory.weights.numel(), at::kFloat);
    fill(first, events, some_features.mutable_data_ptr<float>(),
         some_weights.mutable_data_ptr<float>());
    memory.features.view({-1}).copy_(some_features, true);
    memory.weights.view({-1}).copy_(some_weights, true);
}

void PackBatches::State::fill(std::uint64_t first,
                              std::int64_t events,
                              float* feature,
                              float* weight) const {
    for (std::size_t net = 0; net < readers.size(); ++net) {
        const TableReader& reader = readers[net];
        const float* draw = rows.weights.data() + rows.columns * reader.draw * rows.rows;
        const auto places = rows_at(net, first, events);
        step_kernel().gather({.table = rows.features.data(),
                              .width = rows.inputs,
                              .rows = places.data(),
                              .count = places.size(),
                              .shift = reader.scaling.shift.data(),
                              .scale = reader.scaling.scale.data(),
                              .result = feature});
        feature += places.size() * rows.inputs;
        for (const std::uint64_t row : places) {
            for (std::size_t column = 0; column < rows.columns; ++column) {
                *weight++ = draw[rows.columns * row + column];
            }
        }
    }
}

}  // namespace ratiofarm::trainer
