#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "tables/ratios/ratio_writer.hpp"

#include "farm_stage.hpp"
#include "inference_tasks.hpp"
#include "own_ratios.hpp"
#include "ratio_assembly.hpp"
#include "tested_shapes.hpp"

namespace ratiofarm {
namespace {

/// Collective over world. Trainers map the weights as they lie there: every bit of them is checked
/// before, net by net on all ranks.
/// \throws AgreedError, resumable, once a damaged file was set aside
void expect_sound_ensembles(const mpi::Communicator& world,
                            const TaskGraph& graph,
                            const RunDirectory& directory) {
    EnsembleFiles files(graph, directory);
    std::set<std::string> names;
    for (const InferTask& task : graph.inferences) names.insert(task.ensemble);
    mpi::together(world, [&] {
        for (const std::string& name : names) files.find(name);
    });
    const auto ranks = static_cast<std::uint64_t>(world.size());
    const auto rank = static_cast<std::uint64_t>(world.rank());
    mpi::together(world, [&] {
        for (const std::string& name : names) {
            const EnsembleFile& file = files.find(name);
            try {
                check_nets(file, block_partition(file.header.nets(), ranks, rank));
            } catch (const DataError& damage) {
                const std::string aside = file.path.string() + ".damaged";
                std::error_code ignored;  // another rank may have done it
                std::filesystem::rename(file.path, aside, ignored);
                throw SystemError(std::string(damage.what()) + "; the file was set aside as '" +
                                  aside + "', run 'ratiofarm run' or 'gather' to make it again");
            }
        }
    });
}

void log_summary(const RatioHeader& header, const RatioSummary& summary, const Log& log) {
    for (std::size_t i = 0; i < header.processes.size(); ++i) {
        log.info("normalisation before correction", {{"process", header.processes[i].name},
                                                     {"E_ref[r]-1", summary.excess[i]},
                                                     {"error", summary.excess_error[i]}});
    }
    log.info("sum of shares x ratios - 1, which is 0 for exact ratios",
             {{"mean", summary.identity_after.mean}, {"spread", summary.identity_after.spread}});
}

}  // namespace

StageEnd infer_stage(RunContext& context,
                     const PlannedCampaign& planned,
                     const RunPlace& place,
                     RootBooks& books) {
    // Regions that are only counted need no ratios.
    if (!planned.campaign.has_events()) return {StageEnd::State::up_to_date, 0.0, {}};
    const Digest inputs = ratios_digest(planned.campaign, planned.samples, planned.graph);
    std::uint64_t stale =
        context.world.is_root() && !are_ratios_of(place.directory.ratios(), inputs) ? 1 : 0;
    mpi::all_sum(context.world, std::span(&stale, 1));
    if (stale == 0) return {StageEnd::State::up_to_date, 0.0, {}};

    expect_sound_ensembles(context.world, planned.graph, place.directory);
    std::vector<Task> tasks;
    mpi::together(context.world, [&] {
        if (context.world.is_root()) tasks = inference_tasks(planned.graph, place.directory);
    });
    StageEnd stage = farm_stage(context, place, books, std::move(tasks), TaskFileKind::ratio_block);
    if (!ended_well(stage)) return stage;
    const RatioInput input = ratio_input(planned, place.directory, inputs,
                                         shape_significances(context.world, planned, place));
    const RatioSummary summary = write_ratios(context.world, place.directory.ratios(), input,
                                              block_provider(planned, place.directory, input));
    log_summary(input.header, summary, context.log);
    if (context.world.is_root()) {
        remove_inference_results(planned.graph, place.directory);  // ratios.h5 has it all
    }
    stage.state = StageEnd::State::done;
    return stage;
}

}  // namespace ratiofarm
