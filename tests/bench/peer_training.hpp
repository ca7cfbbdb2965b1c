#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "workers/trainer/events/pack_batches.hpp"
#include "workers/trainer/tasks/pack_trainer.hpp"

#include "peer_case.hpp"

namespace ratiofarm::bench {

using namespace trainer;

/// The nets of a case in the trainer's own loop: its batches, its step, Adam, a constant rate.
class PeerTraining {
public:
    PeerTraining(const PeerCase& problem, const Variant& variant);

    /// So many steps of every net; net after net unless they are packed, as tasks of a farm.
    void run(std::uint64_t steps);

    /// Mean over the nets of the mean loss of a validation event.
    double validation_loss();

private:
    /// What is one task of a farm.
    struct Task {
        std::unique_ptr<PackTrainer> trainer;
        std::unique_ptr<PackBatches> training;
        std::unique_ptr<PackBatches> validation;
        std::vector<double> rates;  ///< [nets]
        std::uint64_t steps = 0;
    };
    void add_task(const PeerCase& problem, const Variant& variant, NetShare share);

    TrainingRows training_;
    TrainingRows validation_;
    std::vector<Task> tasks_;
};

}  // namespace ratiofarm::bench
