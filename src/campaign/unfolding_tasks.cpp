#include "unfolding_tasks.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/seeds.hpp"

#include "find_sample.hpp"
#include "task_digest.hpp"
#include "training_planner.hpp"
#include "unfolding_settings.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint32_t first_mc_replica = 1'000'000;  // its seed is none of the data's

/// Tasks that cost alike.
std::string family_of(const UnfoldRequest& request) {
    if (request.step == UnfoldStep::acceptance) return "acceptance";
    if (request.step == UnfoldStep::subtraction) return "subtraction";
    return fmt::format("{}step {}", request.pretraining ? "pretraining of " : "",
                       static_cast<int>(request.step));
}

/// Events that a sample is known by to digests, with the weights in use.
struct WeighedInfo {
    SampleColumns columns;
    Digest digest;
    double training = 0.0;  ///< events that a net learns from
};

class Planner {
public:
    explicit Planner(const GraphInputs& inputs)
        : inputs_(inputs), section_(*inputs.campaign.unfolding) {}

    UnfoldingPlan plan() {
        if (inputs_.campaign.split.folds > 0) {
            throw ConfigError(
                "split.folds: an unfolding has no cross-fitting (use train, validation and "
                "inference; weights are made for all events)");
        }
        if (!section_.pretraining.empty()) add_pretraining();
        for (const UnfoldSetting& setting : unfold_settings(section_)) add(setting);
        return std::move(plan_);
    }

private:
    WeighedInfo info_of(const std::string& name, const std::string& weight) const {
        const SampleInfo& sample = find_sample(inputs_.samples, name);
        WeighedInfo info{sample.columns, sample.digest,
                         static_cast<double>(sample.training_events)};
        if (weight.empty()) return info;
        const SampleWeights& weights = find_weights(sample, weight);
        info.columns.weight_offset = weights.offset;
        info.digest = Hasher().digest(sample.digest).digest(weights.digest).finish();
        return info;
    }

    WeighedInfo simulation_of(const UnfoldSetting& setting) const {
        if (setting.variation == nullptr) return info_of(section_.simulation, "");
        const auto& variation = *setting.variation;
        if (!variation.weight.empty()) return info_of(section_.simulation, variation.weight);
        return info_of(variation.simulation, "");
    }

    std::vector<std::uint32_t> columns_of(UnfoldStep step, const SampleInfo& sample) const {
        const Campaign& campaign = inputs_.campaign;
        if (step != UnfoldStep::truth) return feature_columns(campaign.events.features, sample);
        SampleInfo truth;
        truth.name = sample.name;
        truth.column_names = sample.columns.levels.names;
        return feature_columns(section_.truth, truth);
    }

    /// Both samples have the inputs of a step in the same columns.
    void expect_same_columns(UnfoldStep step,
                             const std::string& other,
                             const std::string& simulation) const {
        if (columns_of(step, find_sample(inputs_.samples, other)) ==
            columns_of(step, find_sample(inputs_.samples, simulation))) {
            return;
        }
        throw DataError("samples '" + other + "' and '" + simulation + "' store the " +
                        (step == UnfoldStep::truth ? "truth" : "features") +
                        " in different columns (write both with the same column order)");
    }

    /// What a task of the step does with which simulation, whoever it is compared with.
    UnfoldRequest request_of(UnfoldStep step, const WeighedInfo& simulation) const {
        const Campaign& campaign = inputs_.campaign;
        const bool at_truth = step == UnfoldStep::truth;
        UnfoldRequest request;
        request.step = step;
        request.simulation = simulation.columns;
        request.features =
            columns_of(step, find_sample(inputs_.samples, simulation.columns.sample));
        request.split = campaign.split;
        request.network = at_truth ? section_.network : campaign.network;
        request.training = at_truth ? section_.training : campaign.training;
        request.misses = section_.misses;
        request.fakes = section_.fakes;
        request.limits = {.closure = campaign.gates.excess, .clipped = campaign.gates.saturated};
        return request;
    }

    /// \return how many of its events a net learns from
    double add_background(UnfoldRequest& request) {
        double events = 0.0;
        for (const std::string& name : section_.background) {
            expect_same_columns(request.step, name, request.simulation.sample);
            const WeighedInfo background = info_of(name, "");
            request.background.push_back(background.columns);
            digests_.push_back(background.digest);
            events += background.training;
        }
        return events;
    }

    /// All of them train a net or stop it.
    double training_events(const SampleColumns& data) const {
        const Split& split = inputs_.campaign.split;
        return static_cast<double>(data.events) * split.train / (split.train + split.validation);
    }

    /// \param events     that its net learns from
    /// \param evaluated  that its net is evaluated on
    UnfoldTask with_cost(UnfoldRequest request, double events, double evaluated) const {
        UnfoldTask task;
        const double validation =
            events * inputs_.campaign.split.validation / inputs_.campaign.split.train;
        task.flop = forward_flop(request.network) *
                    (request.training.epochs * (3.0 * events + validation) + evaluated);
        task.request = std::move(request);
        return task;
    }

    /// Without seeds and parents.
    UnfoldTask task_of(UnfoldStep step, const UnfoldSetting& setting) {
        const Campaign& campaign = inputs_.campaign;
        const WeighedInfo simulation = simulation_of(setting);
        const WeighedInfo data = info_of(section_.data, "");
        UnfoldRequest request = request_of(step, simulation);
        request.data = data.columns;
        request.mc_replica = mc_replica_seed(campaign, setting.mc_replica);
        digests_ = {simulation.digest};
        double events = simulation.training;
        if (step == UnfoldStep::reco) {
            request.data_replica = data_replica_seed(campaign, setting.data_replica);
            if (!subtracts(section_)) events += add_background(request);
        }
        // Its net says which share of the background goes with the matched events.
        if (step == UnfoldStep::acceptance && !subtracts(section_)) add_background(request);
        if (step != UnfoldStep::truth) {
            expect_same_columns(step, section_.data, simulation.columns.sample);
            digests_.push_back(data.digest);
            events += training_events(data.columns);
        }
        return with_cost(std::move(request), events,
                         static_cast<double>(simulation.columns.events));
    }

    void seed(UnfoldTask& task, const std::string& net) const {
        const std::uint64_t seed = inputs_.campaign.seed;
        for (std::uint32_t k = 0; k <= inputs_.campaign.ensemble.replacements; ++k) {
            const std::string name = k == 0 ? net : fmt::format("{}/replacement {}", net, k);
            task.request.attempts.push_back(
                {.name = name,
                 .initialisation_seed = seed_for(seed, name, Stream::initialisation),
                 .shuffle_seed = seed_for(seed, name, Stream::shuffle),
                 .warm_start = {}});
        }
    }

    Digest finish(UnfoldTask task, std::string name) {
        UnfoldRequest& request = task.request;
        const auto read = [&](const std::vector<UnfoldParent>& parents) {
            for (const UnfoldParent& parent : parents) task.after.push_back(parent.task);
        };
        read(request.before);
        read(request.acceptance);
        read(request.subtraction);
        for (const NetRequest& net : request.attempts) {
            if (net.warm_start.task == Digest{}) continue;
            if (std::ranges::find(task.after, net.warm_start.task) == task.after.end()) {
                task.after.push_back(net.warm_start.task);
            }
        }
        task.identity.kind = TaskKind::unfold;
        task.identity.family = family_of(request);
        task.together = group_;
        task.name = request.name = std::move(name);
        task.digest = request.task = unfold_digest(request, digests_, inputs_.device_class);
        plan_.tasks.push_back(std::move(task));
        return plan_.tasks.back().digest;
    }

    void add(const UnfoldSetting& setting) {
        const bool by_step = section_.ensemble == UnfoldingEnsemble::step;
        const std::size_t first = plan_.chains.size();
        for (std::uint32_t member = 0; member < section_.members; ++member) {
            UnfoldChain chain;
            if (setting.variation != nullptr) chain.variation = setting.variation->name;
            chain.data_replica = setting.data_replica;
            chain.mc_replica = setting.mc_replica;
            chain.member = member;
            plan_.chains.push_back(std::move(chain));
        }
        const auto chains = [&](std::uint32_t member) {
            const auto all = std::span(plan_.chains).subspan(first, section_.members);
            return by_step ? all : all.subspan(member, 1);
        };
        // Replicas of the data see the same simulation: the acceptance of their members is one.
        add_acceptances(setting);
        add_subtractions(setting);
        for (std::uint32_t n = 0; n < section_.iterations; ++n) {
            for (const UnfoldStep step : {UnfoldStep::reco, UnfoldStep::truth}) {
                for (std::uint32_t member = 0; member < section_.members; ++member) {
                    group_ = group_of(first, member);
                    add_step(setting, chains(member), plan_.chains[first + member], {n, step});
                }
            }
        }
    }

    /// Chains that share results: of a member if they begin with one net or acceptance, of a step
    /// ensemble all members. \param first  chain of the same setting
    std::uint64_t group_of(std::size_t first, std::uint32_t member) const {
        const bool share =
            section_.fakes == Fakes::follow || subtracts(section_) || !section_.pretraining.empty();
        return (share ? 0 : first) + (section_.ensemble == UnfoldingEnsemble::step ? 0 : member);
    }

    /// The nets that every step of a member begins with, whatever its setting.
    void add_pretraining() {
        const WeighedInfo simulation = info_of(section_.simulation, "");
        const WeighedInfo other = info_of(section_.pretraining, "");
        for (std::uint32_t member = 0; member < section_.members; ++member) {
            group_ = group_of(0, member);
            for (const UnfoldStep step : {UnfoldStep::reco, UnfoldStep::truth}) {
                expect_same_columns(step, section_.pretraining, section_.simulation);
                UnfoldRequest request = request_of(step, simulation);
                request.pretraining = true;
                request.data = other.columns;
                digests_ = {simulation.digest, other.digest};
                const std::string last = pretraining_name(step == UnfoldStep::truth);
                UnfoldTask task =
                    with_cost(std::move(request), simulation.training + other.training, 0.0);
                seed(task, fmt::format("unfold/{}/{}", member, last));
                pretrained_.push_back(finish(std::move(task), UnfoldSetting{}.task(member, last)));
            }
        }
    }

    void add_acceptances(const UnfoldSetting& setting) {
        if (section_.fakes != Fakes::follow) return;
        acceptance_.clear();
        for (std::uint32_t member = 0; member < section_.members; ++member) {
            group_ = group_of(0, member);
            acceptance_.push_back(
                shared(task_of(UnfoldStep::acceptance, setting), setting, member, "acceptance"));
        }
    }

    /// They see no simulation: those of variations are the nominal ones.
    void add_subtractions(const UnfoldSetting& setting) {
        if (!subtracts(section_)) return;
        subtraction_.clear();
        const WeighedInfo data = info_of(section_.data, "");
        for (std::uint32_t member = 0; member < section_.members; ++member) {
            group_ = group_of(0, member);
            UnfoldRequest request = request_of(UnfoldStep::subtraction, data);
            request.data = data.columns;
            request.data_replica = data_replica_seed(inputs_.campaign, setting.data_replica);
            request.mc_replica = mc_replica_seed(inputs_.campaign, setting.mc_replica);
            digests_ = {data.digest};
            const double events = add_background(request) + training_events(data.columns);
            UnfoldTask task =
                with_cost(std::move(request), events, static_cast<double>(data.columns.events));
            subtraction_.push_back(shared(std::move(task), setting, member, "subtraction"));
        }
    }

    /// A net that weighs the data, made once for all settings that have the same.
    Digest shared(UnfoldTask task,
                  const UnfoldSetting& setting,
                  std::uint32_t member,
                  const std::string& last) {
        seed(task, fmt::format("unfold/{}/{}", member, last));
        const Digest known = unfold_digest(task.request, digests_, inputs_.device_class);
        if (!shared_.insert(known).second) return known;
        return finish(std::move(task), setting.task(member, last));
    }

    struct Place {
        std::uint32_t iteration = 0;  ///< from 0
        UnfoldStep step = UnfoldStep::reco;
    };

    /// \param read  chains whose vectors it begins with
    void add_step(const UnfoldSetting& setting,
                  std::span<const UnfoldChain> read,
                  UnfoldChain& chain,
                  const Place& place) {
        const std::uint32_t n = place.iteration;
        const bool at_truth = place.step == UnfoldStep::truth;
        UnfoldTask task = task_of(place.step, setting);
        for (const UnfoldChain& before : read) {
            if (at_truth) task.request.before.push_back({"", before.reco[n]});
            if (!at_truth && n > 0) task.request.before.push_back({"", before.truth[n - 1]});
        }
        if (!at_truth && section_.fakes == Fakes::follow) {
            task.request.acceptance.push_back({"", acceptance_[chain.member]});
        }
        if (!at_truth && subtracts(section_)) {
            task.request.subtraction.push_back({"", subtraction_[chain.member]});
        }
        const std::string last = step_name(n, at_truth);
        seed(task, fmt::format("unfold/{}/{}", chain.member, last));
        auto& mine = at_truth ? chain.truth : chain.reco;
        Digest& start = task.request.attempts[0].warm_start.task;
        if (!pretrained_.empty()) start = pretrained_[2 * chain.member + (at_truth ? 1 : 0)];
        if (section_.warm_start && n > 0) start = mine[n - 1];
        task.kept = at_truth && is_kept(section_, setting, n);
        mine.push_back(finish(std::move(task), setting.task(chain.member, last)));
    }

    GraphInputs inputs_;
    const UnfoldingSection& section_;
    UnfoldingPlan plan_;
    std::uint64_t group_ = 0;
    std::vector<Digest> digests_;      ///< of the samples that the task in work reads
    std::vector<Digest> pretrained_;   ///< [members, 2] of step 1 and 2; none without pretraining
    std::vector<Digest> acceptance_;   ///< [members] of the setting in work
    std::vector<Digest> subtraction_;  ///< likewise
    std::unordered_set<Digest> shared_;
};

}  // namespace

UnfoldingPlan make_unfolding_plan(const GraphInputs& inputs) {
    RATIOFARM_EXPECT(inputs.campaign.unfolding.has_value());
    return Planner(inputs).plan();
}

Digest shard_key(const UnfoldTask& task) {
    return Hasher().text("chain of an unfolding").number(task.together).finish();
}

std::vector<const UnfoldTask*> unfolding_to_do(
    const UnfoldingPlan& plan, const std::function<bool(const UnfoldTask&)>& is_there) {
    std::unordered_set<Digest> read;  // by tasks that are to do
    std::vector<const UnfoldTask*> to_do;
    // Those who read come after what they read. What is gone and has no reader was done.
    for (auto task = plan.tasks.rbegin(); task != plan.tasks.rend(); ++task) {
        if (!task->kept && !read.contains(task->digest)) continue;
        if (is_there(*task)) continue;
        read.insert(task->after.begin(), task->after.end());
        to_do.push_back(&*task);
    }
    return to_do;
}

std::uint64_t data_replica_seed(const Campaign& campaign, std::uint32_t number) {
    return number == 0 ? 0 : replica_seed(campaign.seed, number);
}

std::uint64_t mc_replica_seed(const Campaign& campaign, std::uint32_t number) {
    return number == 0 ? 0 : replica_seed(campaign.seed, first_mc_replica + number);
}

}  // namespace ratiofarm
