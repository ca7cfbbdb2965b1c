#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ratiofarm {

/// How the events of one unbinned region are arranged for a device: S processes, P parameters of
/// shapes, C columns of shapes, which lie in the order of their processes.
struct DeviceLayout {
    std::uint32_t n_processes = 0;         ///< S
    std::uint32_t n_parameters = 0;        ///< P
    std::vector<std::uint32_t> process;    ///< [C], ascending
    std::vector<std::uint32_t> parameter;  ///< [C]
    std::vector<double> yields;            ///< [S], the scale of each event's floor
    double relative_floor = 0.0;           ///< of an event's mixture, relative to its scale
    double smallest_floor = 0.0;
};

/// A piece of a region's events; columns as in the layout.
struct DeviceEvents {
    std::vector<double> weight;     ///< [n]
    std::vector<double> reference;  ///< [n], weight in the sums over the reference
    std::vector<double> ratio;      ///< [S][n], r = p_j / p_ref
    std::vector<float> log_g;       ///< [C][up, down][n], clipped to a factor of 20
};

/// Where sums are wanted.
struct DevicePoint {
    bool in_double = true;      ///< else g and its derivatives are in single precision
    std::vector<double> rates;  ///< [S], R_j of the mixture; empty: sums over the reference
    /// [C][24]: constants of g, g' and g'', six weights of each, power, smallest g, side; as in
    /// InterpolationWeights (side 1 up, -1 down, 2 both, 0 the linear form)
    std::vector<double> columns;
};

/// Sums over the events of this rank by something other than the kernels of this program: a
/// process that owns a GPU. It keeps lists of events, one for each region of a likelihood, and is
/// asked from one thread. Every call may throw SystemError: the device is lost.
class SumsDevice {
public:
    SumsDevice() = default;
    virtual ~SumsDevice() = default;
    SumsDevice(const SumsDevice&) = delete;
    SumsDevice& operator=(const SumsDevice&) = delete;

    virtual std::uint32_t begin(const DeviceLayout& layout) = 0;  ///< \return number of a new list
    virtual void append(std::uint32_t list, DeviceEvents events) = 0;
    virtual void forget(std::uint32_t list) = 0;

    /// Of the mixture, with the quantities of MixtureSums, one after the other:
    ///   value | below_floor | clipped [S] | gradient [S] | shape_gradient [C] |
    ///   shape_curvature [P, P] | outer [P + S, P + S]
    /// Of the reference: weight | value [S] | gradient [C] | curvature of each process in turn,
    /// [n, n] over its n columns.
    virtual std::vector<double> sums(std::uint32_t list, const DevicePoint& point) = 0;
};

}  // namespace ratiofarm
