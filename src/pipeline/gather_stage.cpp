#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"

#include "campaign/ensemble_choice.hpp"
#include "core/signal_flags.hpp"
#include "protocol/task_file.hpp"

#include "ensembles.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

/// A net of an ensemble and where its result lies.
struct NetSource {
    std::string name;
    Digest task;
    std::uint32_t index = 0;  ///< within the task
    std::uint32_t attempts = 1;
    std::uint32_t fold = 0;
    std::uint64_t seed = 0;
    std::uint64_t replica = 0;
    std::uint32_t crc = 0;  ///< of the result that counts
    bool committed = false;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, NetSource>& value) {
    archive(value.name, value.task, value.index, value.attempts, value.fold, value.seed,
            value.replica, value.crc, value.committed);
}

/// A file to be written, as rank 0 tells the others.
struct Gathering {
    std::uint64_t ensemble = 0;  ///< index in the graph
    std::vector<NetSource> nets;
    std::vector<ExcludedNet> excluded;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Gathering>& value) {
    archive(value.ensemble, value.nets, value.excluded);
}

struct Gatherings {
    std::vector<Gathering> list;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Gatherings>& value) {
    archive(value.list);
}

/// By name, in alphabetical order.
std::vector<NamedNumber> gates_of(const GatesSection& gates) {
    std::vector<NamedNumber> named;
    for_each_field(gates, [&](std::string_view name, double limit, const Key&) {
        named.push_back({std::string(name), limit});
    });
    std::ranges::sort(named, {}, &NamedNumber::name);
    return named;
}

EnsembleHeader header_of(const PlannedCampaign& planned, const Gathering& gathering) {
    const Campaign& campaign = planned.campaign;
    const PlannedEnsemble& ensemble = planned.graph.ensembles[gathering.ensemble];
    EnsembleHeader header;
    header.name = ensemble.spec.name;
    header.process = ensemble.spec.process;
    header.digest = ensemble.digest;
    NetSettings settings = net_settings(campaign, ensemble.spec.role);
    header.network = std::move(settings.network);
    header.list_closure = reads_lists(header.network);
    header.features = std::move(settings.features);
    header.training = settings.training;
    header.combine = settings.combine;
    header.folds = campaign.split.folds;
    header.gates = gates_of(campaign.gates);
    header.excluded = gathering.excluded;
    for (const NetSource& net : gathering.nets) header.names.push_back(net.name);
    return header;
}

/// A damaged result is worth nothing: without it the same command trains the net again.
[[noreturn]] void give_up_result(const std::filesystem::path& path,
                                 const std::string& name,
                                 const std::string& why) {
    std::filesystem::remove(path);
    throw SystemError(fmt::format(
        "{}; it was removed, run the same command again to train {} once more", why, name));
}

Gathering gathering_of(const Campaign& campaign,
                       const JournalState& history,
                       const EnsembleChoice& choice,
                       std::uint64_t ensemble) {
    Gathering gathering{ensemble, {}, {}};
    for (const ChosenNet& net : choice.nets()) {
        NetSource source{.name = net.name,
                         .task = net.place.task,
                         .index = net.place.net,
                         .attempts = net.attempts,
                         .fold = campaign.split.folds > 0 ? net.fold : no_fold,
                         .seed = net.initialisation_seed,
                         .replica = net.replica};
        const auto known = history.committed.find(source.task);
        source.committed = known != history.committed.end();
        if (source.committed) source.crc = known->second.result.crc;
        gathering.nets.push_back(std::move(source));
    }
    std::map<std::string, Digest> tasks;
    for (const NetSlot& slot : choice.slots) {
        for (const TriedNet& net : slot.tried) tasks.emplace(net.name, net.place.task);
    }
    for (const Exclusion& exclusion : choice.exclusions()) {
        gathering.excluded.push_back({exclusion.net, tasks[exclusion.net], exclusion.text});
    }
    return gathering;
}

/// Which files to write, from what. On rank 0.
Gatherings plan(const PlannedCampaign& planned,
                const RunPlace& place,
                const JournalState& history) {
    Gatherings gatherings;
    std::vector<std::uint64_t> stale;
    for (std::uint64_t index = 0; index < planned.graph.ensembles.size(); ++index) {
        const PlannedEnsemble& ensemble = planned.graph.ensembles[index];
        if (!is_gathered(planned.campaign, place.directory, ensemble)) stale.push_back(index);
    }
    if (stale.empty()) return gatherings;
    Ensembles ensembles(planned, place);
    const auto choices = ensembles.choices();
    for (const Digest& task : ensembles.take_damaged()) {
        const std::filesystem::path path = place.directory.result(task);
        give_up_result(path, "its nets", "'" + path.string() + "' is damaged");
    }
    expect_complete(choices);
    for (const std::uint64_t index : stale) {
        gatherings.list.push_back(gathering_of(planned.campaign, history, choices[index], index));
        const auto path = place.directory.ensemble(choices[index].name);
        std::filesystem::create_directories(path.parent_path());
    }
    return gatherings;
}

/// Reads nets out of the results of trainings; those of one pack lie in one file.
class NetReader {
public:
    explicit NetReader(const RunDirectory& directory) : directory_(directory) {}

    /// \throws SystemError if the result is damaged: it was removed
    EnsembleNet read(const NetSource& source) {
        EnsembleNet net;
        net.task = source.task;
        net.index = source.index;
        net.attempts = source.attempts;
        net.fold = source.fold;
        net.seed = source.seed;
        net.replica = source.replica;
        net.result = result_of(source).nets.at(source.index);
        return net;
    }

private:
    const TrainingResult& result_of(const NetSource& source) {
        if (last_ && task_ == source.task) return *last_;
        const auto path = directory_.result(source.task);
        try {
            // One that is whole but not the committed one: a late attempt wrote it.
            const auto file = read_file(path);
            if (source.committed && source.crc != crc32(file)) {
                throw DataError("'" + path.string() + "' is not the result that was committed");
            }
            last_ = in_context(path.string(), [&] {
                return decode<TrainingResult>(
                    task_file_body(file, TaskFileKind::training_result, source.task));
            });
        } catch (const DataError& error) {
            give_up_result(path, source.name, error.what());
        }
        task_ = source.task;
        return *last_;
    }

    const RunDirectory& directory_;
    Digest task_;
    std::optional<TrainingResult> last_;
};

/// Collective over world. Of many files each is written by one rank, a few by all together.
/// \param write  collective over the ranks that it is given
void write_files(const mpi::Communicator& world,
                 const std::vector<Gathering>& list,
                 const std::function<void(const mpi::Communicator&, const Gathering&)>& write) {
    const auto ranks = static_cast<std::size_t>(world.size());
    if (list.size() < 4 * ranks) {
        for (const Gathering& gathering : list) {
            mpi::obey_stop(world);
            write(world, gathering);
        }
        return;
    }
    mpi::together(world, [&] {
        const mpi::Communicator alone;
        for (auto file = static_cast<std::size_t>(world.rank()); file < list.size();
             file += ranks) {
            expect_no_stop();
            write(alone, list[file]);
        }
    });
}

}  // namespace

StageEnd gather_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      const JournalState& history) {
    const mpi::Communicator& world = context.world;
    Gatherings gatherings;
    mpi::together(world, [&] {
        if (world.is_root()) gatherings = plan(planned, place, history);
    });
    gatherings = decode<Gatherings>(mpi::broadcast(world, encode(gatherings)));
    NetReader reader(place.directory);
    write_files(
        world, gatherings.list, [&](const mpi::Communicator& writers, const Gathering& gathering) {
            const EnsembleHeader header = header_of(planned, gathering);
            write_ensemble(writers, place.directory.ensemble(header.name), header,
                           [&](std::uint64_t net) { return reader.read(gathering.nets[net]); });
        });
    for (const Gathering& gathering : gatherings.list) {
        context.log.info("ensemble gathered",
                         {{"ensemble", planned.graph.ensembles[gathering.ensemble].spec.name},
                          {"nets", std::uint64_t{gathering.nets.size()}},
                          {"excluded", std::uint64_t{gathering.excluded.size()}}});
    }
    const bool up_to_date = gatherings.list.empty();
    return {up_to_date ? StageEnd::State::up_to_date : StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm
