#include "ratio_assembly.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/ensemble_spec.hpp"
#include "campaign/made_from.hpp"
#include "campaign/make_model.hpp"
#include "core/signal_flags.hpp"

namespace ratiofarm {
namespace {

const SampleInfo& sample_in(const std::vector<SampleInfo>& samples, const std::string& name) {
    const auto found = std::find_if(samples.begin(), samples.end(),
                                    [&](const SampleInfo& sample) { return sample.name == name; });
    RATIOFARM_EXPECT(found != samples.end());
    return *found;
}

/// Name of the ensemble that holds the bootstrap replicas of a process.
std::string replicas_of(const TaskGraph& graph, const std::string& process) {
    const auto found =
        std::find_if(graph.ensembles.begin(), graph.ensembles.end(), [&](const auto& ensemble) {
            return ensemble.spec.role == EnsembleRole::replicas && ensemble.spec.process == process;
        });
    RATIOFARM_EXPECT(found != graph.ensembles.end());
    return found->spec.name;
}

/// Nets for one event of an ensemble: those of its fold.
std::uint32_t nets_per_event(const EnsembleFile& file) {
    const std::uint32_t folds = std::max(file.header.folds, 1U);
    return static_cast<std::uint32_t>(file.header.nets()) / folds;
}

void add_processes(const PlannedCampaign& planned, EnsembleFiles& files, RatioHeader& header) {
    const Campaign& campaign = planned.campaign;
    const StatisticalModel model = make_model(campaign, planned.samples);
    for (const ProcessModel& process : model.unbinned.front().processes) {
        header.processes.push_back(
            {process.name, process.yield, ensemble_digest(planned.graph, file_word(process.name))});
        if (campaign.ensemble.replicas > 0) {
            header.replicas.push_back(
                nets_per_event(files.find(replicas_of(planned.graph, process.name))));
        }
        if (campaign.ensemble.keep_members) {
            header.members.push_back(nets_per_event(files.find(file_word(process.name))));
        }
    }
}

RatioHeader ratio_header(const PlannedCampaign& planned,
                         const RunDirectory& directory,
                         const Digest& inputs) {
    const Campaign& campaign = planned.campaign;
    EnsembleFiles files(planned.graph, directory);
    RatioHeader header;
    add_processes(planned, files, header);
    for (const auto& [name, fraction] : campaign.reference.mixture) {
        header.reference.push_back({name, campaign.process(name).events(), fraction});
    }
    for (const TrainedShape& shape : trained_shapes(campaign)) {
        header.shapes.push_back({shape.process, shape.parameter});
    }
    if (!header.shapes.empty() && campaign.systematic_nets.halves) {
        header.shape_nets = 2 * campaign.systematic_nets.members;
    }
    for (const auto& yield : trained_yields(campaign, planned.samples)) {
        header.yields.push_back({yield.process, yield.parameter, yield.factors});
    }
    header.split = campaign.split;
    header.aggregation = campaign.ensemble.combine;
    header.shape_norm = campaign.inference.shape_norm;
    header.inputs = inputs;
    header.made_from = text_of(ratios_made_from(campaign));
    return header;
}

/// The ensemble of a column.
std::string ensemble_of(const RatioBlockKey& key,
                        const TaskGraph& graph,
                        const RatioHeader& header,
                        const std::vector<TrainedShape>& shapes) {
    switch (key.kind) {
        case RatioKind::process: return file_word(header.processes[key.column].name);
        case RatioKind::replicas: return replicas_of(graph, header.processes[key.column].name);
        case RatioKind::up: return shapes[key.column].up;
        case RatioKind::down: return shapes[key.column].down;
    }
    return {};
}

}  // namespace

const EnsembleFile& EnsembleFiles::find(const std::string& name) {
    const auto known = files_.find(name);
    if (known != files_.end()) return known->second;
    EnsembleFile file = read_ensemble(directory_.ensemble(name));
    if (file.header.digest != ensemble_digest(graph_, name)) {
        throw DataError(fmt::format("'{}' belongs to other trainings; run 'ratiofarm gather' first",
                                    file.path.string()));
    }
    return files_.emplace(name, std::move(file)).first->second;
}

RatioInput ratio_input(const PlannedCampaign& planned,
                       const RunDirectory& directory,
                       const Digest& inputs,
                       std::vector<ShapeSignificance> significances) {
    const Campaign& campaign = planned.campaign;
    RatioInput input;
    input.range_size = inference_range;
    input.header = ratio_header(planned, directory, inputs);
    input.header.significances = std::move(significances);
    input.shape_spread = !input.header.shapes.empty() && campaign.systematic_nets.members > 1;
    for (const std::string& name : campaign_samples(campaign)) {
        RatioSetInput set{sample_in(planned.samples, name), inference_split(campaign, name), {}};
        for (std::size_t i = 0; i < campaign.processes.size(); ++i) {
            if (campaign.processes[i].events() == name) set.yield = input.header.processes[i].yield;
        }
        input.sets.push_back(std::move(set));
    }
    return input;
}

/// The result files of the inference tasks by (sample, ensemble, first row).
RatioProvider block_provider(const PlannedCampaign& planned,
                             const RunDirectory& directory,
                             const RatioInput& input) {
    std::map<std::tuple<std::string, std::string, std::uint64_t>, const InferTask*> tasks;
    for (const InferTask& task : planned.graph.inferences) {
        tasks.emplace(std::tuple(task.sample, task.ensemble, task.first), &task);
    }
    const auto files = std::make_shared<EnsembleFiles>(planned.graph, directory);
    return [&planned, &directory, &input, files, tasks = std::move(tasks),
            shapes = trained_shapes(planned.campaign)](const RatioBlockKey& key) {
        expect_no_stop();
        const std::string& sample = input.sets[key.set].sample.name;
        const std::string ensemble = ensemble_of(key, planned.graph, input.header, shapes);
        const auto task = tasks.find({sample, ensemble, key.range * input.range_size});
        if (task == tasks.end()) {
            throw DataError(
                fmt::format("no ratios of {} on {} range {}", ensemble, sample, key.range));
        }
        const Digest digest = task->second->digest;
        auto block = take_result<RatioBlock>(directory.result(digest), digest);
        if (!task->second->request.keep_members) return block;
        block.members = by_member(std::move(block.members), files->find(ensemble).fold);
        return block;
    };
}

std::vector<float> by_member(std::vector<float> members, std::span<const std::uint32_t> fold) {
    if (fold.empty()) return members;
    const std::uint64_t events = members.size() / fold.size();
    std::map<std::uint32_t, std::uint64_t> next;  // number of the next net of a fold
    std::vector<std::uint64_t> line;
    for (const std::uint32_t f : fold) line.push_back(next[f]++);
    const std::uint64_t lines = *std::max_element(line.begin(), line.end()) + 1;
    std::vector<float> sums(lines * events, 0.0F);
    std::vector<float> nets(lines * events, 0.0F);
    for (std::size_t net = 0; net < fold.size(); ++net) {
        for (std::uint64_t event = 0; event < events; ++event) {
            const float value = members[net * events + event];
            if (std::isnan(value)) continue;
            sums[line[net] * events + event] += value;
            nets[line[net] * events + event] += 1.0F;
        }
    }
    for (std::size_t index = 0; index < sums.size(); ++index) sums[index] /= nets[index];
    return sums;
}

}  // namespace ratiofarm
