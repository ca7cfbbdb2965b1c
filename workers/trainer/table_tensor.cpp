#include "table_tensor.hpp"

#include <algorithm>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/philox.hpp"

namespace ratiofarm {
namespace {

at::Tensor on_device(const EventTable& table, DeviceKind device) {
    // from_blob wants a mutable pointer; nothing writes through it.
    auto* values = const_cast<float*>(table.values.data());
    const auto host = at::from_blob(
        values, {static_cast<std::int64_t>(table.events), static_cast<std::int64_t>(table.columns)},
        at::kFloat);
    return device == DeviceKind::cpu ? host : host.to(float_on(device));
}

/// The three groups of columns of a table or of a batch of its rows.
struct Columns {
    at::Tensor features;
    at::Tensor labels;
    at::Tensor weights;

    explicit Columns(const at::Tensor& table)
        : features(table.narrow(1, 0, table.size(1) - 2)),
          labels(table.select(1, table.size(1) - 2)),
          weights(table.select(1, table.size(1) - 1)) {}

    Batch batch() const { return {&features, &labels, &weights}; }
};

}  // namespace

struct TableTensor::State {
    at::Tensor table;
    std::unique_ptr<Columns> current;
};

TableTensor::TableTensor(const EventTable& table, DeviceKind device)
    : state_(std::make_unique<State>()) {
    state_->table = on_device(table, device);
}

TableTensor::~TableTensor() = default;

std::int64_t TableTensor::events() const { return state_->table.size(0); }

Batch TableTensor::rows(std::int64_t first, std::int64_t count) {
    RATIOFARM_EXPECT(first >= 0 && first < events());
    const at::Tensor part = state_->table.narrow(0, first, std::min(count, events() - first));
    state_->current = std::make_unique<Columns>(part);
    return state_->current->batch();
}

struct ShuffledTable::State {
    at::Tensor table;       ///< [events, columns]
    at::Tensor order;       ///< [events], on the device
    at::Tensor host_order;  ///< the same memory on a CPU
    at::Tensor gathered;    ///< [batch, columns]
    std::int64_t batch_size;
    std::unique_ptr<Columns> full;
    std::unique_ptr<Columns> last;
    at::Tensor gathered_last;
};

ShuffledTable::ShuffledTable(const EventTable& table, std::uint32_t batch_size, DeviceKind device)
    : state_(std::make_unique<State>()) {
    RATIOFARM_EXPECT(table.events > 0 && batch_size > 0);
    State& state = *state_;
    state.table = on_device(table, device);
    const std::int64_t events = state.table.size(0);
    state.batch_size = std::min(std::int64_t{batch_size}, events);
    state.host_order = at::empty({events}, at::kLong);
    state.order = device == DeviceKind::cpu
                      ? state.host_order
                      : at::empty({events}, float_on(device).dtype(at::kLong));
    state.gathered = at::empty({state.batch_size, state.table.size(1)}, float_on(device));
    state.full = std::make_unique<Columns>(state.gathered);
    const std::int64_t rest = events % state.batch_size;
    state.gathered_last = state.gathered.narrow(0, 0, rest == 0 ? state.batch_size : rest);
    state.last = std::make_unique<Columns>(state.gathered_last);
}

ShuffledTable::~ShuffledTable() = default;

void ShuffledTable::shuffle(std::uint64_t seed, std::uint32_t epoch) {
    const auto events = static_cast<std::uint64_t>(state_->host_order.size(0));
    const Permutation permutation(events, mix64(seed ^ mix64(epoch)));
    auto* order = state_->host_order.mutable_data_ptr<std::int64_t>();
    for (std::uint64_t position = 0; position < events; ++position) {
        order[position] = static_cast<std::int64_t>(permutation(position));
    }
    if (!state_->order.is_same(state_->host_order)) state_->order.copy_(state_->host_order);
}

Batch ShuffledTable::batch(std::uint64_t index) {
    State& state = *state_;
    const std::int64_t first = static_cast<std::int64_t>(index) * state.batch_size;
    const std::int64_t events = std::min(state.batch_size, state.table.size(0) - first);
    RATIOFARM_EXPECT(events > 0);
    const bool is_full = events == state.batch_size;
    at::Tensor& gathered = is_full ? state.gathered : state.gathered_last;
    at::index_select_out(gathered, state.table, 0, state.order.narrow(0, first, events));
    return is_full ? state.full->batch() : state.last->batch();
}

void copy_to(const at::Tensor& tensor, std::span<const float> values) {
    RATIOFARM_EXPECT(tensor.numel() == std::ssize(values));
    auto* data = const_cast<float*>(values.data());  // from_blob wants it; only read
    tensor.copy_(at::from_blob(data, {std::ssize(values)}, at::kFloat));
}

std::vector<float> copy_from(const at::Tensor& tensor) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    const auto* data = host.const_data_ptr<float>();
    return {data, data + host.numel()};
}

}  // namespace ratiofarm
