#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/journal.hpp"

namespace ratiofarm {

/// Tasks of one kind: "S/member 3" is of kind "S", "S on SBI rows 0..10" of kind "S on SBI".
std::string task_kind(std::string_view task_name);

/// True for tasks whose cost is counted in toys, not in FLOP.
bool is_toys(std::string_view task_name);

/// Expected seconds of a task from its FLOP, learned from tasks that have finished: kinds differ in
/// how early they stop and in how well they use the device.
///
///     seconds = FLOP * rate(kind)
///     rate(kind) = (seconds of the kind + rate of all * FLOP of one of its tasks)
///                / (FLOP of the kind + FLOP of one of its tasks)
///
/// so the first task of a kind counts as much as all that is known of the others. Toys are counted
/// apart: seconds of a toy, "all" being all toys.
///
/// The journal is where the model is kept: its lines of finished tasks hold FLOP and seconds, and
/// compaction keeps them.
class CostModel {
public:
    /// What is known of one kind.
    struct Kind {
        std::string name;
        std::uint64_t tasks = 0;
        double flop = 0.0;
        double seconds = 0.0;
    };

    /// A task took so long from its beginning to its end; resumed ones teach nothing.
    /// \param flop > 0, otherwise it is not looked at
    void learn(std::string_view task_name, double flop, double seconds);

    /// Expected seconds; before anything was learned those of a device with 1 GFLOP/s.
    double seconds(std::string_view task_name, double flop) const;

    /// Tasks that were learned from, without those of toys.
    std::uint64_t tasks() const { return all_.tasks; }
    std::uint64_t toy_tasks() const { return toys_.tasks; }
    std::vector<Kind> kinds() const;  ///< by name

private:
    std::map<std::string, Kind, std::less<>> kinds_;
    Kind all_;
    Kind toys_;
};

/// What finished tasks teach; adopted and resumed ones teach nothing.
CostModel learned_costs(const JournalState& history);

}  // namespace ratiofarm
