#include <filesystem>
#include <unordered_map>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"

#include "stages.hpp"

namespace ratiofarm {
namespace {

struct WordList {
    std::vector<std::uint64_t> words;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, WordList>& value) {
    archive(value.words);
}

std::vector<const TrainTask*> members_of(const TaskGraph& graph, const std::string& ensemble) {
    std::vector<const TrainTask*> members;
    for (const TrainTask& task : graph.trainings) {
        if (task.ensemble == ensemble) members.push_back(&task);
    }
    return members;
}

EnsembleHeader header_of(const Workspace& workspace, const std::string& ensemble) {
    const Campaign& campaign = workspace.campaign;
    EnsembleHeader header;
    header.name = header.process = ensemble;
    header.digest = ensemble_digest(workspace.graph, ensemble);
    header.network = campaign.network;
    header.features = campaign.events.features;
    header.training = campaign.training;
    header.combine = campaign.ensemble.combine;
    for (const TrainTask* task : members_of(workspace.graph, ensemble)) {
        header.names.push_back(task->name);
    }
    return header;
}

bool is_up_to_date(const std::filesystem::path& path, const EnsembleHeader& wanted) {
    if (!std::filesystem::exists(path)) return false;
    try {
        const EnsembleHeader found = read_ensemble(path).header;
        return found.digest == wanted.digest && found.combine == wanted.combine;
    } catch (const Error&) {
        return false;  // damaged: written again from the results of the trainings
    }
}

void check_all_trained(const Workspace& workspace) {
    std::string missing;
    std::uint64_t count = 0;
    for (const TrainTask& task : workspace.graph.trainings) {
        if (std::filesystem::exists(workspace.directory.result(task.digest))) continue;
        if (++count <= 5) missing += (count == 1 ? "" : ", ") + task.name;
    }
    if (count == 0) return;
    throw DataError(fmt::format("{} of {} nets are not trained ({}{}); run 'ratiofarm train' first",
                                count, workspace.graph.trainings.size(), missing,
                                count > 5 ? ", ..." : ""));
}

/// Checksums of the results that count, by task.
using CommittedResults = std::unordered_map<Digest, std::uint32_t>;

/// Collective over world: what the journal of rank 0 says, on every rank.
CommittedResults committed_results(const mpi::Communicator& world, const Workspace& workspace) {
    std::vector<std::uint64_t> words;
    if (world.is_root()) {
        for (const TrainTask& task : workspace.graph.trainings) {
            const auto known = workspace.history.committed.find(task.digest);
            if (known == workspace.history.committed.end()) continue;
            words.insert(words.end(), {task.digest.high, task.digest.low, known->second.crc});
        }
    }
    const auto bytes = mpi::broadcast(world, encode(WordList{words}));
    words = decode<WordList>(bytes).words;
    CommittedResults results;
    for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
        results.emplace(Digest{words[i], words[i + 1]}, static_cast<std::uint32_t>(words[i + 2]));
    }
    return results;
}

/// The result of a training; one that is whole but not the committed one (a late attempt wrote it)
/// is refused like a damaged one.
TrainedNet read_result(const std::filesystem::path& path,
                       const TrainTask& task,
                       const CommittedResults& committed) {
    const auto known = committed.find(task.digest);
    if (known != committed.end() && known->second != crc32(read_file(path))) {
        throw DataError("'" + path.string() + "' is not the result that was committed");
    }
    return read_task_file<TrainingResult>(path, task.digest).nets.front();
}

EnsembleNet read_net(const Workspace& workspace,
                     const TrainTask& task,
                     const CommittedResults& committed) {
    const auto path = workspace.directory.result(task.digest);
    try {
        EnsembleNet net;
        net.task = task.digest;
        net.seed = task.request.nets.front().initialisation_seed;
        net.result = read_result(path, task, committed);
        return net;
    } catch (DataError& error) {
        // A damaged result is worth nothing: without it the same command trains the net again.
        std::filesystem::remove(path);
        throw SystemError(
            fmt::format("{}; it was removed, run the same command again to train {} "
                        "once more",
                        error.what(), task.name));
    }
}

}  // namespace

StageEnd gather_stage(CommandContext& context, Workspace& workspace) {
    mpi::together(context.world, [&] {
        if (!context.world.is_root()) return;
        check_all_trained(workspace);
        std::filesystem::create_directories(workspace.directory.ensembles());
    });
    const CommittedResults committed = committed_results(context.world, workspace);
    StageEnd stage{StageEnd::State::up_to_date, 0.0, {}};
    for (const ProcessSection& process : workspace.campaign.processes) {
        const auto path = workspace.directory.ensemble(process.name);
        const EnsembleHeader header = header_of(workspace, process.name);
        std::uint64_t stale = context.world.is_root() && !is_up_to_date(path, header) ? 1 : 0;
        mpi::all_sum(context.world, std::span(&stale, 1));
        if (stale == 0) continue;
        const auto members = members_of(workspace.graph, process.name);
        write_ensemble(context.world, path, header, [&](std::uint64_t net) {
            return read_net(workspace, *members[net], committed);
        });
        context.log.info("ensemble gathered", {{"process", process.name}, {"nets", header.nets()}});
        stage.state = StageEnd::State::done;
    }
    return stage;
}

}  // namespace ratiofarm
