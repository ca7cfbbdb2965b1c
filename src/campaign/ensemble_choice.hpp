#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/task_file.hpp"

#include "gates.hpp"
#include "task_graph.hpp"

/// What the trainings of a campaign lead to: which trainings an ensemble needs beyond the planned
/// ones, and which nets it has in the end. Pure functions of the plan and of the existing results,
/// so that training, gathering, status and report agree without communication, and an interrupted
/// campaign goes on as if it had never stopped.
namespace ratiofarm {

/// A net of a finished ensemble.
struct ChosenNet {
    std::string name;  ///< "S/member 3", "S/member 3/replacement 1"
    NetPlace place;
    std::uint32_t fold = 0;
    std::uint32_t member = 0;
    std::uint32_t attempts = 1;  ///< nets trained for its slot, with the excluded ones
    std::uint64_t initialisation_seed = 0;
    std::uint64_t replica = 0;  ///< seed of its bootstrap weights; 0: none
};

/// How far one ensemble is.
struct EnsembleChoice {
    std::string name;
    std::vector<NetSlot> slots;         ///< planned members by fold, then those that were added
    std::vector<SlotChoice> choices;    ///< one per slot
    std::vector<std::uint32_t> member;  ///< of each slot, within its fold
    /// All that is known to be needed, done or not, ready to be run but for the paths: planned,
    /// replacements, further members. Those that begin as a net that is not chosen yet are missing.
    std::vector<TrainTask> trainings;
    bool waits = false;     ///< for the nets that its own begin as
    bool complete = false;  ///< every slot has its net and no more members are wanted
    double spread = std::numeric_limits<double>::quiet_NaN();  ///< mean_spread()

    /// By fold, then member. \pre complete
    std::vector<ChosenNet> nets() const;

    std::vector<Exclusion> exclusions() const;

    /// Why slots stay empty for good, one line each, with all that was tried.
    std::vector<std::string> failures() const;
};

/// The result of a training, or null if there is none (yet). Weights may be left out.
using FindResult = std::function<std::shared_ptr<const TrainingResult>(const Digest& task)>;

/// All ensembles, in the order of the graph. A net that begins as one that was replaced begins as
/// the replacement, and its training has a digest of its own.
std::vector<EnsembleChoice> choose_ensembles(const GraphInputs& inputs,
                                             const TaskGraph& graph,
                                             const FindResult& find);

/// Members of an ensemble after `members` of them left the mean uncertain by `spread`: as many as
/// the root law asks for, at most twice as many.
std::uint32_t members_wanted(std::uint32_t members, double spread, const EnsembleSection& section);

}  // namespace ratiofarm
