#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"

#include "run_context.hpp"
#include "workspace.hpp"

/// The stages of the chain. Each is collective over the context's world, does only what is not
/// done yet, and leaves files that the next one reads.
namespace ratiofarm {

/// In the order of the chain.
enum class Stage : std::uint8_t { select, search, train, gather, infer, unfold, fit, report };
template <>
inline constexpr auto enum_words<Stage> =
    words("select", "search", "train", "gather", "infer", "unfold", "fit", "report");

/// How a stage ended; the same on every rank.
struct StageEnd {
    enum class State {
        up_to_date,  ///< nothing was left to do
        done,
        tasks_failed,  ///< finished, but some tasks failed for good or a fit did not converge
        stopped,       ///< early: run the same command again
        elsewhere,     ///< other jobs do the rest
    };
    State state = State::done;
    double seconds = 0.0;
    std::vector<std::string> failures;       ///< on rank 0
    std::string trouble = {};                ///< why it stopped early by itself, on rank 0
    std::vector<std::string> warnings = {};  ///< that no result of it holds, on rank 0
};

/// Completes the campaign by selecting the events of its regions.
StageEnd select_stage(RunContext& context,
                      PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books);
/// Completes the campaign by searching for its best setting.
StageEnd search_stage(RunContext& context,
                      PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books);
StageEnd train_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books);
StageEnd gather_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      const JournalState& history);
StageEnd infer_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books);
/// Trains the chains of [unfolding]; without that section nothing.
StageEnd unfold_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books);
/// \param blinding on rank 0
StageEnd fit_stage(RunContext& context,
                   const PlannedCampaign& planned,
                   const RunPlace& place,
                   const std::optional<Blinding>& blinding);
enum class ReportAs : std::uint8_t {
    page,      ///< report.html
    pictures,  ///< each of its plots as PDF, SVG and PNG, in the folder of plots
};
StageEnd report_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books,
                      ReportAs as = ReportAs::page);

/// True if the next stage may begin.
bool ended_well(const StageEnd& end);

/// Rank 0. Prints why a stage did not end well. \return the exit code of the command
ExitCode report_end(const StageEnd& end);

/// Runs stages in order until one does not end well, prints their times and the failures. A fit
/// that did not converge is reported as well before the command ends.
/// \return the exit code of the command
ExitCode run_stages(RunContext& context, Workspace& workspace, const std::vector<Stage>& stages);

/// The select and search stages, if a campaign asks for them, before others.
std::vector<Stage> with_selection(const Campaign& written, std::vector<Stage> stages);

}  // namespace ratiofarm
