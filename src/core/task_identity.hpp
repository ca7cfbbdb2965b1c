#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What a task does.
enum class TaskKind : std::uint8_t {
    unknown,          ///< known only by a line of a journal that an older version wrote
    training,         ///< trains nets of an ensemble of ratios
    inference,        ///< evaluates an ensemble of ratios on events of a sample
    preselection,     ///< trains nets of the classifier of a preselection
    score,            ///< evaluates the classifier on events of a sample
    trial,            ///< trains one rung of a trial of a search
    trial_inference,  ///< evaluates the net of a trial on events of a sample
    toys,             ///< throws and fits toys
    gof,              ///< throws and fits toys for the goodness of fit
    unfold,           ///< trains and evaluates a net of an unfolding
};

template <>
inline constexpr auto enum_words<TaskKind> = words("unknown",
                                                   "training",
                                                   "inference",
                                                   "preselection",
                                                   "score",
                                                   "trial",
                                                   "trial_inference",
                                                   "toys",
                                                   "gof",
                                                   "unfold");

/// True for tasks whose cost is counted in toys, not in FLOP.
constexpr bool is_toys(TaskKind kind) { return kind == TaskKind::toys || kind == TaskKind::gof; }

/// Which task it is, for programs; its name says the same to people and is never taken apart.
struct TaskIdentity {
    TaskKind kind = TaskKind::unknown;

    /// What tasks of one kind that cost alike have in common: the ensemble ("S", "S/scale/up"); of
    /// evaluations with the sample ("S on SBI"); of trials the process; of toys their truth
    /// ("mu = 1"); of unfoldings the step ("step 1"). Empty: unknown.
    std::string family;

    // Of trainings of an ensemble: which of its nets.
    std::uint32_t nets = 0;   ///< how many; 0: it trains none
    std::uint32_t first = 0;  ///< number of the first one within its fold
    std::uint32_t fold = 0;
    std::uint32_t folds = 0;        ///< of the split; 0: it has none
    std::uint32_t replacement = 0;  ///< 1, 2, ... for an excluded net; 0: as planned

    bool operator==(const TaskIdentity&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, TaskIdentity>& value) {
    archive(value.kind, value.family, value.nets, value.first, value.fold, value.folds,
            value.replacement);
}

/// The family as people are told of it: "S on SBI", "search/S", "toys/mu = 1", "toys/gof mu = 1".
std::string family_text(TaskKind kind, std::string_view family);

}  // namespace ratiofarm
