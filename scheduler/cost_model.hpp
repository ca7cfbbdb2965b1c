#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "farm/task.hpp"
#include "store/journal.hpp"

namespace ratiofarm {

/// Expected seconds of a task from its FLOP, learned from tasks that have finished: families differ
/// in how early they stop and in how well they use the device.
///
///     seconds = FLOP * rate(family)
///     rate(family) = (seconds of the family + rate of all * FLOP of one of its tasks)
///                  / (FLOP of the family + FLOP of one of its tasks)
///
/// so the first task of a family counts as much as all that is known of the others. Toys are
/// counted apart: seconds of a toy, "all" being all toys.
///
/// The journal is where the model is kept: its lines of finished tasks hold FLOP and seconds, and
/// compaction keeps them.
class CostModel {
public:
    /// What is known about one family of tasks.
    struct Family {
        TaskKind kind = TaskKind::unknown;
        std::string name;  ///< TaskIdentity::family
        std::uint64_t tasks = 0;
        double flop = 0.0;
        double seconds = 0.0;
    };

    /// A task took so long from its beginning to its end; resumed ones teach nothing, nor do those
    /// of a kind or family that is not known.
    /// \param flop > 0, otherwise it is not looked at
    void learn(const TaskIdentity& task, double flop, double seconds);

    /// Expected seconds; before anything was learned those of a device with 1 GFLOP/s.
    double seconds(const TaskIdentity& task, double flop) const;

    /// Tasks that were learned from, without those of toys.
    std::uint64_t tasks() const { return all_.tasks; }
    std::uint64_t toy_tasks() const { return toys_.tasks; }
    std::vector<Family> families() const;  ///< by the text that people are told

private:
    using Key = std::pair<TaskKind, std::string>;

    std::map<Key, Family> families_;
    Family all_;
    Family toys_;
};

/// What finished tasks teach; adopted and resumed ones teach nothing.
CostModel learned_costs(const JournalState& history);

}  // namespace ratiofarm
