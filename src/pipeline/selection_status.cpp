#include "selection_status.hpp"

#include <sstream>

#include <fmt/format.h>

#include "campaign/preselection_graph.hpp"

namespace ratiofarm {

std::string SelectionStatus::text() const {
    std::string text = fmt::format(
        "selection  {}{}\n", done ? "there" : "missing",
        nets == 0 ? std::string() : fmt::format(", {} nets of the preselection trained", nets));
    std::istringstream lines(regions);
    for (std::string line; std::getline(lines, line);) text += "           " + line + "\n";
    return text;
}

std::optional<SelectionStatus> selection_status(const RunDirectory& directory) {
    const Campaign written = written_campaign(directory);
    if (!needs_selection(written)) return std::nullopt;
    SelectionStatus status;
    const Resolution resolution = resolve_run(directory);
    status.done = resolution.missing != Unresolved::selection;
    for (const std::string& warning : resolution.warnings) status.regions += warning + "\n";
    if (status.done) {
        if (const auto record = find_selection(directory)) {
            status.regions += selection_text(*record, written);
        }
    }
    return status;
}

std::uint64_t count_preselection_nets(const JournalState& journal) {
    std::uint64_t nets = 0;
    for (const auto& [name, task] : journal.latest) {
        const TaskIdentity& identity = journal.committed.at(task).identity;
        if (identity.kind == TaskKind::preselection) nets += identity.nets;
    }
    return nets;
}

}  // namespace ratiofarm
