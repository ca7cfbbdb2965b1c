#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "fit/kernels/aligned_array.hpp"
#include "fit/kernels/parity_kernel.hpp"
#include "fit/kernels/shape_kernel.hpp"

#include "event_shards.hpp"

namespace ratiofarm {

/// The events of this rank as the kernels read them: whole blocks of 64 events, the last one padded
/// with events of weight 0. ln g stands as it is stored, clipped; r = exp(log r).
class EventBlocks {
public:
    /// What is loaded and how.
    struct Request {
        const EventSource& source;
        Range shards;                             ///< of this rank
        std::span<const std::size_t> columns;     ///< shape columns of the source, in kernel order
        std::span<const std::size_t> process_of;  ///< [columns], for the counts
        ShapeStorage storage = ShapeStorage::fp32;
        unsigned threads = 1;
        void (*to_half)(const float*, std::uint16_t*, std::size_t) = nullptr;
        ParityKernel parity = nullptr;
    };

    /// Reads and checks the events with several threads.
    /// \throws DataError naming the first event that cannot be used; what source.read throws
    explicit EventBlocks(const Request& request);

    /// Shards and blocks are counted on this rank.
    std::size_t n_shards() const { return shards_.size(); }
    Range blocks(std::size_t shard) const;
    std::size_t n_blocks() const { return any_data_.size(); }

    enum class Weights : std::uint8_t { data, reference };
    bool any(Weights weights, std::size_t block) const;
    ShapeBlock block(Weights weights, std::size_t block) const;

    std::uint64_t n_zero_weight() const { return n_zero_weight_; }
    /// [S][count, share]: of anchors clipped to a factor of 20, and the share of the process in
    /// units of share_unit, nominal or varied (up to e^10 times that), over the reference events
    /// where there was one; whole numbers, so that their sum does not depend on its order.
    const std::vector<std::uint64_t>& clipped_anchors() const { return clipped_anchors_; }
    static constexpr double share_unit = 0x1p-40;
    /// [columns][even, odd]: sums over events with weight, where r of the process is above 0.01, of
    /// ((ln g_up +- ln g_down) / 2)^2 in units of parity_unit; whole numbers, so that their sum
    /// does not depend on its order.
    const std::vector<std::uint64_t>& parities() const { return parities_; }
    static constexpr double parity_unit = ParitySums::unit;
    std::uint64_t n_bytes() const;

private:
    struct Found;  // by one thread while loading
    struct Shapes;

    void allocate();
    void load(const Request& request, const EventSet& events, Found& found);
    void load_weights(const EventSet& events, std::size_t first_block, Found& found);
    void load_ratios(const EventSet& events, std::size_t first_block, Found& found);
    std::string load_shapes(const Request& request,
                            const EventSet& events,
                            std::size_t first_block,
                            Found& found);
    void store_shapes(const Request& request,
                      const Shapes& shapes,
                      std::size_t block,
                      std::size_t side);
    void join(const Found& found);

    Shards cut_;
    Range shards_;
    Range events_;
    std::size_t n_processes_ = 0;
    std::size_t n_columns_ = 0;
    std::size_t bytes_per_anchor_ = 4;
    AlignedArray<double> weight_;              // [blocks][64]
    AlignedArray<double> reference_;           // [blocks][64]
    AlignedArray<double> ratio_;               // [shards][S][blocks of the shard][64]
    AlignedArray<std::byte> log_g_;            // [blocks][C][up, down][64]
    AlignedArray<std::uint8_t> reach_;         // [blocks][C], ShapeBlock
    std::vector<std::uint8_t> any_data_;       // [blocks]
    std::vector<std::uint8_t> any_reference_;  // [blocks]
    std::uint64_t n_zero_weight_ = 0;
    std::vector<std::uint64_t> clipped_anchors_;  // [S, 2]
    std::vector<std::uint64_t> parities_;         // [C, 2]
};

}  // namespace ratiofarm
