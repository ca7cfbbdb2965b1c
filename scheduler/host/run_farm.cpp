#include "run_farm.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

#include "farm/mpi_channel.hpp"
#include "farm/worker.hpp"

#include "farm_host.hpp"

namespace ratiofarm {
namespace {

using namespace std::chrono_literals;

/// Sleeps between looks for something to do: a fiftieth of the time that no task has begun or
/// ended. So tasks of 10 ms are answered within 0.2 ms, and long ones cost 50 looks a second.
class Pause {
public:
    void reset() { quiet_since_ = Clock::now(); }
    void sleep() const {
        const Clock::duration quiet = Clock::now() - quiet_since_;
        std::this_thread::sleep_for(std::clamp<Clock::duration>(quiet / 50, 200us, 20ms));
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point quiet_since_ = Clock::now();
};

bool is_for_scheduler(const Message& message) {
    return std::holds_alternative<Ready>(message) || std::holds_alternative<Heartbeat>(message) ||
           std::holds_alternative<Finished>(message);
}

/// Collective over world: rank 0's numbers on every rank.
FarmEnd shared(const mpi::Communicator& world, FarmEnd end) {
    std::array<std::uint64_t, 4> numbers{end.done, end.failed, end.left, end.stopped ? 1U : 0U};
    mpi::all_sum(world, numbers);
    end.done = numbers[0];
    end.failed = numbers[1];
    end.left = numbers[2];
    end.stopped = numbers[3] != 0;
    return end;
}

}  // namespace

void TasksThere::add(const Task& task) {
    tasks += 1;
    const auto alike = std::ranges::find_if(flop, [&](const auto& known) {
        return known.first.kind == task.identity.kind && known.first.family == task.identity.family;
    });
    if (alike == flop.end()) {
        flop.emplace_back(task.identity, task.cost);
    } else {
        alike->second += task.cost;
    }
}

FarmEnd run_farm(const FarmRank& rank, std::vector<Task> tasks, const FarmOptions& options) {
    RATIOFARM_EXPECT(rank.world.is_root() == (rank.journal != nullptr));
    const auto channel = make_mpi_channel(rank.world);
    Worker worker(*channel, rank.runner);
    std::optional<FarmHost> host;
    if (rank.world.is_root()) {
        host.emplace(FarmHost::Links{rank.world.size(), *channel, *rank.journal, rank.log},
                     std::move(tasks), options);
    }
    Pause pause;
    while (!worker.quit()) {
        const bool was_running = worker.running();
        bool busy = worker.step();
        while (const auto envelope = channel->receive()) {
            busy = true;
            if (!std::holds_alternative<Heartbeat>(envelope->message)) pause.reset();
            if (is_for_scheduler(envelope->message)) {
                RATIOFARM_EXPECT(host.has_value());
                host->receive(envelope->peer, envelope->message);
            } else {
                worker.receive(envelope->message);
            }
        }
        if (host) host->step();
        if (worker.running() != was_running) pause.reset();
        if (!busy) pause.sleep();
    }
    return shared(rank.world, host ? host->end() : FarmEnd{});
}

FarmEnd run_farm(const mpi::Communicator& world,
                 std::vector<Task> tasks,
                 TaskRunner& runner,
                 Journal* journal,
                 const Log& log) {
    return run_farm({world, runner, journal, log}, std::move(tasks), {});
}

}  // namespace ratiofarm
