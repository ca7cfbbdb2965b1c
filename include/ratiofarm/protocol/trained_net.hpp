#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/protocol/net_quality.hpp"

namespace ratiofarm {

/// One trained net: the row of the best epoch and how it came about.
struct TrainedNet {
    std::string failure;  ///< empty, or why it has no usable weights: "diverged: ..."
    std::vector<float> row;
    std::uint32_t epochs = 0;  ///< run
    std::uint32_t best_epoch = 0;
    double best_validation_loss = 0.0;
    std::vector<double> training_loss;
    std::vector<double> validation_loss;
    std::uint64_t training_events = 0;  ///< over both classes
    std::uint64_t validation_events = 0;
    std::uint64_t negative_weights = 0;  ///< events of either part with weight < 0
    NetQuality quality;
    CalibrationMap calibration;
    ScoreHistograms scores;  ///< apart from the other fields, which older files have, too
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TrainedNet>& value) {
    archive(value.failure, value.row, value.epochs, value.best_epoch, value.best_validation_loss,
            value.training_loss, value.validation_loss, value.training_events,
            value.validation_events, value.negative_weights, value.quality, value.calibration);
}

}  // namespace ratiofarm
