#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::trainer {

/// How the nets of an ensemble are evaluated on a device. Fixed by device and network: results may
/// depend on it in the last bit.
struct PassShape {
    std::int64_t events = 0;  ///< of one pass
    std::int64_t nets = 1;    ///< in step
    std::int64_t passes = 1;  ///< of one block, which every net sees before the next block is read
    bool operator==(const PassShape&) const = default;

    std::int64_t block() const { return events * passes; }
};

PassShape pass_shape(const Network& network, DeviceKind device);

/// Nets on a device that evaluate one block of events pass by pass. Each pass has the same number
/// of nets and events, missing ones padded: the bits of a logit depend neither on the events beside
/// it nor on the other nets.
class EnsemblePasses {
public:
    EnsemblePasses(const Network& network, Precision precision, DeviceKind device);
    EnsemblePasses(const Network& network, Precision precision, DeviceKind device, PassShape shape);
    ~EnsemblePasses();

    const PassShape& shape() const;

    /// \param rows  at most shape().nets rows of an ensemble, each [row_size]
    void set_nets(std::span<const std::span<const float>> rows);

    /// \param features  not scaled, [n, event_size()], n <= shape().block()
    void set_events(std::span<const float> features);

    /// Logits of one pass, net after net: [shape().nets, shape().events, outputs], those of missing
    /// nets and events without a meaning.
    std::vector<float> logits(std::int64_t pass);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

}  // namespace ratiofarm::trainer
