#include "scheduler/host/task_pool.hpp"

#include <algorithm>
#include <deque>
#include <memory>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "scheduler/host/claim_need.hpp"
#include "store/lock.hpp"

using namespace ratiofarm;

namespace {

std::vector<Task> tasks_of_cost(const std::vector<double>& costs) {
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < costs.size(); ++i) tasks.push_back({{1, i}, "", costs[i], {}});
    return tasks;
}

std::vector<double> costs_of(const std::vector<Task>& tasks) {
    std::vector<double> costs;
    for (const Task& task : tasks) costs.push_back(task.cost);
    return costs;
}

/// A job of one rank that joined, on a clock that the test moves.
struct JoinedJob {
    JoinedJob(const RunDirectory& directory,
              const std::string& name,
              const std::vector<double>& costs)
        : lock(directory.lock(Shard{.job = name}), Log()),
          claims(directory, name, 90.0),
          pool(tasks_of_cost(costs), claims) {}

    /// Claims what it needs, and begins a task if its rank is idle.
    void step(double now, const RunDirectory& directory) {
        if (running && now >= end) {
            publish(directory.result(running->digest), "result");
            claims.settle(running->digest, Claims::Instant());
            running.reset();
            done += 1;
        }
        claims.look(Claims::Instant());
        double waiting_cost = 0.0;
        for (const Task& task : waiting) waiting_cost += task.cost;
        const ClaimNeed need = claim_need({.idle = running ? 0U : 1U,
                                           .waiting = waiting.size(),
                                           .waiting_cost = waiting_cost,
                                           .claimable_cost = pool.claimable_cost(),
                                           .jobs = claims.jobs(),
                                           .look_seconds = 0.001,
                                           .longest_look = 5.0,
                                           .learned = done > 0});
        for (Task& task : pool.take(need.tasks, need.seconds)) waiting.push_back(std::move(task));
        if (running || waiting.empty()) return;
        running = std::move(waiting.front());
        waiting.pop_front();
        end = now + running->cost;
    }

    Lock lock;
    Claims claims;
    TaskPool pool;
    std::deque<Task> waiting;  // claimed
    std::optional<Task> running;
    double end = 0.0;
    std::size_t done = 0;
};

}  // namespace

TEST_CASE("a job claims ahead what keeps it busy for a short time, and no more than its part") {
    const ClaimState state{.ranks = 4,
                           .idle = 2,
                           .claimable_cost = 1e6,
                           .jobs = 3,
                           .look_seconds = 0.001,
                           .longest_look = 5.0,
                           .learned = true};

    CHECK(claim_need(state).tasks == 2);
    CHECK(claim_need(state).seconds == 4.0);  // a second of each rank
    ClaimState changed = state;
    changed.look_seconds = 0.1;  // a slow file system
    CHECK(claim_need(changed).seconds == 32.0);
    changed.look_seconds = 100.0;
    CHECK(claim_need(changed).seconds == 80.0);
    changed = state;
    changed.claimable_cost = 6.0;
    CHECK(claim_need(changed).seconds == 2.0);
    changed.learned = false;
    CHECK(claim_need(changed).tasks == 2);
    CHECK(claim_need(changed).seconds == 0.0);
    changed = state;
    changed.waiting = 3;
    changed.waiting_cost = 2.5;  // enough: it looks for more when half is left
    CHECK(claim_need(changed).tasks == 0);
    CHECK(claim_need(changed).seconds == 0.0);
    changed.waiting_cost = 1.5;
    CHECK(claim_need(changed).seconds == 2.5);
}

TEST_CASE("jobs share short tasks evenly, also one that joins a little later") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const std::vector<double> costs(24, 0.5);
    const double late = GENERATE(0.0, 0.7, 2.0);
    JoinedJob first(directory, "first", costs);
    std::optional<JoinedJob> second;
    double now = 0.0;
    for (; now < 20.0 && first.done + (second ? second->done : 0) < costs.size(); now += 0.1) {
        if (!second && now >= late) second.emplace(directory, "second", costs);
        first.step(now, directory);
        if (second) second->step(now, directory);
    }
    INFO("the second job joined after " << late << " s");

    REQUIRE(second);
    CHECK(first.done + second->done == costs.size());
    // All 12 s of work, of which the first did those of the beginning alone; a step is 0.1 s.
    const double together = late + 0.5 * (12.0 - late);
    CHECK(now <= together + 1.5);
    CHECK(second->done >= std::size_t(0.5 * (12.0 - late) / 0.5) - 2);
}

TEST_CASE("a job claims what its workers need, the longest first, and leaves the rest to others") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const Lock lock_a(directory.lock(Shard{.job = "a"}), Log());
    const Lock lock_b(directory.lock(Shard{.job = "b"}), Log());
    Claims a(directory, "a", 90.0);
    Claims b(directory, "b", 90.0);
    const std::vector<double> costs{1, 9, 2, 8, 3, 7, 4, 6, 5};
    TaskPool pool_a(tasks_of_cost(costs), a);
    TaskPool pool_b(tasks_of_cost(costs), b);

    // Two idle workers; then so many seconds of work.
    CHECK(costs_of(pool_a.take(2, 0.0)) == std::vector<double>{9, 8});
    CHECK(costs_of(pool_a.take(0, 14.0)) == std::vector<double>{7, 6});
    CHECK(pool_a.take(0, 4.0).empty());

    // b did not look since, and then one of its tasks is found done.
    publish(directory.result({1, 8}), "result");
    CHECK(costs_of(pool_b.take(1, 0.0)) == std::vector<double>{4});
    CHECK(pool_b.done_elsewhere() == 1);
    CHECK(pool_b.size() == 7);

    b.look(Claims::Instant());
    pool_b.reprice([](const Task& task) { return 10.0 - task.cost; });
    CHECK(costs_of(pool_b.take(9, 0.0)) == std::vector<double>{9, 8, 7});
    CHECK(pool_b.take(9, 1e9).empty());
    CHECK(pool_b.size() == 4);  // those that a keeps
}

TEST_CASE("a task of a chain is claimed when what it reads is there, whoever made it") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const Lock lock_a(directory.lock(Shard{.job = "a"}), Log());
    const Lock lock_b(directory.lock(Shard{.job = "b"}), Log());
    Claims a(directory, "a", 90.0);
    Claims b(directory, "b", 90.0);
    // 0 -> 1 -> 2 of cost 1 and 3 -> 4 of cost 2; 2 and 4 are wanted for themselves.
    const auto chains = [] {
        auto tasks = tasks_of_cost({1, 1, 1, 2, 2});
        tasks[1].after = {tasks[0].digest};
        tasks[2].after = {tasks[1].digest, {1, 77}};  // which was done before
        tasks[4].after = {tasks[3].digest};
        for (const int passing : {0, 1, 3}) tasks[passing].wanted = false;
        return tasks;
    };
    const auto taken_by = [](TaskPool& pool) {
        std::vector<std::uint64_t> numbers;
        for (const Task& task : pool.take(9, 0.0)) {
            CHECK(task.after.empty());
            numbers.push_back(task.digest.low);
        }
        return numbers;
    };
    using Numbers = std::vector<std::uint64_t>;
    TaskPool pool_a(chains(), a);
    TaskPool pool_b(chains(), b);
    CHECK(pool_a.claimable() == 2);

    SECTION("the longest way to go first, and each after those it reads") {
        CHECK(taken_by(pool_a) == Numbers{3, 0});
        CHECK(pool_a.claimable() == 0);
        CHECK(pool_a.done({1, 0}));
        CHECK(taken_by(pool_a) == Numbers{1});
        CHECK(pool_a.done({1, 3}));
        CHECK(taken_by(pool_a) == Numbers{4});
        CHECK_FALSE(pool_a.done({1, 4}));
        pool_a.reprice([](const Task&) { return 5.0; });
        CHECK(pool_a.done({1, 1}));
        CHECK(taken_by(pool_a) == Numbers{2});
    }
    SECTION("the result of another job counts") {
        CHECK(pool_a.take(1, 0.0).front().digest.low == 3);
        b.look(Claims::Instant());
        CHECK(taken_by(pool_b) == Numbers{0});
        publish(directory.result({1, 3}), "result");
        CHECK(taken_by(pool_b) == Numbers{4});
        CHECK(pool_b.done_elsewhere() == 1);
    }
    SECTION("a result that was read for the last time is not made again") {
        publish(directory.result({1, 2}), "result");
        CHECK(taken_by(pool_a) == Numbers{3});
        CHECK(pool_a.done_elsewhere() == 3);
        CHECK(pool_a.size() == 1);  // 4
    }
}
