#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/unfolding_tasks.hpp"
#include "measurement/unfolding/unfolded_results.hpp"
#include "protocol/task_file.hpp"

#include "farm_stage.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

/// The tasks of an unfolding on rank 0, and what becomes of their results.
class UnfoldingRound {
public:
    UnfoldingRound(UnfoldingPlan plan, const RunPlace& place)
        : plan_(std::move(plan)), place_(place) {}

    /// Those of this farm's shard; they make their payloads from this object.
    std::vector<Task> tasks() const {
        std::vector<Task> list;
        for (const UnfoldTask& task : plan_.tasks) {
            if (!owns(task)) continue;
            list.push_back(
                {task.digest,
                 task.name,
                 task.flop,
                 {},
                 task.identity,
                 [this, &task](std::uint64_t attempt) { return request_frame(task, attempt); },
                 task.after,
                 task.kept});
        }
        return list;
    }

    /// Of this farm's shard.
    std::vector<const UnfoldTask*> to_do() const {
        return unfolding_to_do(plan_, [this](const UnfoldTask& task) {
            std::error_code unknown;
            return !owns(task) ||
                   std::filesystem::exists(place_.directory.result(task.digest), unknown);
        });
    }

    /// Every one of them is done. Valid as long as this object.
    std::vector<UnfoldedChain> chains(const Campaign& campaign) const {
        std::vector<UnfoldedChain> chains;
        for (const UnfoldChain& chain : plan_.chains) {
            const auto read = [this, &chain](std::uint32_t iteration) {
                const Digest& task = chain.truth.at(iteration - 1);
                return take_result<UnfoldResult>(place_.directory.result(task), task).ln_weight;
            };
            const Digest& last = chain.truth.back();
            chains.push_back(
                {.variation = chain.variation,
                 .data_replica = chain.data_replica,
                 .mc_replica = chain.mc_replica,
                 .member = chain.member,
                 .mc_seed = mc_replica_seed(campaign, chain.mc_replica),
                 .ln_nu = read,
                 .steps = take_result<UnfoldResult>(place_.directory.result(last), last).steps});
        }
        return chains;
    }

    /// Removes results that were read for the last time. \param done  by this farm, after its first
    /// task began: damaged results of earlier ones are gone by then
    void remove_read(const Digest& done) {
        if (Clock::now() >= next_look_) look();
        for (const Digest& parent : *after_.at(done)) {
            const auto passing = readers_.find(parent);
            if (passing == readers_.end()) continue;
            passing->second.erase(done);
            if (passing->second.empty()) remove(parent);
        }
    }

    /// Likewise, of whatever is there. A job that joined others sees again and again what they did,
    /// for no more than a hundredth of its time.
    void look() {
        const auto begin = Clock::now();
        after_.clear();
        readers_.clear();
        for (const UnfoldTask& task : plan_.tasks) {
            if (!owns(task)) continue;
            after_.emplace(task.digest, &task.after);
            if (!task.kept) readers_.try_emplace(task.digest);
        }
        for (const UnfoldTask* task : to_do()) {
            for (const Digest& parent : task->after) {
                const auto read = readers_.find(parent);
                if (read != readers_.end()) read->second.insert(task->digest);
            }
        }
        for (const auto& [task, readers] : readers_) {
            if (readers.empty()) remove(task);
        }
        const auto took = Clock::now() - begin;
        next_look_ = Clock::time_point::max();
        if (place_.farm.join) next_look_ = begin + std::max<Clock::duration>(rest, 100 * took);
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds rest{5};

    bool owns(const UnfoldTask& task) const { return place_.farm.shard.owns(shard_key(task)); }

    void remove(const Digest& task) const {
        std::error_code ignored;
        std::filesystem::remove(place_.directory.result(task), ignored);
    }

    std::vector<std::byte> request_frame(const UnfoldTask& task, std::uint64_t attempt) const {
        UnfoldRequest request = task.request;
        const auto path = [&](const Digest& digest) {
            return place_.directory.result(digest).string();
        };
        request.result_path = path(task.digest);
        request.state_path = place_.directory.state(task.digest, attempt).string();
        for (auto* parents : {&request.before, &request.acceptance, &request.subtraction}) {
            for (UnfoldParent& parent : *parents) parent.path = path(parent.task);
        }
        for (NetRequest& net : request.attempts) {
            if (net.warm_start.task != Digest{}) net.warm_start.path = path(net.warm_start.task);
        }
        return frame(TrainerRequest(std::move(request)));
    }

    UnfoldingPlan plan_;
    const RunPlace& place_;
    std::unordered_map<Digest, const std::vector<Digest>*> after_;
    /// Of each result that goes when it was read, who is still to read it.
    std::unordered_map<Digest, std::set<Digest>> readers_;
    Clock::time_point next_look_;
};

}  // namespace

StageEnd unfold_stage(RunContext& context,
                      const PlannedCampaign& planned,
                      const RunPlace& place,
                      RootBooks& books) {
    if (!planned.campaign.unfolding) return {StageEnd::State::up_to_date, 0.0, {}};
    const mpi::Communicator& world = context.world;
    std::optional<UnfoldingRound> round;
    std::vector<Task> tasks;
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        const std::string device = device_class_name(place.device);
        round.emplace(make_unfolding_plan({planned.campaign, planned.samples, device}), place);
        tasks = round->tasks();
        if (round->to_do().empty()) return;
        expect_trainings(planned.outlook);
        for (const auto& warning : planned.outlook.warnings) context.log.warning(warning);
    });
    StageEnd end =
        growing_farm_stage(context, place, books, std::move(tasks), TaskFileKind::unfold_result,
                           {[&](const Digest& ended, TaskOutcome how) {
                               if (how == TaskOutcome::done) round->remove_read(ended);
                               return std::vector<Task>{};
                           }});
    if (!ended_well(end) || !place.farm.shard.has_all()) return end;
    return in_turn(context, place, books, [&] {
        mpi::together(world, [&] {
            if (!world.is_root()) return;
            round->look();
            write_unfolded(planned.campaign, planned.samples, round->chains(planned.campaign),
                           place.directory, context.log);
        });
        return end;
    });
}

}  // namespace ratiofarm
