#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/campaign/make_model.hpp"
#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/ratio_writer.hpp"

#include "farm_stage.hpp"

namespace ratiofarm {
namespace {

const SampleInfo& sample_named(const Workspace& workspace, const std::string& name) {
    const auto found = std::find_if(workspace.samples.begin(), workspace.samples.end(),
                                    [&](const SampleInfo& sample) { return sample.name == name; });
    RATIOFARM_EXPECT(found != workspace.samples.end());
    return *found;
}

bool is_up_to_date(const Workspace& workspace, const Digest& wanted) {
    if (!std::filesystem::exists(workspace.directory.ratios())) return false;
    try {
        return RatioFile(workspace.directory.ratios()).header().inputs == wanted;
    } catch (const Error&) {
        return false;  // damaged: made again
    }
}

/// Tasks with the place of their ensemble's weights filled in.
std::vector<Task> inference_tasks(const Workspace& workspace) {
    std::vector<Task> tasks;
    for (const ProcessSection& process : workspace.campaign.processes) {
        const EnsembleFile ensemble = read_ensemble(workspace.directory.ensemble(process.name));
        if (ensemble.header.digest != ensemble_digest(workspace.graph, process.name)) {
            throw DataError(
                fmt::format("'{}' belongs to other trainings; run 'ratiofarm gather' "
                            "first",
                            ensemble.path.string()));
        }
        for (const InferTask& task : workspace.graph.inferences) {
            if (task.ensemble != process.name) continue;
            InferRequest request = task.request;
            request.ensemble_file = ensemble.path.string();
            request.weights_offset = ensemble.weights_offset;
            request.row_stride = ensemble.header.row_stride();
            request.result_path = workspace.directory.result(task.digest).string();
            tasks.push_back(
                {task.digest, task.name, task.flop, frame(TrainerRequest(std::move(request)))});
        }
    }
    return tasks;
}

RatioInput ratio_input(const Workspace& workspace, const Digest& inputs) {
    const Campaign& campaign = workspace.campaign;
    const StatisticalModel model = make_model(campaign, workspace.samples);
    RatioInput input;
    input.range_size = inference_range;
    input.header.split = campaign.split;
    input.header.aggregation = campaign.ensemble.combine;
    input.header.shape_norm = campaign.inference.shape_norm;
    input.header.inputs = inputs;
    for (const ProcessModel& process : model.unbinned.front().processes) {
        input.header.processes.push_back(
            {process.name, process.yield, ensemble_digest(workspace.graph, process.name)});
    }
    for (const auto& [name, fraction] : campaign.reference.mixture) {
        input.header.reference.push_back({name, campaign.process(name).sample, fraction});
    }
    for (const std::string& name : campaign_samples(campaign)) {
        RatioSetInput set{sample_named(workspace, name), inference_split(campaign, name), {}};
        for (std::size_t i = 0; i < campaign.processes.size(); ++i) {
            if (campaign.processes[i].sample == name)
                set.yield = model.unbinned.front().processes[i].yield;
        }
        input.sets.push_back(std::move(set));
    }
    return input;
}

/// The result files of the inference tasks by (set, process, range).
RatioProvider block_provider(const Workspace& workspace, const RatioInput& input) {
    std::map<std::tuple<std::string, std::string, std::uint64_t>, Digest> tasks;
    for (const InferTask& task : workspace.graph.inferences) {
        tasks.emplace(std::tuple(task.sample, task.ensemble, task.first), task.digest);
    }
    return [&workspace, &input, tasks = std::move(tasks)](const RatioBlockKey& key) {
        const std::string& sample = input.sets[key.set].sample.name;
        const std::string& process = input.header.processes[key.process].name;
        const auto task = tasks.find({sample, process, key.range * input.range_size});
        if (task == tasks.end()) {
            throw DataError(
                fmt::format("no ratios of {} on {} range {}", process, sample, key.range));
        }
        return read_task_file<RatioBlock>(workspace.directory.result(task->second), task->second);
    };
}

void log_summary(const RatioHeader& header, const RatioSummary& summary, const Log& log) {
    for (std::size_t i = 0; i < header.processes.size(); ++i) {
        log.info("normalisation before correction", {{"process", header.processes[i].name},
                                                     {"E_ref[r]-1", summary.excess[i]},
                                                     {"error", summary.excess_error[i]}});
    }
    log.info("identity sum_k pi_k r_k - 1",
             {{"mean", summary.identity_after.mean}, {"spread", summary.identity_after.spread}});
}

}  // namespace

StageEnd infer_stage(CommandContext& context, Workspace& workspace) {
    const Digest inputs = ratios_digest(workspace.campaign, workspace.samples, workspace.graph);
    std::uint64_t stale = context.world.is_root() && !is_up_to_date(workspace, inputs) ? 1 : 0;
    mpi::all_sum(context.world, std::span(&stale, 1));
    if (stale == 0) return {StageEnd::State::up_to_date, 0.0, {}};

    std::vector<Task> tasks;
    mpi::together(context.world, [&] {
        if (context.world.is_root()) tasks = inference_tasks(workspace);
    });
    StageEnd stage = farm_stage(context, workspace, std::move(tasks), TaskFileKind::ratio_block);
    if (stage.state == StageEnd::State::stopped || stage.state == StageEnd::State::tasks_failed) {
        return stage;
    }
    const RatioInput input = ratio_input(workspace, inputs);
    const RatioSummary summary = write_ratios(context.world, workspace.directory.ratios(), input,
                                              block_provider(workspace, input));
    log_summary(input.header, summary, context.log);
    if (context.world.is_root()) {
        // ratios.h5 now holds what the blocks held.
        for (const InferTask& task : workspace.graph.inferences) {
            std::error_code ignored;
            std::filesystem::remove(workspace.directory.result(task.digest), ignored);
        }
    }
    stage.state = StageEnd::State::done;
    return stage;
}

}  // namespace ratiofarm
