#include "scheduler/host/task_pool.hpp"

#include <memory>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
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

}  // namespace

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
