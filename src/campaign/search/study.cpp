#include "study.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "campaign/file/table_reader.hpp"

namespace ratiofarm {
namespace {

using State = StudyTrial::State;

constexpr double worst = std::numeric_limits<double>::infinity();

bool is_under_way(const StudyTrial& trial) {
    return trial.state == State::running || trial.state == State::lost;
}

}  // namespace

Study::Study(StudySection section)
    : section_(std::move(section)),
      epochs_(rung_epochs(section_.search, section_.epochs)),
      queue_(section_.search.points.begin(), section_.search.points.end()) {}

void Study::end_rung(const Lease& lease, std::vector<double> values) {
    StudyTrial& trial = trials_[lease.trial];
    const bool failed = values.empty();
    if (failed && trial.reason.empty()) trial.reason = "its trainer reported null";
    told_.push_back({lease.trial, static_cast<std::uint32_t>(trial.rungs.size())});
    trial.rungs.push_back({std::move(values), lease.attempt});
    trial.tries = 1;
    trial.state = failed                                 ? State::failed
                  : trial.rungs.size() == epochs_.size() ? State::done
                                                         : State::paused;
}

std::vector<Study::Lease> Study::leases() const {
    std::vector<Lease> all;
    for (std::uint32_t number = 0; number < trials_.size(); ++number) {
        if (trials_[number].state == State::running) {
            all.push_back({number, trials_[number].attempt()});
        }
    }
    return all;
}

bool Study::is_out(const Lease& lease) const {
    const StudyTrial& trial = trials_[lease.trial];
    return trial.state == State::running && trial.attempt() == lease.attempt;
}

bool Study::lose(const Lease& lease) {
    if (lease.trial >= trials_.size() || !is_out(lease)) return false;
    StudyTrial& trial = trials_[lease.trial];
    trial.state = State::lost;
    if (trial.tries < section_.attempts) return true;
    trial.reason =
        "none of " + std::to_string(trial.tries) + " attempts came to the end of the rung";
    end_rung(lease, {});
    trial.rungs.back().attempt = 0;  // none of them: what they report yet is no contradiction
    return true;
}

bool Study::finished() const {
    if (target_reached()) return true;
    return std::ranges::none_of(trials_, is_under_way) && !promotable() && !may_begin();
}

double Study::score(const StudyTrial::Rung& rung, std::size_t objective) const {
    if (rung.values.empty()) return worst;
    const double value = rung.values[objective];
    return section_.objectives[objective].sense == Sense::min ? value : -value;
}

std::optional<TrialRung> Study::best() const {
    std::optional<TrialRung> best;
    double least = worst;
    for (std::uint32_t number = 0; number < trials_.size(); ++number) {
        const auto& rungs = trials_[number].rungs;
        for (std::uint32_t rung = 0; rung < rungs.size(); ++rung) {
            const double value = score(rungs[rung], 0);
            if (!std::isfinite(value) || (best && rung < best->rung)) continue;
            if (best && rung == best->rung && value >= least) continue;
            best = {number, rung};
            least = value;
        }
    }
    return best;
}

bool Study::target_reached() const {
    const auto found = best();
    if (!section_.target || !found || found->rung + 1 < epochs_.size()) return false;
    const StudyTrial::Rung target{{*section_.target}, 0};
    return score(trials_[found->trial].rungs[found->rung], 0) <= score(target, 0);
}

/// Whether it is among the best 1 / reduction of the trials that have ended its last rung, earlier
/// ones first where they are equal.
bool Study::may_go_on(std::uint32_t number) const {
    const std::size_t rung = trials_[number].rungs.size() - 1;
    const double mine = score(trials_[number].rungs[rung], 0);
    std::size_t ended = 0;
    std::size_t better = 0;
    for (std::uint32_t other = 0; other < trials_.size(); ++other) {
        if (trials_[other].rungs.size() <= rung) continue;
        ++ended;
        const double value = score(trials_[other].rungs[rung], 0);
        if (std::pair(value, other) < std::pair(mine, number)) ++better;
    }
    return better < ended / section_.search.reduction;
}

/// Of the highest rung, the best trial that may go on.
std::optional<std::uint32_t> Study::promotable() const {
    std::optional<std::uint32_t> best;
    const auto rank = [&](std::uint32_t number) {
        const auto& rungs = trials_[number].rungs;
        return std::pair(-static_cast<double>(rungs.size()), score(rungs.back(), 0));
    };
    for (std::uint32_t number = 0; number < trials_.size(); ++number) {
        if (trials_[number].state != State::paused || !may_go_on(number)) continue;
        if (!best || rank(number) < rank(*best)) best = number;
    }
    return best;
}

/// Whether a further trial may begin, now or when others have ended.
bool Study::may_begin() const {
    const SearchSection& search = section_.search;
    if (trials_.size() >= search.trials) return false;
    if (!(search.cost_limit > 0.0)) return true;
    double given = 0.0;
    for (const StudyTrial& trial : trials_) given += epochs_[trial.attempts.back()];
    return given < search.cost_limit * section_.epochs;
}

/// The setting of the next trial; nothing if its generation waits for the one before.
std::optional<SearchSetting> Study::next() {
    if (!queue_.empty()) {
        SearchSetting setting = queue_.front();
        queue_.pop_front();
        return setting;
    }
    SearchSection search = section_.search;
    search.points.clear();
    std::vector<ToldTrial> told;
    for (const bool given : {true, false}) {
        for (const StudyTrial& trial : trials_) {
            if (trial.given != given) continue;
            if (given) search.points.push_back(trial.setting);
            ToldTrial one{trial.setting, static_cast<std::uint32_t>(trial.rungs.size())};
            if (one.rungs > 0) {
                one.objective = score(trial.rungs.back(), 0);
                if (section_.objectives.size() > 1) one.second = score(trial.rungs.back(), 1);
            }
            told.push_back(std::move(one));
        }
    }
    std::vector<std::uint32_t> ended;
    for (const ToldTrial& trial : told) ended.push_back(trial.rungs);
    if (waits_for_generation(search, ended)) return std::nullopt;
    return next_setting(search, section_.seed, told);
}

std::optional<std::uint32_t> Study::give_out(const std::string& client) {
    if (target_reached()) return std::nullopt;
    const auto lost = std::ranges::find(trials_, State::lost, &StudyTrial::state);
    auto number = promotable();
    if (lost != trials_.end()) {
        number = static_cast<std::uint32_t>(lost - trials_.begin());
        ++lost->tries;
    } else if (!number && may_begin()) {
        const bool given = !queue_.empty();
        auto setting = next();
        if (!setting) return std::nullopt;
        number = static_cast<std::uint32_t>(trials_.size());
        trials_.push_back({std::move(*setting), given});
    }
    if (!number) return std::nullopt;
    StudyTrial& trial = trials_[*number];
    trial.state = State::running;
    trial.client = client;
    trial.attempts.push_back(static_cast<std::uint32_t>(trial.rungs.size()));
    return number;
}

}  // namespace ratiofarm
