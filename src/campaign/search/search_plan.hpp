#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/trained_net.hpp"

#include "campaign/file/table_reader.hpp"
#include "campaign/task_graph.hpp"

#include "search_space.hpp"
#include "successive_halving.hpp"

namespace ratiofarm {

/// All that a search may do, as far as it is known: settings of a sampler that learns are added
/// when their trials begin.
struct SearchPlan {
    std::vector<SearchSetting> settings;  ///< by trial
    std::vector<std::string> processes;
    std::vector<std::uint32_t> epochs;  ///< done at the end of each rung
    /// [trials, rungs, processes, members of the trial at the rung], without paths.
    std::vector<TrainTask> tasks;
    std::vector<std::size_t> tasks_end = {};  ///< [trials, rungs] where its tasks end
    HalvingPlan halving;                      ///< costs in FLOP, over the processes
    double cost_limit = 0.0;  ///< in FLOP, infinite without; no trial begins beyond it
    Digest digest;            ///< of everything that determines its results

    std::span<const TrainTask> tasks_of(TrialRung what) const;

    /// Cost of the first trials at all epochs.
    double grid_flop(std::size_t trials) const;
};

/// A trial trains the first members of each process (of the first fold) with its setting and seeds
/// of its own; its tasks are called "search/S trial 7 rung 1", those of a further member
/// "search/S trial 7 member 2 rung 1". Each rung continues the one before; a member that it is the
/// first of begins there.
/// \pre inputs.campaign.search
/// \throws ConfigError for a batch that is more than the events of a training; DataError as
///         make_task_graph()
SearchPlan make_search_plan(const GraphInputs& inputs);

/// Adds the next trial. \throws ConfigError as make_search_plan(), or if the values of the setting
/// do not go together
void add_trial(SearchPlan& plan, const GraphInputs& inputs, const SearchSetting& setting);

/// Settings that are known before any result: given points, then those of a sampler that does not
/// learn; of one that learns what stands for them in estimates and checks. \pre campaign.search
SearchSetting outlined_setting(const Campaign& campaign, std::uint32_t trial);

/// Nets of each process at each rung of a trial with so many at the last: round(members /
/// reduction^k) for the k-th before the last, at least first_members.
std::vector<std::uint32_t> rung_members(const SearchSection& search,
                                        std::uint32_t members,
                                        std::size_t rungs);

/// What a search will cost, before it is known which trials are good.
struct SearchCost {
    std::uint32_t trials = 0;
    std::size_t processes = 0;
    std::vector<std::uint32_t> epochs;
    double flop = 0.0;       ///< if trials are promoted whatever they cost
    double grid_flop = 0.0;  ///< of all trials at all epochs
};
SearchCost search_cost(const GraphInputs& inputs);

/// "loss": the word of the campaign file.
std::string objective_word(SearchObjective objective);

/// What the search makes small, of the members of one process; infinite if one of them failed or
/// gives no finite number. The excess is that of their mean ratio, whose sign one net does not
/// tell; the others are means over the members. \pre objective is not sigma or coverage
double search_objective(SearchObjective objective,
                        std::span<const TrainedNet* const> members,
                        Keep keep);

/// Of one ratio. \param objective  closure or calibration
double quality_objective(SearchObjective objective, const NetQuality& quality);

/// By the likelihood that the nets of all processes make together.
constexpr bool is_of_likelihood(SearchObjective objective) {
    return objective == SearchObjective::sigma || objective == SearchObjective::coverage;
}

/// Whether an objective is that of what the nets of a trial give together, for which they are
/// evaluated on validation events: those of the likelihood, and of several members also closure and
/// calibration, which are no sums over members.
bool judges_together(const SearchSection& search, SearchObjective objective);
bool judges_together(const SearchSection& search);  ///< one of its two objectives

/// A second objective that is measured of nets as a first one is; nothing for cost and none.
std::optional<SearchObjective> measured(SecondObjective objective);

/// Reads [network] and [training], with the values of a setting instead of those of the file.
/// \param root  a campaign file
/// \param campaign  events.features is read, network and training are written
void read_nets_with(const ConfigNode& root,
                    const SearchSetting& setting,
                    Campaign& campaign,
                    Mistakes& mistakes);

}  // namespace ratiofarm
