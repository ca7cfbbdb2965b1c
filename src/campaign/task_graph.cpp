#include "task_graph.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "find_sample.hpp"
#include "make_model.hpp"
#include "task_digest.hpp"
#include "training_planner.hpp"

namespace ratiofarm {
namespace {

/// What an ensemble is evaluated with, whatever the events.
InferRequest request_for(const GraphInputs& inputs,
                         const PlannedEnsemble& ensemble,
                         const SampleInfo& sample) {
    const Campaign& campaign = inputs.campaign;
    InferRequest request;
    request.sample = sample.columns;
    const NetSettings settings = net_settings(campaign, ensemble.spec.role);
    request.features = feature_columns(settings.features, sample);
    request.split = inference_split(campaign, sample.name);
    if (ensemble.spec.role == EnsembleRole::classes) request.part = EventPart::all;
    request.network = settings.network;
    request.members = static_cast<std::uint32_t>(ensemble.nets.size());
    if (request.split.folds > 0) {
        for (const PlannedNet& net : ensemble.nets) request.net_fold.push_back(net.fold);
    }
    request.combine = settings.combine;
    request.precision = settings.training.precision;
    request.keep_members =
        ensemble.spec.role == EnsembleRole::replicas || ensemble.spec.halves ||
        (ensemble.spec.role == EnsembleRole::nominal && campaign.ensemble.keep_members);
    request.threads = settings.training.threads;
    return request;
}

void add_inferences(const GraphInputs& inputs,
                    const SampleInfo& sample,
                    const PlannedEnsemble& ensemble,
                    TaskGraph& graph) {
    InferTask task;
    task.ensemble = ensemble.spec.name;
    task.sample = sample.name;
    task.identity.kind =
        ensemble.spec.role == EnsembleRole::classes ? TaskKind::score : TaskKind::inference;
    task.identity.family = task.ensemble + " on " + sample.name;
    task.request = request_for(inputs, ensemble, sample);
    const Split& split = task.request.split;
    // With folds an event is evaluated only by the nets of its own fold.
    const double nets = static_cast<double>(ensemble.nets.size()) / std::max(split.folds, 1U);
    const double share = task.request.part == EventPart::all ? 1.0 : split.inference;
    const double flop = forward_flop(task.request.network) * nets * share;
    for (std::uint64_t first = 0; first < sample.columns.events; first += inference_range) {
        task.first = task.request.first = first;
        task.count = task.request.count = std::min(inference_range, sample.columns.events - first);
        task.name = task.identity.family + " rows " + std::to_string(first) + ".." +
                    std::to_string(first + task.count);
        task.request.name = task.name;
        task.flop = flop * static_cast<double>(task.count);
        task.request.task = task.digest =
            infer_digest(task.request, ensemble.digest, sample, inputs.device_class);
        graph.inferences.push_back(task);
    }
}

/// \throws DataError with the nearest name if there is none
EnsembleSpec spec_named(const GraphInputs& inputs, std::string_view name) {
    if (inputs.campaign.preselection && name == preselection_ensemble) {
        return preselection_spec(inputs.campaign, inputs.samples);
    }
    return find_ensemble(ensemble_specs(inputs.campaign), name);
}

void add_trainings(const GraphInputs& inputs,
                   const EnsembleSpec& spec,
                   TrainingPlanner& planner,
                   TaskGraph& graph) {
    PlannedEnsemble ensemble{spec, {}, {}};
    for (TrainTask& task : planner.trainings(spec, {0, spec.members})) {
        ensemble.nets.insert(ensemble.nets.end(), task.nets.begin(), task.nets.end());
        graph.trainings.push_back(std::move(task));
    }
    ensemble.digest = ensemble_digest(ensemble, inputs.campaign);
    graph.ensembles.push_back(std::move(ensemble));
}

/// What decides which shapes are significant.
void add_significance(Hasher& hasher, const Campaign& campaign) {
    if (trained_shapes(campaign).empty()) return;
    add_number(hasher, campaign.systematic_nets.null_level);
}

}  // namespace

TrainRequest TrainTask::request() const {
    TrainRequest whole = *common;
    whole.task = digest;
    whole.name = name;
    whole.nets = net_requests;
    return whole;
}

const PlannedEnsemble& TaskGraph::ensemble(std::string_view name) const {
    std::vector<std::string> names;
    for (const PlannedEnsemble& ensemble : ensembles) {
        if (ensemble.spec.name == name) return ensemble;
        names.push_back(ensemble.spec.name);
    }
    throw DataError("the campaign has no ensemble '" + std::string(name) + "'" +
                    did_you_mean(name, names));
}

Digest ensemble_digest(const TaskGraph& graph, std::string_view ensemble) {
    return graph.ensemble(ensemble).digest;
}

TrainTask replacement_task(const GraphInputs& inputs,
                           const PlannedNet& net,
                           std::uint32_t attempt) {
    const EnsembleSpec spec = spec_named(inputs, net.ensemble);
    return TrainingPlanner(inputs, spec.role).replacement(spec, net, attempt);
}

std::vector<TrainTask> further_members(const GraphInputs& inputs,
                                       std::string_view ensemble,
                                       Range members) {
    const EnsembleSpec spec = spec_named(inputs, ensemble);
    return TrainingPlanner(inputs, spec.role).trainings(spec, members);
}

Digest ratios_digest(const Campaign& campaign,
                     const std::vector<SampleInfo>& samples,
                     const TaskGraph& graph) {
    Hasher hasher;
    hasher.text("ratios").number(graph.inferences.size());
    for (const InferTask& task : graph.inferences) {
        hasher.text(task.sample).text(task.ensemble).digest(task.digest);
    }
    for (const ProcessSection& process : campaign.processes) {
        const SampleInfo& sample = find_sample(samples, process.events());
        hasher.text(process.name).text(process.events()).number(process.yield ? 1 : 0);
        // The fit takes a declared yield from the campaign, any other from the file.
        if (!process.yield) add_number(hasher, sample.sum_of_weights);
    }
    for (const TrainedShape& shape : trained_shapes(campaign)) {
        hasher.text(shape.process).text(shape.parameter).text(shape.up).text(shape.down);
    }
    add_significance(hasher, campaign);
    for (const auto& yield : trained_yields(campaign, samples)) {
        hasher.text(yield.process).text(yield.parameter);
        add_number(add_number(hasher, yield.factors.up), yield.factors.down);
    }
    for (const auto& [process, fraction] : campaign.reference.mixture) {
        add_number(hasher.text(process), fraction);
    }
    hasher.number(static_cast<std::uint64_t>(campaign.inference.shape_norm));
    hasher.text(campaign.data.fitted_sample());
    return hasher.finish();
}

void expect_trainable(const Campaign& campaign) {
    if (!campaign.has_events()) {
        throw ConfigError(
            "the campaign has no [events]: there is nothing to train; fit it with "
            "'ratiofarm fit' (--ratios FILE for an unbinned region)");
    }
    if (campaign.unbinned.empty()) {
        throw ConfigError("the campaign has no unbinned region: there is no ratio to train");
    }
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.source != SystematicSection::Source::ratio_file) continue;
            throw ConfigError(
                "systematic '" + systematic.name + "': no events show the shape of process '" +
                shape.process + "', so no net can learn it; name varied samples with shape = { " +
                shape.process +
                " = { up = \"...\", down = \"...\" } } or columns of weights with "
                "up_weight and down_weight, fit a ratio file that has it with 'ratiofarm fit "
                "--ratios FILE', or set shape = [] so that only the yields change");
        }
    }
}

TaskGraph make_task_graph(const Campaign& campaign,
                          const std::vector<SampleInfo>& samples,
                          std::string_view device_class) {
    expect_trainable(campaign);
    const GraphInputs inputs{campaign, samples, device_class};
    TrainingPlanner planner(inputs);
    TaskGraph graph;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        add_trainings(inputs, spec, planner, graph);
    }
    for (const std::string& name : campaign_samples(campaign)) {
        for (const PlannedEnsemble& ensemble : graph.ensembles) {
            add_inferences(inputs, find_sample(samples, name), ensemble, graph);
        }
    }
    return graph;
}

TaskGraph make_preselection_graph(const GraphInputs& inputs) {
    TrainingPlanner planner(inputs, EnsembleRole::classes);
    TaskGraph graph;
    add_trainings(inputs, preselection_spec(inputs.campaign, inputs.samples), planner, graph);
    for (const SampleToRead& sample : samples_to_read(inputs.campaign)) {
        add_inferences(inputs, find_sample(inputs.samples, sample.name), graph.ensembles.front(),
                       graph);
    }
    return graph;
}

}  // namespace ratiofarm
