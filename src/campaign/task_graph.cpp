#include "ratiofarm/campaign/task_graph.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/seeds.hpp"
#include "ratiofarm/core/suggest.hpp"

#include "find_sample.hpp"
#include "task_digest.hpp"

namespace ratiofarm {
namespace {

/// Features as columns of a sample's matrix.
std::vector<std::uint32_t> feature_columns(const Campaign& campaign, const SampleInfo& sample) {
    std::vector<std::uint32_t> columns;
    for (const std::string& feature : campaign.events.features) {
        const auto& names = sample.column_names;
        const auto found = std::find(names.begin(), names.end(), feature);
        if (found == names.end()) {
            throw DataError("sample '" + sample.name + "' has no column '" + feature + "'" +
                            did_you_mean(feature, names));
        }
        columns.push_back(static_cast<std::uint32_t>(found - names.begin()));
    }
    return columns;
}

/// A request names one list of columns for all its samples, so they must store alike.
void check_columns_agree(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    const std::vector<std::string> names = campaign_samples(campaign);
    const SampleInfo& first = find_sample(samples, names.front());
    for (const std::string& name : names) {
        const SampleInfo& sample = find_sample(samples, name);
        if (feature_columns(campaign, sample) == feature_columns(campaign, first)) continue;
        throw DataError("samples '" + first.name + "' and '" + name +
                        "' store the features in different columns (write both with the same "
                        "column order)");
    }
}

const std::string& sample_of(const Campaign& campaign, const std::string& process) {
    const auto found = std::find_if(campaign.processes.begin(), campaign.processes.end(),
                                    [&](const auto& section) { return section.name == process; });
    RATIOFARM_EXPECT(found != campaign.processes.end());
    return found->sample;
}

/// Components of p_ref ordered by sample, so that the order in the file does not matter.
std::vector<ClassComponent> reference_class(const Campaign& campaign,
                                            const std::vector<SampleInfo>& samples) {
    std::vector<ClassComponent> components;
    for (const auto& [process, fraction] : campaign.reference.mixture) {
        components.push_back(
            {find_sample(samples, sample_of(campaign, process)).columns, fraction});
    }
    std::stable_sort(components.begin(), components.end(), [](const auto& a, const auto& b) {
        return a.sample.sample < b.sample.sample;
    });
    return components;
}

double events_used(const std::vector<ClassComponent>& components,
                   const std::vector<SampleInfo>& samples) {
    double events = 0.0;
    for (const ClassComponent& component : components) {
        events +=
            static_cast<double>(find_sample(samples, component.sample.sample).training_events);
    }
    return events;
}

/// Expected cost at all epochs: forward and backward pass (two forward passes) for training events,
/// a forward pass for validation events.
double training_flop(const TrainRequest& request, const std::vector<SampleInfo>& samples) {
    const double train =
        events_used(request.numerator, samples) + events_used(request.denominator, samples);
    const double validation = train * request.split.validation / request.split.train;
    return request.training.epochs * forward_flop(request.network) * (3.0 * train + validation);
}

TrainTask make_training(const Campaign& campaign,
                        const std::vector<SampleInfo>& samples,
                        const ProcessSection& process,
                        std::uint32_t member,
                        std::string_view device_class) {
    const SampleInfo& sample = find_sample(samples, process.sample);
    TrainTask task;
    task.name = process.name + "/member " + std::to_string(member);
    task.ensemble = process.name;
    task.member = member;
    TrainRequest& request = task.request;
    request.name = task.name;
    request.numerator = {{sample.columns, 1.0}};
    request.denominator = reference_class(campaign, samples);
    request.features = feature_columns(campaign, sample);
    request.split = campaign.split;
    request.network = campaign.network;
    request.training = campaign.training;
    request.nets.push_back(
        {.name = task.name,
         .initialisation_seed = seed_for(campaign.seed, task.name, Stream::initialisation),
         .shuffle_seed = seed_for(campaign.seed, task.name, Stream::shuffle),
         .warm_start = {}});
    request.task = task.digest = train_digest(request, samples, device_class);
    task.flop = training_flop(request, samples);
    return task;
}

InferTask make_inference(const Campaign& campaign,
                         const SampleInfo& sample,
                         const std::string& ensemble,
                         std::uint64_t first) {
    InferTask task;
    task.ensemble = ensemble;
    task.sample = sample.name;
    task.first = first;
    task.count = std::min(inference_range, sample.columns.events - first);
    task.name = ensemble + " on " + sample.name + " rows " + std::to_string(first) + ".." +
                std::to_string(first + task.count);
    InferRequest& request = task.request;
    request.name = task.name;
    request.sample = sample.columns;
    request.first = task.first;
    request.count = task.count;
    request.features = feature_columns(campaign, sample);
    request.split = inference_split(campaign, sample.name);
    request.network = campaign.network;
    request.members = campaign.ensemble.members;
    request.combine = campaign.ensemble.combine;
    request.threads = campaign.training.threads;
    task.flop = forward_flop(request.network) * request.members * request.split.inference *
                static_cast<double>(task.count);
    return task;
}

void add_inferences(const Campaign& campaign,
                    const SampleInfo& sample,
                    std::string_view device_class,
                    TaskGraph& graph) {
    for (const ProcessSection& process : campaign.processes) {
        const Digest ensemble = ensemble_digest(graph, process.name);
        for (std::uint64_t first = 0; first < sample.columns.events; first += inference_range) {
            InferTask task = make_inference(campaign, sample, process.name, first);
            task.request.task = task.digest =
                infer_digest(task.request, ensemble, sample, device_class);
            graph.inferences.push_back(std::move(task));
        }
    }
}

}  // namespace

std::vector<std::string> campaign_samples(const Campaign& campaign) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const ProcessSection& process : campaign.processes) add(process.sample);
    if (!campaign.data.sample.empty()) add(campaign.data.sample);
    return names;
}

Split inference_split(const Campaign& campaign, std::string_view sample) {
    const bool is_data = !sample.empty() && sample == campaign.data.sample;
    return is_data ? Split{.train = 0.0, .validation = 0.0, .inference = 1.0} : campaign.split;
}

Digest ensemble_digest(const TaskGraph& graph, std::string_view ensemble) {
    Hasher hasher;
    hasher.text("ensemble");
    for (const TrainTask& task : graph.trainings) {
        if (task.ensemble == ensemble) hasher.digest(task.digest);
    }
    return hasher.finish();
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
        const SampleInfo& sample = find_sample(samples, process.sample);
        hasher.text(process.name).text(process.sample);
        add_number(hasher, process.yield.value_or(sample.sum_of_weights));
    }
    for (const auto& [process, fraction] : campaign.reference.mixture) {
        add_number(hasher.text(process), fraction);
    }
    hasher.number(static_cast<std::uint64_t>(campaign.inference.shape_norm));
    hasher.text(campaign.data.sample);
    return hasher.finish();
}

void expect_trainable(const Campaign& campaign) {
    if (!campaign.has_events()) {
        throw ConfigError(
            "the campaign has no [events]: there is nothing to train; fit a ratio file with "
            "'ratiofarm fit --ratios FILE'");
    }
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes || systematic.shapes->empty()) continue;
        throw ConfigError(
            "systematic '" + systematic.name + "': the shape of process '" +
            systematic.shapes->front().process +
            "' would have to be trained, which this version does not do; fit a ratio file that "
            "has its columns log_g_up and log_g_down with 'ratiofarm fit --ratios FILE', or set "
            "shape = [] so that only the yields change");
    }
}

TaskGraph make_task_graph(const Campaign& campaign,
                          const std::vector<SampleInfo>& samples,
                          std::string_view device_class) {
    expect_trainable(campaign);
    check_columns_agree(campaign, samples);
    TaskGraph graph;
    for (const ProcessSection& process : campaign.processes) {
        for (std::uint32_t member = 0; member < campaign.ensemble.members; ++member) {
            graph.trainings.push_back(
                make_training(campaign, samples, process, member, device_class));
        }
    }
    for (const std::string& name : campaign_samples(campaign)) {
        add_inferences(campaign, find_sample(samples, name), device_class, graph);
    }
    return graph;
}

}  // namespace ratiofarm
