#include "ensemble_choice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

using PlaceKey = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;

PlaceKey key(const Digest& task, std::uint32_t net) { return {task.high, task.low, net}; }

/// The net that was chosen for a planned one; nothing while that is open.
using ChosenStarts = std::map<PlaceKey, std::optional<NetPlace>>;

/// Its nets begin as those that were chosen. False if one of them is not known yet.
bool begin_as_chosen(const ChosenStarts& chosen_starts, TrainTask& task) {
    Hasher hasher;
    hasher.text("train from a replacement").digest(task.digest);
    bool replaced = false;
    for (NetRequest& net : task.net_requests) {
        if (net.warm_start.task == Digest{}) continue;
        const auto found = chosen_starts.find(key(net.warm_start.task, net.warm_start.net));
        RATIOFARM_EXPECT(found != chosen_starts.end());
        if (!found->second) return false;
        const NetPlace& place = *found->second;
        replaced = replaced || place != NetPlace{net.warm_start.task, net.warm_start.net};
        net.warm_start.task = place.task;
        net.warm_start.net = place.net;
        hasher.digest(place.task).number(place.net);
    }
    if (!replaced) return true;
    task.digest = hasher.finish();
    for (PlannedNet& net : task.nets) net.task = task.digest;
    return true;
}

/// Follows one ensemble through its trainings.
class EnsembleProgress {
public:
    EnsembleProgress(const GraphInputs& inputs,
                     const PlannedEnsemble& ensemble,
                     const ChosenStarts& chosen_starts,
                     const FindResult& find)
        : inputs_(inputs), ensemble_(ensemble), chosen_starts_(chosen_starts), find_(find) {
        choice_.name = ensemble.spec.name;
    }

    /// \param trainings  those that are planned for it
    EnsembleChoice follow(std::vector<TrainTask> trainings) {
        add(std::move(trainings));
        while (judge() && wants_more()) {
            const std::uint32_t now = members();
            const std::uint32_t wanted =
                members_wanted(now, choice_.spread, inputs_.campaign.ensemble);
            wave_ += 1;
            add(further_members(inputs_, ensemble_.spec.name, {now, wanted}));
        }
        return std::move(choice_);
    }

private:
    const EnsembleSection& section() const { return inputs_.campaign.ensemble; }

    /// Number in each fold.
    std::uint32_t members() const {
        return 1 + *std::max_element(choice_.member.begin(), choice_.member.end());
    }

    bool wants_more() const {
        const bool nominal = ensemble_.spec.role == EnsembleRole::nominal;
        if (!nominal || !(section().until_spread > 0.0)) return false;
        return !(choice_.spread <= section().until_spread) && members() < section().max_members;
    }

    void add(std::vector<TrainTask> trainings) {
        for (TrainTask& task : trainings) {
            const bool ready = begin_as_chosen(chosen_starts_, task);
            choice_.waits = choice_.waits || !ready;
            for (const PlannedNet& net : task.nets) add_slot(net, ready);
            if (ready) choice_.trainings.push_back(std::move(task));
        }
    }

    void add_slot(const PlannedNet& net, bool ready) {
        NetSlot slot{.name = net.name,
                     .fold = net.fold,
                     .wave = wave_,
                     .replica = ensemble_.spec.role == EnsembleRole::replicas,
                     .tried = {}};
        if (ready) add_result(net, slot);
        choice_.slots.push_back(std::move(slot));
        choice_.member.push_back(net.member);
        planned_.push_back(net);
    }

    void add_result(const PlannedNet& net, NetSlot& slot) {
        const auto result = find_(net.task);
        if (result == nullptr) return;
        RATIOFARM_EXPECT(net.net < result->nets.size());
        slot.tried.push_back({net.name, {net.task, net.net}, {result, &result->nets[net.net]}});
    }

    /// True if every slot has its net.
    bool judge() {
        const std::vector<std::string> features =
            net_settings(inputs_.campaign, ensemble_.spec.role).features;
        bool news = true;
        while (news) {
            choice_.choices = choose_nets(choice_.slots, inputs_.campaign.gates,
                                          section().replacements, features);
            news = false;
            for (std::size_t slot = 0; slot < choice_.slots.size(); ++slot) {
                news = replace(slot) || news;
            }
        }
        choice_.complete = ratiofarm::complete(choice_.choices);
        if (choice_.complete) choice_.spread = mean_spread(choice_.slots, choice_.choices);
        choice_.complete = choice_.complete && !wants_more();
        return ratiofarm::complete(choice_.choices);
    }

    /// The next net of a slot whose nets so far were excluded. True if it is trained already.
    bool replace(std::size_t slot) {
        const SlotChoice& choice = choice_.choices[slot];
        if (choice.state != SlotChoice::State::untrained || choice.index == 0) return false;
        if (asked_[slot] >= choice.index) return false;
        asked_[slot] = choice.index;
        TrainTask task = replacement_task(inputs_, planned_[slot], choice.index);
        if (!begin_as_chosen(chosen_starts_, task)) return false;
        const std::size_t before = choice_.slots[slot].tried.size();
        add_result(task.nets.front(), choice_.slots[slot]);
        choice_.trainings.push_back(std::move(task));
        return choice_.slots[slot].tried.size() > before;
    }

    const GraphInputs& inputs_;
    const PlannedEnsemble& ensemble_;
    const ChosenStarts& chosen_starts_;
    const FindResult& find_;
    EnsembleChoice choice_;
    std::vector<PlannedNet> planned_;             ///< of each slot
    std::map<std::size_t, std::uint32_t> asked_;  ///< replacements that were asked for, by slot
    std::uint32_t wave_ = 0;
};

std::vector<TrainTask> trainings_of(const TaskGraph& graph, const std::string& ensemble) {
    std::vector<TrainTask> trainings;
    for (const TrainTask& task : graph.trainings) {
        if (task.ensemble == ensemble) trainings.push_back(task);
    }
    return trainings;
}

}  // namespace

std::vector<ChosenNet> EnsembleChoice::nets() const {
    RATIOFARM_EXPECT(complete);
    std::unordered_map<Digest, const TrainTask*> of_net;
    for (const TrainTask& task : trainings) of_net.emplace(task.digest, &task);
    std::vector<ChosenNet> nets;
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const TriedNet& net = slots[slot].tried[choices[slot].index];
        const NetRequest& request = of_net.at(net.place.task)->net_requests.at(net.place.net);
        nets.push_back({net.name, net.place, slots[slot].fold, member[slot],
                        choices[slot].index + 1, request.initialisation_seed, request.replica});
    }
    std::stable_sort(nets.begin(), nets.end(), [](const ChosenNet& a, const ChosenNet& b) {
        return std::tie(a.fold, a.member) < std::tie(b.fold, b.member);
    });
    return nets;
}

std::vector<Exclusion> EnsembleChoice::exclusions() const {
    std::vector<Exclusion> all;
    for (const SlotChoice& choice : choices) {
        all.insert(all.end(), choice.exclusions.begin(), choice.exclusions.end());
    }
    return all;
}

namespace {

/// Whether every net of an ensemble with two or more was excluded by one gate.
bool fails_everywhere(const std::vector<SlotChoice>& choices, const std::string& gate) {
    std::size_t excluded = 0;
    for (const SlotChoice& choice : choices) {
        if (choice.state != SlotChoice::State::exhausted) return false;
        for (const Exclusion& exclusion : choice.exclusions) {
            if (!exclusion.is_by(gate)) return false;
            excluded += 1;
        }
    }
    return excluded >= 2;
}

}  // namespace

std::vector<std::string> EnsembleChoice::failures() const {
    std::vector<std::string> lines;
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (choices[slot].state != SlotChoice::State::exhausted) continue;
        const std::vector<std::string>& gates = choices[slot].exclusions.back().gates;
        if (std::ranges::any_of(
                gates, [&](const auto& gate) { return fails_everywhere(choices, gate); })) {
            std::string line =
                name +
                ": no net passed its gates, and all nets fail by the same one: another seed "
                "does not help. Look at the events ('ratiofarm check', 'ratiofarm report'), "
                "train longer, or loosen [gates]";
            constexpr std::ptrdiff_t comparable = 3;
            if (std::ranges::count(slots, slots.front().fold, &NetSlot::fold) < comparable) {
                line += "; of three members or more, what all show alike is a warning only";
            }
            for (const Exclusion& exclusion : exclusions()) line += "\n  " + exclusion.text;
            return {std::move(line)};
        }
        std::string line = slots[slot].name +
                           ": no net passed its gates (train longer or with more events, raise "
                           "ensemble.replacements, or loosen [gates])";
        for (const Exclusion& exclusion : choices[slot].exclusions) line += "\n  " + exclusion.text;
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<EnsembleChoice> choose_ensembles(const GraphInputs& inputs,
                                             const TaskGraph& graph,
                                             const FindResult& find) {
    std::vector<EnsembleChoice> ensembles;
    ChosenStarts chosen_starts;
    for (const PlannedEnsemble& planned : graph.ensembles) {
        EnsembleProgress progress(inputs, planned, chosen_starts, find);
        EnsembleChoice choice = progress.follow(trainings_of(graph, planned.spec.name));
        RATIOFARM_EXPECT(choice.slots.size() >= planned.nets.size());
        for (std::size_t slot = 0; slot < planned.nets.size(); ++slot) {
            auto& start = chosen_starts[key(planned.nets[slot].task, planned.nets[slot].net)];
            if (choice.choices[slot].state != SlotChoice::State::chosen) continue;
            start = choice.slots[slot].tried[choice.choices[slot].index].place;
        }
        ensembles.push_back(std::move(choice));
    }
    return ensembles;
}

std::uint32_t members_wanted(std::uint32_t members, double spread, const EnsembleSection& section) {
    const double ratio = spread / section.until_spread;
    // A single member has no spread: two tell more.
    double wanted = std::isnan(ratio) ? members + 1.0 : std::ceil(members * ratio * ratio);
    wanted = std::clamp(wanted, members + 1.0, 2.0 * members);
    return static_cast<std::uint32_t>(std::min<double>(wanted, section.max_members));
}

}  // namespace ratiofarm
