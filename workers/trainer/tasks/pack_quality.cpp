#include "pack_quality.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

#include "workers/trainer/quality/calibration.hpp"
#include "workers/trainer/quality/class_quality.hpp"
#include "workers/trainer/quality/net_quality.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::uint64_t most_training_rows = 200'000;

/// Every k-th row, such that at most so many are left.
TrainingRows thinned(const TrainingRows& all, std::uint64_t most) {
    const std::uint64_t stride = (all.rows + most - 1) / most;
    TrainingRows some{.rows = (all.rows + stride - 1) / stride,
                      .inputs = all.inputs,
                      .features = {},
                      .weights = {},
                      .columns = all.columns};
    const auto append = [&](std::vector<float>& to, const float* from, std::uint64_t columns) {
        for (std::uint64_t row = 0; row < all.rows; row += stride) {
            to.insert(to.end(), from + row * columns, from + (row + 1) * columns);
        }
    };
    append(some.features, all.features.data(), all.inputs);
    for (std::size_t first = 0; first < all.weights.size(); first += all.columns * all.rows) {
        append(some.weights, all.weights.data() + first, all.columns);
    }
    return some;
}

/// [rows, features + quantities of lists + 2] as ScoredTable wants them: the first numbers of each
/// event, what is known of its particle list, and its weights.
std::vector<float> with_weights(const TrainingRows& part,
                                std::uint64_t features,
                                std::uint32_t draw) {
    std::vector<float> rows;
    rows.reserve(part.rows * (features + part.list_columns + 2));
    const float* weight = part.weights.data() + 2 * draw * part.rows;
    for (std::uint64_t row = 0; row < part.rows; ++row) {
        const float* feature = part.features.data() + row * part.inputs;
        const float* list = part.list_values.data() + row * part.list_columns;
        rows.insert(rows.end(), feature, feature + features);
        rows.insert(rows.end(), list, list + part.list_columns);
        rows.insert(rows.end(), weight + 2 * row, weight + 2 * row + 2);
    }
    return rows;
}

ScoredClasses scored_classes(const TrainingRows& part,
                             std::uint32_t draw,
                             std::span<const float> logits) {
    const std::size_t size = part.rows * part.columns;
    return {std::span(part.weights).subspan(draw * size, size), logits, part.columns};
}

std::int64_t at_most(std::int64_t capacity, const TrainingRows& part) {
    return std::min(capacity, static_cast<std::int64_t>(part.rows));
}

}  // namespace

PackQuality::PackQuality(const TrainingEvents& events,
                         const Network& network,
                         const std::vector<TableReader>& readers,
                         std::int64_t capacity,
                         DeviceKind device)
    : features_(network.inputs),
      scaled_(scaled_inputs(network)),
      readers_(readers),
      validation_(events.validation),
      training_(thinned(events.training, most_training_rows)),
      validation_batches_(validation_, readers, at_most(capacity, validation_), device),
      training_batches_(training_, readers, at_most(capacity, training_), device) {}

std::vector<std::vector<float>> PackQuality::logits(PackTrainer& trainer,
                                                    PackBatches& batches,
                                                    const std::function<bool()>& go_on) const {
    std::vector<std::vector<float>> of_net(readers_.size());
    for (std::uint64_t index = 0; index < batches.count(); ++index) {
        const auto values = trainer.logits(batches.batch(index));
        const auto events = std::ssize(values) / std::ssize(readers_);
        auto first = values.begin();
        for (auto& logits : of_net) {
            logits.insert(logits.end(), first, first + events);
            first += events;
        }
        if (!go_on()) return {};
    }
    return of_net;
}

bool PackQuality::measure(PackTrainer& trainer,
                          std::span<TrainedNet> nets,
                          CalibrationMethod calibration,
                          const std::function<bool()>& go_on) {
    RATIOFARM_EXPECT(nets.size() == readers_.size());
    trainer.set_running(std::vector<bool>(nets.size(), true));
    for (std::size_t net = 0; net < nets.size(); ++net) {
        trainer.set_trainable(net, std::span(nets[net].row).subspan(2 * scaled_));
    }
    const auto validation = logits(trainer, validation_batches_, go_on);
    if (validation.empty()) return false;
    const auto training = logits(trainer, training_batches_, go_on);
    if (training.empty()) return false;
    for (std::size_t net = 0; net < nets.size(); ++net) {
        if (!nets[net].failure.empty()) continue;
        if (validation[net].size() > validation_.rows) {
            const std::uint32_t draw = readers_[net].draw;
            nets[net].quality = measure_classes(scored_classes(validation_, draw, validation[net]),
                                                scored_classes(training_, draw, training[net]));
            continue;
        }
        const auto validation_rows = with_weights(validation_, features_, readers_[net].draw);
        const auto training_rows = with_weights(training_, 0, readers_[net].draw);
        const ScoredTable scored{validation_rows, features_ + validation_.list_columns + 2,
                                 validation[net]};
        nets[net].calibration = fit_calibration(scored, calibration);
        const ScoredTable trained{training_rows, 2, training[net]};
        nets[net].quality = measure_quality(scored, trained, nets[net].calibration);
        nets[net].scores = measure_scores(scored, trained, nets[net].calibration);
    }
    return true;
}

}  // namespace ratiofarm::trainer
