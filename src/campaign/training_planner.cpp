#include "training_planner.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/seeds.hpp"
#include "core/suggest.hpp"

#include "find_sample.hpp"
#include "task_digest.hpp"

namespace ratiofarm {
namespace {

/// Folds to plan for: without cross-fitting one.
std::uint32_t fold_count(const Campaign& campaign) { return std::max(campaign.split.folds, 1U); }

/// A request names one list of columns for all its samples, so they must store alike.
void check_columns_agree(const GraphInputs& inputs, const std::vector<std::string>& features) {
    const SampleInfo* first = nullptr;
    for (const SampleToRead& wanted : samples_to_read(inputs.campaign)) {
        const SampleInfo& sample = find_sample(inputs.samples, wanted.name);
        for (const std::string& weights : wanted.weights) find_weights(sample, weights);
        const auto columns = feature_columns(features, sample);
        if (first == nullptr) first = &sample;
        if (columns == feature_columns(features, *first)) continue;
        throw DataError("samples '" + first->name + "' and '" + sample.name +
                        "' store the features in different columns (write both with the same "
                        "column order)");
    }
}

std::vector<ClassComponent> class_of(const std::vector<SamplePart>& parts,
                                     const std::vector<SampleInfo>& samples) {
    std::vector<ClassComponent> components;
    for (const SamplePart& part : parts) {
        const SampleInfo& sample = find_sample(samples, part.sample);
        ClassComponent component{sample.columns, part.fraction};
        if (!part.weight.empty()) {
            component.sample.weight_offset = find_weights(sample, part.weight).offset;
        }
        components.push_back(std::move(component));
    }
    return components;
}

/// Distinct samples of a training: the events of one that is in several classes are read once.
double training_events(const TrainRequest& request, const std::vector<SampleInfo>& samples) {
    std::vector<std::string> names;
    const auto add = [&](const std::vector<ClassComponent>& components) {
        for (const ClassComponent& component : components) names.push_back(component.sample.sample);
    };
    add(request.numerator);
    add(request.denominator);
    for (const auto& components : request.classes) add(components);
    std::sort(names.begin(), names.end());
    const auto same_rows = [](const std::string& a, const std::string& b) {
        return a.substr(0, a.find('@')) == b.substr(0, b.find('@'));
    };
    names.erase(std::unique(names.begin(), names.end(), same_rows), names.end());
    double events = 0.0;
    for (const std::string& name : names) {
        events += static_cast<double>(find_sample(samples, name).training_events);
    }
    return events;
}

/// Any of those that it learns from: they store their features alike.
const std::string& first_sample(const EnsembleSpec& ensemble) {
    const auto& parts =
        ensemble.classes.empty() ? ensemble.numerator : ensemble.classes.front().parts;
    return parts.front().sample;
}

/// Expected cost at all epochs: forward and backward pass (two forward passes) for training events,
/// a forward pass for validation events.
double training_flop(const TrainRequest& request,
                     const std::vector<NetRequest>& nets,
                     double train) {
    const double validation = train * request.split.validation / request.split.train;
    const double of_all = nets.front().half == 0 ? 1.0 : 0.5;
    return static_cast<double>(nets.size()) * request.training.epochs *
           forward_flop(request.network) * (3.0 * of_all * train + validation);
}

}  // namespace

std::vector<std::uint32_t> feature_columns(const std::vector<std::string>& features,
                                           const SampleInfo& sample) {
    std::vector<std::uint32_t> columns;
    for (const std::string& feature : features) {
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

const EnsembleSpec& find_ensemble(const std::vector<EnsembleSpec>& specs, std::string_view name) {
    std::vector<std::string> names;
    for (const EnsembleSpec& spec : specs) {
        if (spec.name == name) return spec;
        names.push_back(spec.name);
    }
    throw DataError("the campaign has no ensemble '" + std::string(name) + "'" +
                    did_you_mean(name, names));
}

TrainingPlanner::TrainingPlanner(const GraphInputs& inputs, EnsembleRole role) : inputs_(inputs) {
    check_columns_agree(inputs, net_settings(inputs.campaign, role).features);
}

std::uint32_t TrainingPlanner::pack(const EnsembleSpec& ensemble) const {
    const NetSettings settings = net_settings(inputs_.campaign, ensemble.role);
    if (settings.training.pack > 0) return settings.training.pack;
    return automatic_pack(settings.network, settings.training.batch, inputs_.device_class);
}

std::vector<TrainTask> TrainingPlanner::trainings(const EnsembleSpec& ensemble, Range members) {
    const Campaign& campaign = inputs_.campaign;
    // The nets of a pack read the same events, those of two halves do not.
    const std::uint32_t together = ensemble.halves ? 1 : pack(ensemble);
    std::vector<TrainTask> tasks;
    for (std::uint32_t fold = 0; fold < fold_count(campaign); ++fold) {
        const Common common = common_of(ensemble, fold);
        for (std::uint64_t first = members.first; first < members.last; first += together) {
            const Range nets{first, std::min(first + together, members.last)};
            TrainTask task = task_for(ensemble, common);
            task.name = pack_name(ensemble, campaign.split.folds, fold, nets);
            for (std::uint64_t member = nets.first; member < nets.last; ++member) {
                const auto number = static_cast<std::uint32_t>(member);
                add_net(ensemble, number, net_name(ensemble, campaign.split.folds, fold, number),
                        task);
            }
            task.identity.nets = static_cast<std::uint32_t>(nets.size());
            task.identity.first = static_cast<std::uint32_t>(nets.first);
            finish(common, task);
            tasks.push_back(std::move(task));
        }
    }
    return tasks;
}

TrainTask TrainingPlanner::replacement(const EnsembleSpec& ensemble,
                                       const PlannedNet& net,
                                       std::uint32_t attempt) {
    const Common common = common_of(ensemble, net.fold);
    TrainTask task = task_for(ensemble, common);
    task.name = net.name + "/replacement " + std::to_string(attempt);
    task.identity.nets = 1;
    task.identity.first = net.member;
    task.identity.replacement = attempt;
    add_net(ensemble, net.member, task.name, task);
    finish(common, task);
    return task;
}

TrainingPlanner::Common TrainingPlanner::common_of(const EnsembleSpec& ensemble,
                                                   std::uint32_t fold) const {
    const Campaign& campaign = inputs_.campaign;
    TrainRequest request;
    request.numerator = class_of(ensemble.numerator, inputs_.samples);
    request.denominator = class_of(ensemble.denominator, inputs_.samples);
    for (const ClassParts& one : ensemble.classes) {
        request.classes.push_back(class_of(one.parts, inputs_.samples));
    }
    const NetSettings settings = net_settings(campaign, ensemble.role);
    request.features =
        feature_columns(settings.features, find_sample(inputs_.samples, first_sample(ensemble)));
    request.split = campaign.split;
    request.fold = fold;
    request.network = settings.network;
    request.training = settings.training;
    request.held_out = ensemble.role == EnsembleRole::up || ensemble.role == EnsembleRole::down;
    if (ensemble.halves) {
        // As many steps of the same rate on half of the events.
        request.training.batch = (request.training.batch + 1) / 2;
    }
    Common common;
    common.digest_prefix = train_digest_prefix(request, ensemble, inputs_);
    common.events = training_events(request, inputs_.samples);
    common.request = std::make_shared<const TrainRequest>(std::move(request));
    return common;
}

TrainTask TrainingPlanner::task_for(const EnsembleSpec& ensemble, const Common& common) const {
    TrainTask task;
    task.ensemble = ensemble.name;
    task.identity.kind =
        ensemble.role == EnsembleRole::classes ? TaskKind::preselection : TaskKind::training;
    task.identity.family = ensemble.name;
    task.identity.fold = common.request->fold;
    task.identity.folds = inputs_.campaign.split.folds;
    task.common = common.request;
    return task;
}

void TrainingPlanner::add_net(const EnsembleSpec& ensemble,
                              std::uint32_t member,
                              const std::string& name,
                              TrainTask& task) {
    const std::uint64_t seed = inputs_.campaign.seed;
    NetRequest net{.name = name,
                   .initialisation_seed = seed_for(seed, name, Stream::initialisation),
                   .shuffle_seed = seed_for(seed, name, Stream::shuffle),
                   .rate_factor = ensemble.rate_factor,
                   .warm_start = {}};
    if (ensemble.role == EnsembleRole::replicas) {
        net.replica = replica_seed(seed, member);
    }
    net.half = half_of_net(ensemble, member);
    if (!ensemble.warm_start.empty()) {
        const std::vector<PlannedNet>& all = nets_to_begin_as(ensemble.warm_start);
        const std::size_t of_fold = all.size() / fold_count(inputs_.campaign);
        const PlannedNet& first = all[task.common->fold * of_fold + member % of_fold];
        RATIOFARM_EXPECT(first.fold == task.common->fold);
        net.warm_start.task = first.task;
        net.warm_start.net = first.net;
        if (std::ranges::find(task.after, first.task) == task.after.end()) {
            task.after.push_back(first.task);
        }
    }
    task.nets.push_back({.name = net.name,
                         .ensemble = ensemble.name,
                         .fold = task.common->fold,
                         .member = member,
                         .task = {},
                         .net = static_cast<std::uint32_t>(task.nets.size())});
    task.net_requests.push_back(std::move(net));
}

void TrainingPlanner::finish(const Common& common, TrainTask& task) const {
    task.digest = train_digest(common.digest_prefix, *common.request, task.net_requests,
                               inputs_.device_class);
    for (PlannedNet& net : task.nets) net.task = task.digest;
    task.flop = training_flop(*common.request, task.net_requests, common.events);
}

const std::vector<PlannedNet>& TrainingPlanner::nets_to_begin_as(const std::string& ensemble) {
    const auto known = first_nets_.find(ensemble);
    if (known != first_nets_.end()) return known->second;
    const auto specs = ensemble_specs(inputs_.campaign);
    const EnsembleSpec& spec = find_ensemble(specs, ensemble);
    std::vector<PlannedNet> nets;
    for (const TrainTask& task : trainings(spec, {0, spec.members})) {
        nets.insert(nets.end(), task.nets.begin(), task.nets.end());
    }
    return first_nets_.emplace(ensemble, std::move(nets)).first->second;
}

namespace {

/// Samples of the processes of a class with their shares of its yield.
std::vector<SamplePart> parts_of(const PreselectionSection::Class& section,
                                 const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples) {
    std::vector<SamplePart> parts;
    double total = 0.0;
    for (const std::string& name : section.processes) {
        const ProcessSection& process = campaign.process(name);
        const double yield =
            process.yield.value_or(find_sample(samples, process.events()).sum_of_weights);
        total += yield;
        const auto known = std::ranges::find(parts, process.events(), &SamplePart::sample);
        if (known != parts.end()) {
            known->fraction += yield;
        } else {
            parts.push_back({process.events(), "", yield});
        }
    }
    for (SamplePart& part : parts) part.fraction /= total;
    std::ranges::stable_sort(parts, {}, &SamplePart::sample);
    return parts;
}

}  // namespace

EnsembleSpec preselection_spec(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    RATIOFARM_EXPECT(campaign.preselection.has_value());
    EnsembleSpec spec;
    spec.name = preselection_ensemble;
    spec.role = EnsembleRole::classes;
    spec.members = campaign.preselection->members;
    for (const auto& section : campaign.preselection->classes) {
        RATIOFARM_EXPECT(!section.processes.empty());
        spec.classes.push_back({section.name, parts_of(section, campaign, samples)});
    }
    return spec;
}

NetSettings net_settings(const Campaign& campaign, EnsembleRole role) {
    if (role != EnsembleRole::classes) {
        return {campaign.events.features, campaign.network, campaign.training,
                campaign.ensemble.combine};
    }
    RATIOFARM_EXPECT(campaign.preselection.has_value());
    const PreselectionSection& section = *campaign.preselection;
    NetSettings settings{section.features.empty() ? campaign.events.features : section.features,
                         section.network, section.training, Combine::mean_log_ratio};
    settings.network.inputs = static_cast<std::uint32_t>(settings.features.size());
    settings.network.outputs = static_cast<std::uint32_t>(section.classes.size());
    // What [training] says of ratios and there is not for several outputs.
    settings.training.calibration = CalibrationMethod::none;
    if (settings.training.engine == Engine::written) settings.training.engine = Engine::automatic;
    return settings;
}

}  // namespace ratiofarm
