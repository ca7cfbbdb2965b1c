#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/sums_device.hpp"

#include "event_blocks.hpp"
#include "region_layout.hpp"

namespace ratiofarm {

/// The events of one region and rank on a device, and its sums as the kernels would give them.
class DeviceSums {
public:
    /// Copies the events to the device. \throws SystemError if it is lost
    DeviceSums(const RegionLayout& layout,
               const RegionPlan& plan,
               const EventBlocks& events,
               std::shared_ptr<SumsDevice> device);
    ~DeviceSums();
    DeviceSums(const DeviceSums&) = delete;
    DeviceSums& operator=(const DeviceSums&) = delete;

    /// Sums over the events of this rank, packed as RegionEvents adds them up.
    /// \param rates [S]  \param alpha [P]  \throws SystemError
    std::vector<double> mixture(std::span<const double> rates,
                                std::span<const double> alpha,
                                bool in_double) const;
    std::vector<double> reference(std::span<const double> alpha, bool in_double) const;

    std::uint64_t n_bytes() const { return n_bytes_; }  ///< on the device

private:
    std::vector<double> sums(std::span<const double> rates,
                             std::span<const double> alpha,
                             bool in_double) const;

    const RegionLayout& layout_;
    const RegionPlan& plan_;
    std::shared_ptr<SumsDevice> device_;
    std::uint32_t list_ = 0;
    std::uint64_t n_bytes_ = 0;
};

}  // namespace ratiofarm
