#include "device_sums.hpp"

#include <algorithm>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "fit/kernels/guards.hpp"
#include "fit/kernels/packed_sums.hpp"

namespace ratiofarm {
namespace {

/// Events that go to the device together: enough for its products, few enough that the copies and
/// what is computed of them stay small beside the events.
std::size_t blocks_of_piece(const RegionPlan& plan) {
    constexpr std::size_t bytes = std::size_t{64} << 20;
    constexpr std::size_t most = 4096;
    const std::size_t per_block =
        shape_block * (16 + 8 * plan.n_processes() + 8 * plan.n_columns());
    return std::clamp<std::size_t>(bytes / per_block, 16, most);
}

/// Blocks [first, last) of the events.
DeviceEvents piece_of(const RegionPlan& plan, const EventBlocks& events, Range range) {
    const std::size_t n = range.size() * shape_block;
    DeviceEvents piece;
    piece.ratio.resize(plan.n_processes() * n);
    piece.log_g.resize(2 * plan.n_columns() * n);
    for (std::size_t b = range.first; b < range.last; ++b) {
        const ShapeBlock block = events.block(EventBlocks::Weights::data, b);
        const double* reference = events.block(EventBlocks::Weights::reference, b).weight;
        const std::size_t at = (b - range.first) * shape_block;
        piece.weight.insert(piece.weight.end(), block.weight, block.weight + shape_block);
        piece.reference.insert(piece.reference.end(), reference, reference + shape_block);
        for (std::size_t j = 0; j < plan.n_processes(); ++j) {
            std::copy_n(block.ratio + j * block.ratio_stride, shape_block,
                        piece.ratio.data() + j * n + at);
        }
        const auto* log_g = static_cast<const float*>(block.log_g);
        for (std::size_t side = 0; side < 2 * plan.n_columns(); ++side) {
            std::copy_n(log_g + side * shape_block, shape_block,
                        piece.log_g.data() + side * n + at);
        }
    }
    return piece;
}

std::uint64_t bytes_of(const DeviceEvents& piece) {
    return 8 * (piece.weight.size() + piece.reference.size() + piece.ratio.size()) +
           4 * piece.log_g.size();
}

void append_triangle(std::vector<double>& to, std::span<const double> square, std::size_t n) {
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b <= a; ++b) to.push_back(square[a * n + b]);
    }
}

}  // namespace

DeviceSums::DeviceSums(const RegionLayout& layout,
                       const RegionPlan& plan,
                       const EventBlocks& events,
                       std::shared_ptr<SumsDevice> device)
    : layout_(layout), plan_(plan), device_(std::move(device)) {
    DeviceLayout arranged;
    arranged.n_processes = static_cast<std::uint32_t>(plan.n_processes());
    arranged.n_parameters = static_cast<std::uint32_t>(plan.n_parameters());
    for (const std::size_t j : plan.process_of()) {
        arranged.process.push_back(static_cast<std::uint32_t>(j));
    }
    arranged.parameter.assign(plan.parameters().begin(), plan.parameters().end());
    arranged.yields = layout.yields;
    arranged.relative_floor = relative_floor;
    arranged.smallest_floor = smallest_floor;
    list_ = device_->begin(arranged);
    const std::size_t step = blocks_of_piece(plan);
    for (std::size_t first = 0; first < events.n_blocks(); first += step) {
        DeviceEvents piece =
            piece_of(plan, events, {first, std::min(events.n_blocks(), first + step)});
        n_bytes_ += bytes_of(piece);
        device_->append(list_, std::move(piece));
    }
}

DeviceSums::~DeviceSums() {
    try {
        device_->forget(list_);
    } catch (const Error&) {
        // Lost, and what it held with it.
    }
}

std::vector<double> DeviceSums::sums(std::span<const double> rates,
                                     std::span<const double> alpha,
                                     bool in_double) const {
    DevicePoint point{in_double, {rates.begin(), rates.end()}, {}};
    for (const ColumnWeights<double>& at : column_weights<double>(layout_, plan_, alpha)) {
        auto& to = point.columns;
        to.insert(to.end(), std::begin(at.constant), std::end(at.constant));
        for (const auto& weights : at.weight) {
            to.insert(to.end(), std::begin(weights), std::end(weights));
        }
        to.insert(to.end(), {at.power, at.smallest, static_cast<double>(at.side)});
    }
    return device_->sums(list_, point);
}

std::vector<double> DeviceSums::mixture(std::span<const double> rates,
                                        std::span<const double> alpha,
                                        bool in_double) const {
    const std::size_t s = plan_.n_processes();
    const std::size_t p = plan_.n_parameters();
    const std::vector<double> all = sums(rates, alpha, in_double);
    SumReader reader(all);
    std::vector<double> packed = reader.list(2 + 2 * s);
    const std::size_t first = packed.size();
    packed.resize(first + plan_.n_columns());
    for (const std::size_t column : plan_.columns()) packed[first + column] = reader.one();
    append_triangle(packed, reader.take(p * p), p);
    append_triangle(packed, reader.take((p + s) * (p + s)), p + s);
    return packed;
}

std::vector<double> DeviceSums::reference(std::span<const double> alpha, bool in_double) const {
    const std::size_t s = plan_.n_processes();
    const std::vector<double> all = sums({}, alpha, in_double);
    SumReader reader(all);
    std::vector<double> packed = reader.list(1 + s);
    const std::size_t first = packed.size();
    packed.resize(first + plan_.n_columns());
    for (const std::size_t column : plan_.columns()) packed[first + column] = reader.one();
    for (std::size_t j = 0; j < s; ++j) {
        const std::size_t n = plan_.columns_of(j);
        append_triangle(packed, reader.take(n * n), n);
    }
    return packed;
}

}  // namespace ratiofarm
