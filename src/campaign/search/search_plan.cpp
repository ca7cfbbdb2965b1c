#include "search_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ratiofarm/core/errors.hpp"

#include "campaign/find_sample.hpp"
#include "campaign/task_digest.hpp"
#include "campaign/training_planner.hpp"
#include "core/seeds.hpp"

#include "samplers.hpp"

namespace ratiofarm {
namespace {

const EnsembleSpec& nominal_of(const std::vector<EnsembleSpec>& specs, const std::string& process) {
    const auto found = std::ranges::find_if(specs, [&](const EnsembleSpec& spec) {
        return spec.role == EnsembleRole::nominal && spec.process == process;
    });
    RATIOFARM_EXPECT(found != specs.end());
    return *found;
}

/// A training that has the whole schedule, in rungs.
class TrialTasks {
public:
    /// \param inputs  of the trial's campaign
    TrialTasks(const GraphInputs& inputs, std::uint32_t trial, std::vector<std::uint32_t> epochs)
        : inputs_(inputs),
          trial_("trial " + std::to_string(trial)),
          epochs_(std::move(epochs)),
          planner_(inputs),
          specs_(ensemble_specs(inputs.campaign)) {}

    /// One task for each rung from the first one of this member.
    std::vector<TrainTask> of(const std::string& process, std::uint32_t member, std::size_t first) {
        const EnsembleSpec& spec = nominal_of(specs_, process);
        const TrainTask whole = planner_.trainings(spec, {member, member + 1}).front();
        TrainRequest request = whole.request();
        expect_batch(request);
        const std::string name = "search/" + spec.name + " " + trial_ +
                                 (member == 0 ? "" : " member " + std::to_string(member));
        const std::uint64_t seed = inputs_.campaign.seed;
        NetRequest& net = request.nets.front();
        net.name = name;
        net.initialisation_seed = seed_for(seed, name, Stream::initialisation);
        net.shuffle_seed = seed_for(seed, name, Stream::shuffle);
        std::vector<TrainTask> rungs;
        for (std::size_t rung = first; rung < epochs_.size(); ++rung) {
            TrainTask task = whole;
            task.name = name + " rung " + std::to_string(rung);
            task.ensemble = "search";
            task.identity = {.kind = TaskKind::trial, .family = spec.name};
            task.nets.clear();
            const std::uint32_t before = rung == first ? 0 : epochs_[rung - 1];
            task.flop *= static_cast<double>(epochs_[rung] - before) / epochs_.back();
            request.continuation.stop_epoch = epochs_[rung];
            if (rung > first) request.continuation.from_task = rungs.back().digest;
            task.digest = train_digest(request, spec, inputs_);
            task.common = std::make_shared<const TrainRequest>(request);
            task.net_requests = request.nets;
            rungs.push_back(std::move(task));
        }
        return rungs;
    }

private:
    void expect_batch(const TrainRequest& request) const {
        std::uint64_t events = 0;
        for (const auto* side : {&request.numerator, &request.denominator}) {
            for (const ClassComponent& component : *side) {
                events += find_sample(inputs_.samples, component.sample.sample).training_events;
            }
        }
        if (request.training.batch <= events) return;
        throw ConfigError("search: " + trial_ +
                          " has training.batch = " + std::to_string(request.training.batch) +
                          ", which is more than the training events (at most " +
                          std::to_string(events) + ")");
    }

    const GraphInputs& inputs_;
    std::string trial_;
    std::vector<std::uint32_t> epochs_;
    TrainingPlanner planner_;
    std::vector<EnsembleSpec> specs_;
};

/// The tasks of a trial by rung, each by process, then member.
std::vector<std::vector<TrainTask>> trial_tasks(const GraphInputs& inputs,
                                                const SearchPlan& plan,
                                                std::uint32_t trial,
                                                std::span<const std::uint32_t> members) {
    TrialTasks tasks(inputs, trial, plan.epochs);
    std::vector<std::vector<TrainTask>> by_rung(plan.epochs.size());
    for (const std::string& process : plan.processes) {
        for (std::uint32_t member = 0; member < members.back(); ++member) {
            const auto first = static_cast<std::size_t>(std::ranges::upper_bound(members, member) -
                                                        members.begin());
            auto own = tasks.of(process, member, first);
            for (std::size_t i = 0; i < own.size(); ++i) {
                by_rung[first + i].push_back(std::move(own[i]));
            }
        }
    }
    return by_rung;
}

/// \param own  the campaign with the setting of the trial
std::vector<std::uint32_t> members_of(const SearchSection& search,
                                      const Campaign& own,
                                      const SearchPlan& plan) {
    const std::uint32_t last = search.searches_members() ? own.ensemble.members : search.members;
    return rung_members(search, last, plan.epochs.size());
}

/// The trainings of the campaign's own setting as if they were a trial.
struct OwnTrial {
    Digest digest;
    double flop = 0.0;
};

OwnTrial own_trial(const GraphInputs& inputs, const SearchPlan& plan) {
    const Campaign own = with_setting(inputs.campaign, {});
    const auto members = members_of(*inputs.campaign.search, own, plan);
    Hasher hasher;
    double flop = 0.0;
    // By process and member, as their digest was made from the beginning.
    const auto by_rung = trial_tasks({own, inputs.samples, inputs.device_class}, plan, 0, members);
    for (std::size_t net = 0; net < by_rung.back().size(); ++net) {
        for (const auto& tasks : by_rung) {
            if (net >= tasks.size()) continue;
            hasher.digest(tasks[net].digest);
            flop += tasks[net].flop;
        }
    }
    return {hasher.finish(), flop};
}

bool has_several_members(const SearchSection& search) {
    return search.members > 1 || search.searches_members();
}

Digest digest_of(const SearchPlan& plan, const Campaign& campaign, const OwnTrial& own) {
    const SearchSection& search = *campaign.search;
    Hasher hasher;
    hasher.text("search").text(word_of(search.objective));
    hasher.number(search.reduction).number(search.parallel);
    hasher.number(plan.epochs.size()).number(plan.processes.size());
    for (const std::string& process : plan.processes) hasher.text(process);
    for (const SearchSetting& setting : plan.settings) hasher.text(setting_text(setting));
    for (const TrainTask& task : plan.tasks) add_number(hasher.digest(task.digest), task.flop);
    if (search.second_objective != SecondObjective::none) {
        hasher.text(word_of(search.second_objective));
    }
    if (std::isfinite(plan.cost_limit)) add_number(hasher.text("cost limit"), plan.cost_limit);
    if (search.learns()) {
        // Of the settings only the given points are known: in their place what they follow from.
        SearchSection rules = search;
        rules.timeout_seconds = 0.0;
        hasher.text(search_toml(rules)).number(campaign.seed).digest(own.digest);
    }
    if (search.judges_likelihood()) hasher.text(campaign_toml(campaign));
    const auto has = [&](SearchObjective objective) {
        return search.objective == objective || measured(search.second_objective) == objective;
    };
    if (has_several_members(search)) {
        if (has(SearchObjective::excess)) hasher.text("excess of the mean ratio");
        if (has(SearchObjective::closure)) hasher.text("closure of the mean ratio");
        if (has(SearchObjective::calibration)) hasher.text("calibration of the mean ratio");
    }
    const bool is_calibrated = campaign.training.calibration != CalibrationMethod::none;
    if (search.judges_likelihood() && is_calibrated) hasher.text("calibrated ratios");
    return hasher.finish();
}

double absolute(double value) {
    return std::isfinite(value) ? std::abs(value) : std::numeric_limits<double>::infinity();
}

/// Of one net; the excess with its sign.
double net_objective(SearchObjective objective, const TrainedNet& net, Keep keep) {
    const double worst = std::numeric_limits<double>::infinity();
    if (!net.failure.empty() || net.validation_loss.empty()) return worst;
    const NetQuality& quality = net.quality;
    if (quality.not_finite > 0) return worst;
    switch (objective) {
        case SearchObjective::excess: return std::isfinite(quality.excess) ? quality.excess : worst;
        case SearchObjective::calibration:
        case SearchObjective::closure: return quality_objective(objective, quality);
        default: break;
    }
    const double loss = keep == Keep::best ? net.best_validation_loss : net.validation_loss.back();
    return std::isfinite(loss) ? loss : worst;
}

}  // namespace

std::span<const TrainTask> SearchPlan::tasks_of(TrialRung what) const {
    const std::size_t at = what.trial * epochs.size() + what.rung;
    const std::size_t begin = at == 0 ? 0 : tasks_end[at - 1];
    return std::span(tasks).subspan(begin, tasks_end[at] - begin);
}

double SearchPlan::grid_flop(std::size_t trials) const {
    const std::size_t costs = std::min(halving.cost.size(), trials * halving.rungs);
    return std::accumulate(halving.cost.begin(),
                           halving.cost.begin() + static_cast<std::ptrdiff_t>(costs), 0.0);
}

void add_trial(SearchPlan& plan, const GraphInputs& inputs, const SearchSetting& setting) {
    const auto trial = static_cast<std::uint32_t>(plan.settings.size());
    const Campaign own = with_setting(inputs.campaign, setting);
    const auto members = members_of(*inputs.campaign.search, own, plan);
    auto by_rung = trial_tasks({own, inputs.samples, inputs.device_class}, plan, trial, members);
    plan.settings.push_back(setting);
    for (auto& tasks : by_rung) {
        double flop = 0.0;
        for (TrainTask& task : tasks) {
            flop += task.flop;
            plan.tasks.push_back(std::move(task));
        }
        plan.tasks_end.push_back(plan.tasks.size());
        plan.halving.cost.push_back(flop);
    }
}

std::vector<std::uint32_t> rung_members(const SearchSection& search,
                                        std::uint32_t members,
                                        std::size_t rungs) {
    std::vector<std::uint32_t> all(rungs, members);
    double part = members;
    for (std::size_t rung = rungs - 1; rung-- > 0;) {
        part /= search.reduction;
        const auto fewer = static_cast<std::uint32_t>(std::lround(part));
        all[rung] = std::min(members, std::max(fewer, search.first_members));
    }
    return all;
}

SearchSetting outlined_setting(const Campaign& campaign, std::uint32_t trial) {
    RATIOFARM_EXPECT(campaign.search.has_value());
    const SearchSection& search = *campaign.search;
    SearchSection blind = search;
    if (search.learns()) blind.sampler = SearchSampler::random;
    return next_setting(blind, campaign.seed, std::vector<ToldTrial>(trial));
}

SearchPlan make_search_plan(const GraphInputs& inputs) {
    const Campaign& campaign = inputs.campaign;
    RATIOFARM_EXPECT(campaign.search.has_value());
    const SearchSection& search = *campaign.search;
    SearchPlan plan;
    plan.processes = searched_processes(campaign);
    plan.epochs = rung_epochs(search, campaign.training.epochs);
    plan.halving = {.trials = search.trials,
                    .rungs = static_cast<std::uint32_t>(plan.epochs.size()),
                    .reduction = search.reduction,
                    .parallel = search.parallel,
                    .cost = {}};
    const auto given = static_cast<std::uint32_t>(search.points.size());
    const std::uint32_t known = search.learns() ? std::min(given, search.trials) : search.trials;
    for (std::uint32_t trial = 0; trial < known; ++trial) {
        add_trial(plan, inputs, outlined_setting(campaign, trial));
    }
    const bool limited = search.cost_limit > 0.0;
    const OwnTrial own = limited || search.learns() ? own_trial(inputs, plan) : OwnTrial{};
    plan.cost_limit =
        limited ? search.cost_limit * own.flop : std::numeric_limits<double>::infinity();
    plan.digest = digest_of(plan, campaign, own);
    return plan;
}

SearchCost search_cost(const GraphInputs& inputs) {
    SearchPlan plan = make_search_plan(inputs);
    const HalvingPlan& halving = plan.halving;
    while (plan.settings.size() < halving.trials) {
        const auto trial = static_cast<std::uint32_t>(plan.settings.size());
        add_trial(plan, inputs, outlined_setting(inputs.campaign, trial));
    }
    std::size_t nets = 0;  // of the largest trial
    for (std::uint32_t trial = 0; trial < halving.trials; ++trial) {
        nets = std::max(nets, plan.tasks_of({trial, halving.rungs - 1}).size());
    }
    SearchCost cost{halving.trials, nets, plan.epochs, 0.0, plan.grid_flop(halving.trials)};
    std::uint32_t reach = halving.trials;
    for (std::uint32_t rung = 0; rung < halving.rungs; ++rung) {
        double all = 0.0;
        for (std::uint32_t trial = 0; trial < halving.trials; ++trial) {
            all += halving.cost_of(trial, rung);
        }
        cost.flop += all * reach / halving.trials;
        reach /= halving.reduction;
    }
    cost.flop = std::min(cost.flop, plan.cost_limit);
    return cost;
}

std::optional<SearchObjective> measured(SecondObjective objective) {
    return enumerator_of<SearchObjective>(word_of(objective));
}

std::string objective_word(SearchObjective objective) { return word_of(objective); }

double quality_objective(SearchObjective objective, const NetQuality& quality) {
    if (quality.not_finite > 0) return std::numeric_limits<double>::infinity();
    if (objective == SearchObjective::calibration) return absolute(quality.calibration_slope - 1.0);
    double sum = 0.0;
    for (const double deviation : quality.closure) sum += deviation * deviation;
    return absolute(std::sqrt(sum / static_cast<double>(quality.closure.size())));
}

bool judges_together(const SearchSection& search, SearchObjective objective) {
    const bool of_quality =
        objective == SearchObjective::closure || objective == SearchObjective::calibration;
    return is_of_likelihood(objective) || (of_quality && has_several_members(search));
}

bool judges_together(const SearchSection& search) {
    const auto second = measured(search.second_objective);
    return judges_together(search, search.objective) ||
           (second && judges_together(search, *second));
}

double search_objective(SearchObjective objective,
                        std::span<const TrainedNet* const> members,
                        Keep keep) {
    RATIOFARM_EXPECT(!is_of_likelihood(objective) && !members.empty());
    double sum = 0.0;
    for (const TrainedNet* net : members) sum += net_objective(objective, *net, keep);
    return absolute(sum / static_cast<double>(members.size()));
}

}  // namespace ratiofarm
