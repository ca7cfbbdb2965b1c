#include "peer_training.hpp"

#include <algorithm>
#include <numeric>

namespace ratiofarm::bench {

using namespace trainer;
namespace {

TrainingRows rows_of(const std::vector<float>& table, const PeerCase& problem) {
    const std::uint64_t columns = problem.columns();
    TrainingRows rows;
    rows.rows = table.size() / columns;
    rows.inputs = columns - 1;
    for (std::uint64_t row = 0; row < rows.rows; ++row) {
        const float* values = table.data() + row * columns;
        rows.features.insert(rows.features.end(), values, values + columns - 1);
        rows.weights.insert(rows.weights.end(), {values[columns - 1], 1.0F});
    }
    return rows;
}

}  // namespace

PeerTraining::PeerTraining(const PeerCase& problem, const Variant& variant)
    : training_(rows_of(problem.training, problem)),
      validation_(rows_of(problem.validation, problem)) {
    const std::size_t together = variant.packed ? problem.nets.size() : 1;
    for (std::size_t net = 0; net < problem.nets.size(); net += together) {
        add_task(problem, variant, {net, together});
    }
}

void PeerTraining::add_task(const PeerCase& problem, const Variant& variant, NetShare share) {
    TrainRequest request;
    request.network = problem.network;
    TrainingOptions& options = request.training;
    options.batch = problem.batch;
    options.optimizer = Optimizer::adam;
    options.precision = variant.precision;
    options.engine = variant.engine;
    request.nets.resize(share.count);
    std::vector<TableReader> readers;
    const std::size_t inputs = problem.columns() - 1;
    for (std::size_t net = share.first; net < share.first + share.count; ++net) {
        readers.push_back({.scaling = {.shift = std::vector<float>(inputs, 0.0F),
                                       .scale = std::vector<float>(inputs, 1.0F)},
                           .shuffle_seed = 1000 + net});
    }
    Task task;
    task.trainer = std::make_unique<PackTrainer>(request, variant.device);
    for (std::size_t net = 0; net < share.count; ++net) {
        task.trainer->set_trainable(net, problem.nets[share.first + net]);
    }
    task.training =
        std::make_unique<PackBatches>(training_, readers, problem.batch, variant.device);
    task.validation = std::make_unique<PackBatches>(validation_, readers,
                                                    PackTrainer::capacity(request), variant.device);
    task.rates.assign(share.count, problem.rate);
    tasks_.push_back(std::move(task));
}

void PeerTraining::run(std::uint64_t steps) {
    for (Task& task : tasks_) {
        const std::uint64_t batches = task.training->count();
        for (const std::uint64_t end = task.steps + steps; task.steps < end; ++task.steps) {
            if (task.steps % batches == 0) {
                task.training->shuffle(static_cast<std::uint32_t>(task.steps / batches));
            }
            task.trainer->step(task.training->batch(task.steps % batches), task.rates);
        }
    }
}

double PeerTraining::validation_loss() {
    double sum = 0.0;
    std::size_t nets = 0;
    for (Task& task : tasks_) {
        task.trainer->reset_validation_sums();
        for (std::uint64_t batch = 0; batch < task.validation->count(); ++batch) {
            task.trainer->add_validation(task.validation->batch(batch));
        }
        const auto sums = task.trainer->validation_sums();
        sum = std::accumulate(sums.begin(), sums.end(), sum);
        nets += sums.size();
    }
    return sum / static_cast<double>(nets * validation_.rows);
}

}  // namespace ratiofarm::bench
