#include "ratiofarm/campaign/cost.hpp"

#include <algorithm>
#include <numeric>

#include "find_sample.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t program_memory = 120'000'000;  // measured with LibTorch 2.11 on CPU: 113 MB
constexpr std::uint64_t rank_memory = 60'000'000;      // ratiofarm itself: MPI and HDF5
constexpr std::uint64_t task_file_header = 44;
constexpr std::uint64_t fixed_files =
    11;  // run folder, tasks/, ensembles/, campaign, journal, lock,
         // ratios.h5, fit.json, fit.h5, report.html, a .partial
constexpr std::uint64_t task_folders = 256;
constexpr std::uint64_t small_files = 1'000'000;  // journal, fit.json, report.html and headers

std::uint64_t result_bytes(const Campaign& campaign) {
    return task_file_header + 4 * row_size(campaign.network) + 16 * campaign.training.epochs + 64;
}

std::uint64_t checkpoint_bytes(const Campaign& campaign) {
    return task_file_header + 8 * row_size(campaign.network) +
           8 * trainable_size(campaign.network) + 16 * campaign.training.epochs;
}

/// Events that the nets are evaluated on.
std::uint64_t evaluated_events(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    std::uint64_t events = 0;
    for (const std::string& name : campaign_samples(campaign)) {
        const SampleInfo& sample = find_sample(samples, name);
        events += name == campaign.data.sample ? sample.columns.events : sample.inference_events;
    }
    return events;
}

/// Of the class with the most events: the trainer holds numerator and denominator.
std::uint64_t training_memory(const Campaign& campaign,
                              const std::vector<SampleInfo>& samples,
                              const TaskGraph& graph) {
    const double used = (campaign.split.train + campaign.split.validation) / campaign.split.train;
    double most_events = 0.0;
    for (const TrainTask& task : graph.trainings) {
        double events = 0.0;
        for (const auto* side : {&task.request.numerator, &task.request.denominator}) {
            for (const ClassComponent& component : *side) {
                const SampleInfo& sample = find_sample(samples, component.sample.sample);
                events += used * static_cast<double>(sample.training_events);
            }
        }
        most_events = std::max(most_events, events);
    }
    const auto& hidden = campaign.network.hidden;
    const std::uint64_t width = std::accumulate(hidden.begin(), hidden.end(), std::uint64_t{0});
    constexpr std::uint64_t tensors_per_layer = 3;  // linear output, activation and its gradient
    return program_memory +
           static_cast<std::uint64_t>(most_events) * 4 * (campaign.network.inputs + 2) +
           5 * 4 * row_size(campaign.network) +
           tensors_per_layer * 4 * campaign.training.batch * width;
}

}  // namespace

Cost cost_of(const Campaign& campaign,
             const std::vector<SampleInfo>& samples,
             const TaskGraph& graph,
             std::uint64_t workers) {
    RATIOFARM_EXPECT(workers > 0);
    Cost cost;
    cost.trainings = graph.trainings.size();
    cost.inferences = graph.inferences.size();
    cost.parameters_per_net = trainable_size(campaign.network);
    for (const TrainTask& task : graph.trainings) cost.training_flop += task.flop;
    for (const InferTask& task : graph.inferences) cost.inference_flop += task.flop;

    const std::uint64_t events = evaluated_events(campaign, samples);
    const std::uint64_t processes = campaign.processes.size();
    const std::uint64_t nets = cost.trainings * result_bytes(campaign);
    const std::uint64_t ensembles = cost.trainings * 4 * row_size(campaign.network);
    const std::uint64_t blocks = events * processes * 8 + cost.inferences * task_file_header;
    const std::uint64_t ratios = events * (processes * 8 + 24);
    cost.disk_bytes = nets + ensembles + blocks + ratios + small_files;

    const std::uint64_t running = std::min(workers, cost.trainings);
    cost.peak_disk_bytes = cost.disk_bytes + 3 * running * checkpoint_bytes(campaign);
    const std::uint64_t task_files = cost.trainings + cost.inferences;
    cost.inodes =
        fixed_files + std::min(task_folders, task_files) + task_files + processes + 3 * running;
    cost.trainer_memory_bytes = training_memory(campaign, samples, graph);
    cost.fit_memory_bytes = events * (16 * processes + 16) + workers * rank_memory;
    return cost;
}

}  // namespace ratiofarm
