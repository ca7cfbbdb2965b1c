#include "cost.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <unordered_map>

#include "protocol/particle_row.hpp"

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

/// Bytes of one net, with its quality and its lengths.
std::uint64_t result_bytes(const Network& network, const TrainingOptions& training) {
    constexpr std::uint64_t quality = 500;
    return 4 * row_size(network) + std::uint64_t{16} * training.epochs + quality;
}

std::uint64_t checkpoint_bytes(const Campaign& campaign, std::uint64_t nets) {
    return task_file_header +
           nets * (8 * row_size(campaign.network) + 8 * trainable_size(campaign.network) +
                   std::uint64_t{16} * campaign.training.epochs);
}

/// Events that the nets are evaluated on.
std::uint64_t evaluated_events(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    std::uint64_t events = 0;
    for (const std::string& name : campaign_samples(campaign)) {
        const SampleInfo& sample = find_sample(samples, name);
        const bool all = inference_split(campaign, name).inference == 1.0;
        events += all ? sample.columns.events : sample.inference_events;
    }
    return events;
}

std::uint64_t largest_ensemble(const TaskGraph& graph) {
    std::uint64_t most = 0;
    for (const TrainTask& task : graph.trainings) {
        most = std::max<std::uint64_t>(most, task.nets.size());
    }
    return most;
}

/// Events of a training, both parts: one that is in both classes is one row.
std::uint64_t rows_of(const TrainRequest& request, const std::vector<SampleInfo>& samples) {
    std::set<std::string> names;
    for (const auto* side : {&request.numerator, &request.denominator}) {
        for (const ClassComponent& component : *side) names.insert(component.sample.sample);
    }
    const Split& split = request.split;
    const double used = (split.train + split.validation) / split.train;
    double rows = 0.0;
    for (const std::string& name : names) {
        rows += used * static_cast<double>(find_sample(samples, name).training_events);
    }
    return static_cast<std::uint64_t>(rows);
}

/// Memory for the training with the most events: the trainer holds numerator and denominator.
std::uint64_t training_memory(const Campaign& campaign,
                              const std::vector<SampleInfo>& samples,
                              const TaskGraph& graph) {
    std::uint64_t rows = 0;
    const TrainRequest* known = nullptr;
    for (const TrainTask& task : graph.trainings) {
        if (task.common.get() == known) continue;
        known = task.common.get();
        rows = std::max(rows, rows_of(*known, samples));
    }
    const auto& hidden = campaign.network.hidden;
    const std::uint64_t width = std::accumulate(hidden.begin(), hidden.end(), std::uint64_t{0});
    const auto lists =
        static_cast<std::uint64_t>(pass_bytes(campaign.network, campaign.training.batch));
    constexpr std::uint64_t tensors_per_layer = 3;  // linear output, activation and its gradient
    constexpr std::uint64_t copies = 5;             // parameters, gradient, two moments, best
    const std::uint64_t net = 4 * (copies * row_size(campaign.network) +
                                   tensors_per_layer * campaign.training.batch * width);
    return program_memory + rows * 4 * (event_size(campaign.network) + 2) + lists +
           largest_ensemble(graph) * net;
}

/// Columns of floats that the evaluations give for each event.
struct RatioColumnCount {
    std::uint64_t averaged = 0;  ///< ensembles: their log ratio, and its spread
    std::uint64_t kept = 0;      ///< nets whose own log ratio is kept
    std::uint64_t halves = 0;    ///< nets that learned from a half
    std::uint64_t halved = 0;    ///< ensembles of these: what their halves differ by is kept
};

RatioColumnCount count_columns(const Campaign& campaign, const TaskGraph& graph) {
    RatioColumnCount columns;
    for (const PlannedEnsemble& ensemble : graph.ensembles) {
        const EnsembleRole role = ensemble.spec.role;
        const bool averaged = role != EnsembleRole::replicas;
        const bool kept =
            !averaged || (role == EnsembleRole::nominal && campaign.ensemble.keep_members);
        columns.averaged += averaged ? 1 : 0;
        columns.kept += kept ? ensemble.spec.members : 0;
        columns.halves += ensemble.spec.halves ? ensemble.spec.members : 0;
        columns.halved += ensemble.spec.halves ? 1 : 0;
    }
    return columns;
}

/// Ensemble files and the folders they lie in: "S/scale/up" is a file in two of them.
std::uint64_t ensemble_inodes(const TaskGraph& graph) {
    std::set<std::string> folders;
    std::uint64_t files = 0;
    for (const PlannedEnsemble& ensemble : graph.ensembles) {
        files += 1;
        const std::filesystem::path file = ensemble.spec.name;
        for (auto folder = file.parent_path(); !folder.empty(); folder = folder.parent_path()) {
            folders.insert(folder.string());
        }
    }
    return files + folders.size();
}

/// Of the copy of the events in the run directory, if the file itself cannot be mapped.
std::uint64_t copied_bytes(const std::vector<SampleInfo>& samples) {
    const bool mapped = std::ranges::all_of(samples, [](const SampleInfo& sample) {
        return sample.columns.file.empty() || sample.columns.weight_offset != 0;
    });
    std::uint64_t bytes = 0;
    for (const SampleInfo& sample : samples) {
        if (mapped) break;
        const SampleColumns& columns = sample.columns;
        const ParticleColumns& lists = columns.particles;
        const std::uint64_t per_particle = 4 * lists.names.size() + (lists.names.empty() ? 0 : 8);
        bytes += columns.events * (4 * columns.columns + 16 + 8 * sample.weights.size() + 8) +
                 lists.particles * per_particle;
    }
    return bytes;
}

void add_disk(const Campaign& campaign, const TaskGraph& graph, std::uint64_t events, Cost& cost) {
    const std::uint64_t processes = campaign.processes.size();
    const std::uint64_t shapes = trained_shapes(campaign).size();
    const RatioColumnCount columns = count_columns(campaign, graph);
    const std::uint64_t nets = cost.trainings * task_file_header +
                               cost.nets * result_bytes(campaign.network, campaign.training);
    cost.net_bytes = 4 * row_size(campaign.network);
    cost.block_bytes = events * (8 * columns.averaged + 4 * (columns.kept + columns.halves)) +
                       cost.inferences * task_file_header;
    cost.ratio_bytes =
        events * (24 + 8 * processes + 8 * shapes + 4 * (columns.kept + columns.halved));
    cost.disk_bytes =
        nets + cost.nets * cost.net_bytes + cost.block_bytes + cost.ratio_bytes + small_files;
}

bool weighs_data(UnfoldStep step) {
    return step == UnfoldStep::acceptance || step == UnfoldStep::subtraction;
}

std::uint64_t result_bytes(const UnfoldTask& task) {
    const UnfoldRequest& request = task.request;
    const SampleColumns& events = weighs_data(request.step) ? request.data : request.simulation;
    const std::uint64_t weights = request.pretraining ? 0 : 4 * events.events;
    return task_file_header + weights + result_bytes(request.network, request.training);
}

/// Of unfolded.h5.
std::uint64_t unfolded_bytes(const UnfoldingSection& section, const SampleInfo& simulation) {
    std::uint64_t weights = 1 + section.iterations + section.replicas_data + section.replicas_mc;
    if (section.members > 1) weights += section.members;
    for (const auto& variation : section.variations) weights += variation.weight.empty() ? 0 : 1;
    const LevelFacts& levels = simulation.facts.levels;
    const auto truth = static_cast<double>(levels.matched.events + levels.misses.events);
    const double share = truth > 0.0 ? truth / static_cast<double>(simulation.columns.events) : 1.0;
    const double events = share * static_cast<double>(simulation.inference_events);
    const std::uint64_t row = 4 * simulation.columns.levels.names.size() + 16 + 8 * weights;
    return static_cast<std::uint64_t>(events) * row;
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
    for (const TrainTask& task : graph.trainings) {
        cost.nets += task.nets.size();
        cost.training_flop += task.flop;
    }
    for (const InferTask& task : graph.inferences) cost.inference_flop += task.flop;

    const std::uint64_t events = evaluated_events(campaign, samples);
    add_disk(campaign, graph, events, cost);
    cost.copy_bytes = copied_bytes(samples);
    cost.disk_bytes += cost.copy_bytes;
    const std::uint64_t running = std::min(workers, cost.trainings);
    cost.checkpoint_bytes = checkpoint_bytes(campaign, largest_ensemble(graph));
    cost.peak_disk_bytes = cost.disk_bytes + 3 * running * cost.checkpoint_bytes;
    const std::uint64_t task_files = cost.trainings + cost.inferences;
    cost.inodes = fixed_files + std::min(task_folders, task_files) + task_files +
                  ensemble_inodes(graph) + 3 * running;
    cost.trainer_memory_bytes = training_memory(campaign, samples, graph);
    const std::uint64_t per_event =
        16 * campaign.processes.size() + 16 + 8 * trained_shapes(campaign).size();
    cost.fit_memory_bytes = events * per_event + workers * rank_memory;
    return cost;
}

UnfoldingSpace unfolding_space(const GraphInputs& inputs,
                               const UnfoldingPlan& plan,
                               std::uint64_t workers,
                               std::span<const UnfoldTask* const> to_do) {
    const UnfoldingSection& section = *inputs.campaign.unfolding;
    const bool by_step = section.ensemble == UnfoldingEnsemble::step;
    const std::uint64_t of_chain = 1 + (section.warm_start ? 1 : 0) + (by_step ? 1 : 0);
    UnfoldingSpace space;
    std::uint64_t chains = 0, largest = 0;
    std::unordered_map<Digest, std::uint64_t> bytes_of;
    for (const UnfoldTask* task : to_do) {
        const std::uint64_t bytes = result_bytes(*task);
        bytes_of.emplace(task->digest, bytes);
        space.kept += task->kept ? 1 : 0;
        space.kept_bytes += task->kept ? bytes : 0;
        largest = std::max(largest, bytes);
        if (!weighs_data(task->request.step) && !task->request.pretraining) continue;
        space.passing += 1;  // until all chains have read it
        space.passing_bytes += bytes;
    }
    for (const UnfoldChain& chain : plan.chains) {
        std::uint64_t bytes = 0;
        for (const auto* steps : {&chain.reco, &chain.truth}) {
            for (const Digest& step : *steps) {
                const auto found = bytes_of.find(step);
                if (found != bytes_of.end()) bytes = std::max(bytes, found->second);
            }
        }
        if (bytes == 0) continue;
        chains += 1;
        space.passing += of_chain;
        space.passing_bytes += of_chain * bytes;
    }
    const std::uint64_t more = by_step ? 0 : std::min(workers, chains);
    space.passing += more;
    space.passing_bytes += more * largest;
    space.table_bytes = unfolded_bytes(section, find_sample(inputs.samples, section.simulation));
    return space;
}

}  // namespace ratiofarm
