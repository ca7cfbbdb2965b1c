#include "unfolding.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"

#include "core/seeds.hpp"
#include "protocol/particle_row.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/events/weighed_events.hpp"

#include "ensemble_passes.hpp"
#include "training.hpp"
#include "training_setup.hpp"
#include "training_state_store.hpp"
#include "unfolding_events.hpp"

namespace ratiofarm::trainer {
namespace {

using GoOn = std::function<bool()>;

class Unfolding {
public:
    Unfolding(const UnfoldRequest& request, const TaskSurroundings& around);

    TrainerOutcome run();

private:
    /// A sample in this step, and which of its events the net is evaluated on.
    struct Part {
        MappedSample sample;
        Split split;
        std::vector<double> numerator;
        std::vector<double> denominator;
        Flags wanted;
        Flags listed = {};  ///< as of WeighedSample
    };

    Part& add_part(const SampleColumns& columns, const Split& split, const Flags& wanted);
    std::vector<double> counted(Part& part, std::uint64_t replica) const;
    std::vector<double> class_of(const LeveledEvents& events) const;
    void weigh_pretraining();
    void weigh_subtraction();
    void weigh_simulation();
    void weigh();
    std::size_t first_attempt() const;
    std::string fault_of(const TrainedNet& net, const Normalisation* made) const;
    std::optional<std::vector<float>> logits_of(std::span<const float> row,
                                                const MappedSample& sample,
                                                const Flags& wanted,
                                                const GoOn& go_on) const;
    std::optional<Ratios> ratios(const TrainedNet& net, const GoOn& go_on) const;
    std::vector<float> result_of(const Ratios& ratios) const;

    const UnfoldRequest& request_;
    const TaskSurroundings& around_;
    Flags pass_reco_;
    Flags pass_truth_;
    std::vector<double> weight_;    ///< of the simulation, counted
    std::vector<double> before_;    ///< [n] nu, or pulled weights
    std::vector<ChainStep> steps_;  ///< of the chain before this one
    std::vector<Part> parts_;       ///< the simulation first
    ClassSums sums_;

    LeveledEvents events() const { return {weight_, pass_reco_, pass_truth_}; }
};

Unfolding::Unfolding(const UnfoldRequest& request, const TaskSurroundings& around)
    : request_(request), around_(around) {
    request.step == UnfoldStep::subtraction ? weigh_subtraction() : weigh_simulation();
    for (const Part& part : parts_) {
        sums_.numerator += sum_of(part.numerator);
        sums_.denominator += sum_of(part.denominator);
    }
}

Unfolding::Part& Unfolding::add_part(const SampleColumns& columns,
                                     const Split& split,
                                     const Flags& wanted) {
    MappedSample sample(columns, request_.features, request_.network);
    parts_.push_back({std::move(sample), split, {}, {}, wanted});
    return parts_.back();
}

/// Weights of all events of a part times the counts of a replica.
std::vector<double> Unfolding::counted(Part& part, std::uint64_t replica) const {
    if (replica != 0) part.listed = listed(weights_of(part.sample, 0));
    return weights_of(part.sample, replica);
}

/// The data without background against the data.
void Unfolding::weigh_subtraction() {
    const Split split = without_inference(request_.split);
    Part& data = add_part(request_.data, split, Flags(request_.data.events, 1));
    data.numerator = data.denominator = counted(data, request_.data_replica);
    for (const SampleColumns& columns : request_.background) {
        Part& part = add_part(columns, split, Flags(columns.events, 0));
        part.numerator = counted(part, request_.mc_replica);
        for (double& weight : part.numerator) weight = -weight;
    }
}

void Unfolding::weigh_simulation() {
    const SampleColumns& simulation = request_.simulation;
    pass_reco_ = flags_of(simulation, simulation.levels.pass_reco_offset);
    pass_truth_ = flags_of(simulation, simulation.levels.pass_truth_offset);
    const bool at_truth = request_.step == UnfoldStep::truth;
    add_part(at_truth ? truth_of(simulation) : simulation, request_.split,
             at_truth ? pass_truth_ : pass_reco_);
    weight_ = weights_of(parts_[0].sample, request_.mc_replica);
    MeanWeights before = mean_weights(request_.before, weight_.size());
    before_ = std::move(before.values);
    steps_ = std::move(before.steps);
    weigh();
    if (request_.mc_replica == 0) return;
    const std::vector<double> weights = weights_of(parts_[0].sample, 0);
    const LeveledEvents all{weights, pass_reco_, pass_truth_};
    parts_[0].listed =
        listed(request_.step == UnfoldStep::acceptance ? weigh_acceptance(all).denominator
                                                       : class_of(all));
}

/// What a simulation is in this step as long as no event has a weight nu.
std::vector<double> Unfolding::class_of(const LeveledEvents& events) const {
    const std::vector<double> ones(events.weight.size(), 1.0);
    return request_.step == UnfoldStep::truth
               ? weigh_truth(events, ones, request_.misses).denominator
               : weigh_reco(events, ones, request_.fakes);
}

/// Another simulation against this one.
void Unfolding::weigh_pretraining() {
    parts_[0].denominator = class_of(events());
    const bool at_truth = request_.step == UnfoldStep::truth;
    const SampleColumns& other = request_.data;
    const Flags pass_reco = flags_of(other, other.levels.pass_reco_offset);
    const Flags pass_truth = flags_of(other, other.levels.pass_truth_offset);
    Part& part = add_part(at_truth ? truth_of(other) : other, request_.split, {});
    const std::vector<double> weights = weights_of(part.sample, 0);
    part.numerator = class_of({weights, pass_reco, pass_truth});
}

/// The classes of the step.
void Unfolding::weigh() {
    if (request_.pretraining) {
        weigh_pretraining();
        return;
    }
    const auto set = [](Part& part, ClassWeights classes) {
        part.numerator = std::move(classes.numerator);
        part.denominator = std::move(classes.denominator);
    };
    if (request_.step == UnfoldStep::truth) {
        set(parts_[0], weigh_truth(events(), before_, request_.misses));
        return;
    }
    const Flags all(request_.data.events, 1);
    const Split of_data = without_inference(request_.split);
    if (request_.step == UnfoldStep::acceptance) {
        set(parts_[0], weigh_acceptance(events()));
        add_part(request_.data, of_data, all);
        for (const SampleColumns& columns : request_.background) {
            add_part(columns, request_.split, Flags(columns.events, 1));
        }
        return;
    }
    parts_[0].denominator = weigh_reco(events(), before_, request_.fakes);
    std::size_t measured = request_.data.events;
    for (const SampleColumns& columns : request_.background) measured += columns.events;
    const std::vector<double> accepted = mean_weights(request_.acceptance, measured).values;
    std::span<const double> left(accepted);  // of the data, then of each background
    const auto weigh_by = [](std::vector<double>& weights, std::span<const double> share) {
        for (std::size_t i = 0; i < share.size(); ++i) weights[i] *= share[i];
    };
    const auto of_measured = left.first(request_.data.events);
    left = left.subspan(request_.data.events);
    for (const SampleColumns& columns : request_.background) {
        Part& part = add_part(columns, request_.split, Flags(columns.events, 1));
        part.denominator = counted(part, request_.mc_replica);
        weigh_by(part.denominator, left.first(columns.events));
        left = left.subspan(columns.events);
    }
    Part& data = add_part(request_.data, of_data, Flags(request_.data.events, 0));
    data.numerator = counted(data, request_.data_replica);
    weigh_by(data.numerator, of_measured);
    weigh_by(data.numerator, mean_weights(request_.subtraction, request_.data.events).values);
}

/// That whose checkpoint is there: those before it were not good enough.
std::size_t Unfolding::first_attempt() const {
    for (std::size_t attempt = request_.attempts.size(); attempt-- > 1;) {
        const TrainRequest training = training_of(request_, attempt);
        for (const std::string& path : {training.state_path, training.state_path + ".old"}) {
            if (task_file_is_complete(path, TaskFileKind::training_state, training.task)) {
                return attempt;
            }
        }
    }
    return 0;
}

/// Why a net is not good enough; empty if it is. \param made  if it was evaluated
std::string Unfolding::fault_of(const TrainedNet& net, const Normalisation* made) const {
    if (!net.failure.empty()) return net.failure;
    const NetQuality& quality = net.quality;
    const UnfoldLimits& limits = request_.limits;
    const double allowed = limits.closure + 5.0 * quality.excess_error;
    if (limits.closure > 0.0 && !(std::abs(quality.excess) <= allowed)) {
        return "closure: the mean of its ratio is 1 " +
               std::string(quality.excess < 0 ? "-" : "+") + " " +
               std::to_string(std::abs(quality.excess)) + " on validation events (at most " +
               std::to_string(allowed) + ")";
    }
    if (made != nullptr && limits.clipped > 0.0 && made->clipped_share > limits.clipped) {
        return "clipped: " + std::to_string(made->clipped_share) + " of the weight has |logit| > " +
               std::to_string(largest_logit) + " (at most " + std::to_string(limits.clipped) + ")";
    }
    return {};
}

std::optional<std::vector<float>> Unfolding::logits_of(std::span<const float> row,
                                                       const MappedSample& sample,
                                                       const Flags& wanted,
                                                       const GoOn& go_on) const {
    EnsemblePasses passes(request_.network, request_.training.precision, around_.device);
    passes.set_nets(std::span(&row, 1));
    std::vector<float> logits(sample.events(), 0.0F);
    std::vector<std::uint64_t> rows;
    for (std::uint64_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == 1) rows.push_back(i);
    }
    const std::size_t inputs = event_size(request_.network);
    const auto block = static_cast<std::size_t>(passes.shape().block());
    const auto size = static_cast<std::size_t>(passes.shape().events);
    std::vector<float> features;
    for (std::size_t first = 0; first < rows.size(); first += block) {
        const auto some = std::span(rows).subspan(first, std::min(block, rows.size() - first));
        features.resize(some.size() * inputs);
        for (std::size_t i = 0; i < some.size(); ++i) {
            sample.fill(some[i], std::span(features).subspan(i * inputs, inputs));
        }
        passes.set_events(features);
        for (std::size_t begin = 0; begin < some.size(); begin += size) {
            const auto values = passes.logits(static_cast<std::int64_t>(begin / size));
            const std::size_t end = std::min(size, some.size() - begin);
            for (std::size_t i = 0; i < end; ++i) logits[some[begin + i]] = values[i];
            if (!go_on()) return std::nullopt;
        }
    }
    return logits;
}

/// Of all parts, one after the other.
std::optional<Ratios> Unfolding::ratios(const TrainedNet& net, const GoOn& go_on) const {
    std::vector<float> logits;
    Flags wanted;
    std::vector<double> denominator;
    for (const Part& part : parts_) {
        auto values = logits_of(net.row, part.sample, part.wanted, go_on);
        if (!values) return std::nullopt;
        for (float& value : *values) value = calibrated(net.calibration, value);
        logits.insert(logits.end(), values->begin(), values->end());
        wanted.insert(wanted.end(), part.wanted.begin(), part.wanted.end());
        denominator.insert(denominator.end(), part.denominator.begin(), part.denominator.end());
        denominator.resize(logits.size(), 0.0);
    }
    return normalise(logits, wanted, denominator, sums_.prior());
}

std::vector<float> Unfolding::result_of(const Ratios& ratios) const {
    const std::span values(ratios.values);
    const auto simulated = values.first(weight_.size());
    switch (request_.step) {
        case UnfoldStep::subtraction:
        case UnfoldStep::acceptance: {  // of the data; the acceptance of the background as well
            const bool of_all = request_.step == UnfoldStep::acceptance;
            const auto measured = values.subspan(
                simulated.size(), of_all ? std::dynamic_extent : request_.data.events);
            std::vector<double> share(measured.begin(), measured.end());
            for (double& value : share) value = std::min(value, 1.0);
            return logarithms(share);
        }
        case UnfoldStep::reco:
            return logarithms(pull(events(), before_, simulated, request_.misses));
        case UnfoldStep::truth: return logarithms(simulated);
    }
    return {};
}

TrainerOutcome Unfolding::run() {
    std::string fault;
    for (std::size_t attempt = first_attempt(); attempt < request_.attempts.size(); ++attempt) {
        const TrainRequest training = training_of(request_, attempt);
        require_sensible(training);
        std::vector<WeighedSample> samples;
        for (const Part& part : parts_) {
            samples.push_back(
                {part.sample, part.split, part.numerator, part.denominator, part.listed});
        }
        fault.clear();
        const auto make_result = [&](std::vector<TrainedNet>& nets,
                                     const GoOn& go_on) -> std::optional<std::vector<std::byte>> {
            UnfoldResult result{.net = std::move(nets.front()),
                                .attempt = static_cast<std::uint32_t>(attempt),
                                .sums = sums_,
                                .made = {},
                                .ln_weight = {},
                                .steps = steps_};
            fault = fault_of(result.net, nullptr);
            if (!fault.empty()) return std::nullopt;
            if (request_.pretraining) return encode_task_file(request_.task, result);
            const auto of_all = ratios(result.net, go_on);
            if (!of_all) return std::nullopt;
            result.made = of_all->made;
            fault = fault_of(result.net, &result.made);
            if (!fault.empty()) return std::nullopt;
            result.ln_weight = result_of(*of_all);
            const Normalisation& made = result.made;
            result.steps.push_back(
                {result.attempt, made.clipped_share,
                 made.effective_before > 0.0 ? made.effective / made.effective_before : 1.0});
            return encode_task_file(request_.task, result);
        };
        const TrainerOutcome outcome =
            train_on(weighed_events(samples, training), training, make_result, around_);
        if (fault.empty()) return outcome;
        TrainingStateStore(training.state_path, training.task, around_.log).remove();
        around_.log.warning("net of an unfolding is trained again with other seeds",
                            {{"task", request_.name},
                             {"attempt", static_cast<std::uint64_t>(attempt)},
                             {"why", fault}});
    }
    throw DataError("none of " + std::to_string(request_.attempts.size()) +
                    " nets is good enough; the last one: " + fault +
                    " (look at [gates], [training] and the events)");
}

}  // namespace

TrainRequest training_of(const UnfoldRequest& request, std::size_t attempt) {
    TrainRequest training;
    training.task = attempt == 0
                        ? request.task
                        : Hasher().text("attempt").digest(request.task).number(attempt).finish();
    training.name = request.name;
    const bool reads_data = request.step != UnfoldStep::truth || request.pretraining;
    training.denominator = {{request.simulation, 1.0}};
    if (reads_data) training.numerator = {{request.data, 1.0}};
    for (const SampleColumns& columns : request.background) {
        training.denominator.push_back({columns, 1.0});
    }
    training.features = request.features;
    training.split = request.split;
    training.network = request.network;
    training.training = request.training;
    training.nets = {request.attempts.at(attempt)};
    training.result_path = request.result_path;
    training.state_path = request.state_path;
    return training;
}

TrainerOutcome unfold(const UnfoldRequest& request,
                      DeviceKind device,
                      TaskControl& control,
                      const Log& log) {
    return in_context(request.name, [&] {
        set_threads(request.training.threads);
        const c10::InferenceMode no_autograd;
        return Unfolding(request, {device, control, log}).run();
    });
}

}  // namespace ratiofarm::trainer
