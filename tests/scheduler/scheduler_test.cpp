#include "scheduler/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

namespace {

std::vector<Task> tasks_of_cost(const std::vector<double>& costs) {
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < costs.size(); ++i) {
        tasks.push_back({{i + 1, 0}, "task " + std::to_string(i), costs[i], {}});
    }
    return tasks;
}

template <class T>
std::vector<T> only(const std::vector<Action>& actions) {
    std::vector<T> chosen;
    for (const Action& action : actions) {
        if (const auto* wanted = std::get_if<T>(&action)) chosen.push_back(*wanted);
    }
    return chosen;
}

Assign assigned(const std::vector<Action>& actions) {
    const auto sends = only<SendAction>(actions);
    REQUIRE(sends.size() == 1);
    return std::get<Assign>(sends[0].message);
}

Finished finished(const Assign& assign, TaskOutcome outcome) {
    TaskReport report;
    report.outcome = outcome;
    report.reason = "because";
    return {assign.attempt, assign.task.digest, report};
}

const WorkerId one{1}, two{2};

}  // namespace

TEST_CASE("a task that another job has taken over is stopped, and nothing of it counts") {
    Scheduler scheduler(tasks_of_cost({5.0, 3.0, 1.0}));
    const Assign running = assigned(scheduler.on(one, Ready{}));
    REQUIRE(running.task.cost == 5.0);

    CHECK(scheduler.withdraw({2, 0}).empty());  // the one of cost 3 waits
    const auto stops = only<SendAction>(scheduler.withdraw(running.task.digest));
    REQUIRE(stops.size() == 1);
    CHECK(stops[0].to == one);
    CHECK(std::holds_alternative<Stop>(stops[0].message));
    CHECK(scheduler.withdraw(running.task.digest).empty());

    const TaskOutcome outcome = GENERATE(TaskOutcome::done, TaskOutcome::stopped,
                                         TaskOutcome::crashed, TaskOutcome::failed);
    const auto actions = scheduler.on(one, finished(running, outcome));
    CHECK(only<CommitAction>(actions).empty());
    CHECK(only<GiveUpAction>(actions).empty());
    CHECK(only<NoteAction>(actions).size() == 1);
    const Assign last = assigned(actions);
    CHECK(last.task.cost == 1.0);

    // It may come back when that job is gone.
    auto again = tasks_of_cost({5.0});
    again[0].strikes = 2;
    scheduler.add(again);
    const Assign back = assigned(scheduler.on(one, finished(last, TaskOutcome::done)));
    CHECK(back.task.cost == 5.0);
    CHECK(only<GiveUpAction>(scheduler.on(one, finished(back, TaskOutcome::crashed))).size() == 1);
    CHECK(scheduler.over());
    CHECK(scheduler.counts().cost_total == 6.0);
}

TEST_CASE("the longest expected task is handed out first") {
    Scheduler scheduler(tasks_of_cost({1.0, 5.0, 3.0}));

    Assign assign = assigned(scheduler.on(one, Ready{}));
    CHECK(assign.task.cost == 5.0);
    assign = assigned(scheduler.on(one, finished(assign, TaskOutcome::done)));
    CHECK(assign.task.cost == 3.0);
    assign = assigned(scheduler.on(one, finished(assign, TaskOutcome::done)));
    CHECK(assign.task.cost == 1.0);
    CHECK_FALSE(scheduler.over());
    const auto last = scheduler.on(one, finished(assign, TaskOutcome::done));
    CHECK(only<CommitAction>(last).size() == 1);
    CHECK(scheduler.over());
    CHECK(scheduler.counts().done == 3);
}

TEST_CASE("a crash costs a strike, and the third gives the task up while the rest goes on") {
    Scheduler scheduler(tasks_of_cost({2.0, 1.0}), {.strikes = 3});
    Assign assign = assigned(scheduler.on(one, Ready{}));
    for (int strike = 1; strike <= 2; ++strike) {
        const auto actions = scheduler.on(one, finished(assign, TaskOutcome::crashed));
        CHECK(only<NoteAction>(actions).size() == 1);
        CHECK(only<GiveUpAction>(actions).empty());
        const Assign again = assigned(actions);
        CHECK(again.task.digest == assign.task.digest);
        CHECK(again.attempt != assign.attempt);
        assign = again;
    }
    const auto actions = scheduler.on(one, finished(assign, TaskOutcome::crashed));
    REQUIRE(only<GiveUpAction>(actions).size() == 1);
    CHECK(only<GiveUpAction>(actions)[0].strikes == 3);
    CHECK(assigned(actions).task.cost == 1.0);
}

TEST_CASE("a task that cannot succeed is given up at once") {
    Scheduler scheduler(tasks_of_cost({1.0}));
    const Assign assign = assigned(scheduler.on(one, Ready{}));

    const auto actions = scheduler.on(one, finished(assign, TaskOutcome::failed));

    REQUIRE(only<GiveUpAction>(actions).size() == 1);
    CHECK(only<GiveUpAction>(actions)[0].reason == "because");
    CHECK(scheduler.over());
    CHECK(scheduler.counts().failed == 1);
}

TEST_CASE("a late result of an older attempt is dropped with a note") {
    Scheduler scheduler(tasks_of_cost({1.0}));
    const Assign first = assigned(scheduler.on(one, Ready{}));
    const Assign second = assigned(scheduler.on(one, finished(first, TaskOutcome::crashed)));

    const auto late = scheduler.on(one, finished(first, TaskOutcome::done));
    CHECK(only<CommitAction>(late).empty());
    CHECK(only<NoteAction>(late).size() == 1);
    const auto stranger = scheduler.on(two, finished(second, TaskOutcome::done));
    CHECK(only<CommitAction>(stranger).empty());

    CHECK(only<CommitAction>(scheduler.on(one, finished(second, TaskOutcome::done))).size() == 1);
    const auto twice = scheduler.on(one, finished(second, TaskOutcome::done));
    CHECK(only<CommitAction>(twice).empty());
}

TEST_CASE("of two results of a task the first of the living attempt counts, equal or different") {
    for (const std::uint32_t other_crc : {7U, 8U}) {
        Scheduler scheduler(tasks_of_cost({1.0}));
        const Assign old = assigned(scheduler.on(one, Ready{}));
        scheduler.on(one, finished(old, TaskOutcome::crashed));
        scheduler.on(two, Ready{});
        Assign living = old;
        living.attempt = AttemptId(2);
        Finished result = finished(living, TaskOutcome::done);
        result.report.result.crc = 7;
        Finished late = finished(old, TaskOutcome::done);
        late.report.result.crc = other_crc;

        const WorkerId owner = only<NoteAction>(scheduler.on(two, late)).empty() ? two : one;
        CHECK(only<CommitAction>(scheduler.on(one, late)).empty());
        auto commits = only<CommitAction>(scheduler.on(owner, result));
        for (const WorkerId worker : {one, two}) {
            for (const auto& commit : only<CommitAction>(scheduler.on(worker, result))) {
                commits.push_back(commit);
            }
            CHECK(only<CommitAction>(scheduler.on(worker, late)).empty());
        }

        REQUIRE(commits.size() == 1);
        CHECK(commits[0].report.result.crc == 7);
        CHECK(scheduler.counts().done == 1);
    }
}

TEST_CASE("a task that crashed goes to another worker if there is one") {
    Scheduler scheduler(tasks_of_cost({5.0, 3.0, 1.0}));
    const Assign first = assigned(scheduler.on(one, Ready{}));
    const Assign second = assigned(scheduler.on(two, Ready{}));

    const Assign next = assigned(scheduler.on(one, finished(first, TaskOutcome::crashed)));
    CHECK(next.task.cost == 1.0);
    CHECK(assigned(scheduler.on(two, finished(second, TaskOutcome::done))).task.cost == 5.0);
}

TEST_CASE("a worker on which everything crashes is set aside, and every task is done elsewhere") {
    Scheduler scheduler(tasks_of_cost({5.0, 4.0, 3.0, 2.0, 1.0, 0.5}), {.worker_crashes = 3});
    std::map<WorkerId, Assign> running;
    const auto take = [&](const std::vector<Action>& actions) {
        for (const auto& send : only<SendAction>(actions)) {
            running[send.to] = std::get<Assign>(send.message);
        }
    };
    take(scheduler.on(one, Ready{}));
    take(scheduler.on(two, Ready{}));
    int crashes = 0;
    while (!scheduler.over()) {
        const bool broken = running.contains(one);
        const auto entry = *running.find(broken ? one : two);
        running.erase(entry.first);
        crashes += broken ? 1 : 0;
        take(scheduler.on(entry.first, finished(entry.second, broken ? TaskOutcome::crashed
                                                                     : TaskOutcome::done)));
    }

    CHECK(crashes == 3);
    CHECK(scheduler.counts().done == 6);
    CHECK(scheduler.counts().failed == 0);
}

TEST_CASE("storage that refuses stops the farm, and no strike is counted") {
    Scheduler scheduler(tasks_of_cost({3.0, 2.0, 1.0}), {.strikes = 1});
    const Assign first = assigned(scheduler.on(one, Ready{}));
    const Assign second = assigned(scheduler.on(two, Ready{}));

    const auto actions = scheduler.on(one, finished(first, TaskOutcome::postponed));
    const auto stops = only<SendAction>(actions);
    REQUIRE(stops.size() == 1);
    CHECK(stops[0].to == two);
    CHECK(std::holds_alternative<Stop>(stops[0].message));
    CHECK(only<GiveUpAction>(actions).empty());
    scheduler.on(two, finished(second, TaskOutcome::stopped));

    CHECK(scheduler.over());
    CHECK(scheduler.trouble() == "because");
    CHECK(scheduler.counts().waiting == 3);
    CHECK(scheduler.counts().failed == 0);
}

TEST_CASE("learned costs change the order of what waits") {
    Scheduler scheduler(tasks_of_cost({5.0, 3.0, 1.0}));
    const Assign first = assigned(scheduler.on(one, Ready{}));
    scheduler.reprice([](const Task& task) { return 10.0 - task.cost; });

    CHECK(scheduler.counts().cost_total == 5.0 + 7.0 + 9.0);
    const auto actions = scheduler.on(one, finished(first, TaskOutcome::done));
    CHECK(assigned(actions).task.name == "task 2");
    CHECK(scheduler.counts().cost_done == 5.0);
}

TEST_CASE("work that a checkpoint brought is known by the first word of its task") {
    Scheduler scheduler(tasks_of_cost({8.0, 4.0}));
    const Assign resumed = assigned(scheduler.on(one, Ready{}));
    const auto says = [&](double fraction) {
        scheduler.on(one, Heartbeat{resumed.attempt, {.fraction = fraction}});
    };

    says(0.5);
    says(0.75);

    CHECK(scheduler.counts().cost_done == 6.0);
    CHECK(scheduler.counts().cost_brought == 4.0);
}

TEST_CASE("after a stop nothing new is handed out and no strike is counted") {
    Scheduler scheduler(tasks_of_cost({2.0, 1.0}));
    const Assign assign = assigned(scheduler.on(one, Ready{}));

    const auto stop = only<SendAction>(scheduler.stop());
    REQUIRE(stop.size() == 1);
    CHECK(std::holds_alternative<Stop>(stop[0].message));
    CHECK_FALSE(scheduler.over());
    CHECK(scheduler.on(two, Ready{}).empty());
    CHECK(scheduler.on(one, finished(assign, TaskOutcome::stopped)).empty());

    CHECK(scheduler.over());
    CHECK(scheduler.counts().waiting == 2);
    CHECK(scheduler.counts().failed == 0);
}

TEST_CASE("with random crashes, delays and stops every task is committed exactly once or left") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        PhiloxSequence random(seed);
        std::vector<double> costs(30);
        for (double& cost : costs) cost = random.uniform();
        Scheduler scheduler(tasks_of_cost(costs), {.strikes = 3});
        std::map<WorkerId, Assign> running;
        std::map<Digest, int> committed, given_up;
        const auto perform = [&](const std::vector<Action>& actions) {
            for (const auto& send : only<SendAction>(actions)) {
                if (const auto* assign = std::get_if<Assign>(&send.message)) {
                    CHECK_FALSE(running.contains(send.to));
                    running[send.to] = *assign;
                }
            }
            for (const auto& commit : only<CommitAction>(actions)) ++committed[commit.task.digest];
            for (const auto& give_up : only<GiveUpAction>(actions)) ++given_up[give_up.task.digest];
        };
        for (std::uint64_t worker = 0; worker < 4; ++worker) {
            perform(scheduler.on(WorkerId(worker), Ready{}));
        }
        const bool stops = seed % 3 == 0;
        while (!running.empty()) {
            if (stops && random.uniform() < 0.05) perform(scheduler.stop());
            auto chosen = running.begin();
            std::advance(chosen,
                         static_cast<long>(random.uniform() * static_cast<double>(running.size())));
            const auto [worker, assign] = *chosen;
            running.erase(chosen);
            const double what = random.uniform();
            perform(scheduler.on(
                worker, finished(assign, what < 0.3 ? TaskOutcome::crashed : TaskOutcome::done)));
        }
        CHECK(scheduler.over());
        for (const auto& [task, times] : committed) CHECK(times == 1);
        const auto counts = scheduler.counts();
        CHECK(counts.done == committed.size());
        CHECK(counts.failed == given_up.size());
        CHECK(counts.done + counts.failed + counts.waiting == 30);
        if (!stops) CHECK(counts.waiting == 0);
    }
}

TEST_CASE("tasks that are added to a running farm are begun like the others") {
    Scheduler scheduler(tasks_of_cost({2.0}));
    const Assign first = assigned(scheduler.on(one, Ready{}));
    CHECK(scheduler.on(two, Ready{}).empty());

    // Worker two is idle and begins at once; what is left waits in the order of cost.
    const Assign third = assigned(scheduler.add(
        {{{7, 0}, "cheap", 1.0, {}}, {{8, 0}, "dear", 9.0, {}}, {{9, 0}, "middling", 3.0, {}}}));

    CHECK(third.task.name == "dear");
    CHECK(scheduler.counts().waiting == 2);
    CHECK(scheduler.counts().cost_total == 15.0);
    const Assign next = assigned(scheduler.on(one, finished(first, TaskOutcome::done)));
    CHECK(next.task.name == "middling");
    CHECK_FALSE(scheduler.over());
}

TEST_CASE("a farm that was over goes on with added tasks, one that stops does not") {
    Scheduler scheduler(tasks_of_cost({1.0}));
    const Assign first = assigned(scheduler.on(one, Ready{}));
    scheduler.on(one, finished(first, TaskOutcome::done));
    REQUIRE(scheduler.over());

    const Assign second = assigned(scheduler.add({{{7, 0}, "late", 1.0, {}}}));
    CHECK_FALSE(scheduler.over());
    scheduler.stop();
    scheduler.on(one, finished(second, TaskOutcome::stopped));
    CHECK(scheduler.add({{{8, 0}, "later", 1.0, {}}}).empty());

    CHECK(scheduler.over());
    CHECK(scheduler.counts().waiting == 2);
}

namespace {

/// What a farm of tasks with parents must do, said plainly.
struct PlainGraph {
    std::vector<Task> tasks;
    std::set<Digest> done;
    std::set<Digest> failed;  ///< and all that come after them
    std::set<Digest> begun;

    bool ready(const Task& task) const {
        return std::ranges::all_of(task.after, [&](const Digest& x) { return done.contains(x); });
    }
    double ahead(const Digest& digest) const {
        double longest = 0.0;
        double own = 0.0;
        for (const Task& task : tasks) {
            if (task.digest == digest) own = task.cost;
            if (std::ranges::count(task.after, digest) > 0) {
                longest = std::max(longest, ahead(task.digest));
            }
        }
        return own + longest;
    }
    void fail(const Digest& digest) {
        failed.insert(digest);
        for (const Task& task : tasks) {
            if (std::ranges::count(task.after, digest) > 0) fail(task.digest);
        }
    }
    double most_ready() const {
        double most = 0.0;
        for (const Task& task : tasks) {
            if (!ready(task) || begun.contains(task.digest)) continue;
            most = std::max(most, ahead(task.digest));
        }
        return most;
    }
};

/// Tasks after up to three of those before them, in a random order of the list.
std::vector<Task> random_graph(PhiloxSequence& random, std::size_t count) {
    std::vector<double> costs(count);
    for (double& cost : costs) cost = random.uniform();
    std::vector<Task> tasks = tasks_of_cost(costs);
    for (std::size_t i = 1; i < count; ++i) {
        for (int parent = 0; parent < 3; ++parent) {
            if (random.uniform() < 0.4) continue;
            const auto which = static_cast<std::size_t>(random.uniform() * static_cast<double>(i));
            tasks[i].after.push_back(tasks[which].digest);
        }
    }
    return tasks;
}

}  // namespace

TEST_CASE("a task begins after all of its parents, the one with the longest way to go first") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        PhiloxSequence random(seed);
        PlainGraph plain{.tasks = random_graph(random, 16), .done = {}, .failed = {}, .begun = {}};
        const auto [few, more] =
            std::pair(std::vector(plain.tasks.begin(), plain.tasks.begin() + 10),
                      std::vector(plain.tasks.begin() + 10, plain.tasks.end()));
        const bool grows = seed % 2 == 0;
        std::vector<Task> first = grows ? few : plain.tasks;
        std::ranges::reverse(first);
        Scheduler scheduler(first);
        if (grows) scheduler.add(more);
        std::map<WorkerId, Assign> running;
        std::map<Digest, std::string> given_up;
        const auto perform = [&](const std::vector<Action>& actions) {
            for (const auto& send : only<SendAction>(actions)) {
                const auto& assign = std::get<Assign>(send.message);
                CHECK(plain.ready(assign.task));
                CHECK(plain.ahead(assign.task.digest) == plain.most_ready());
                plain.begun.insert(assign.task.digest);
                running.emplace(send.to, assign);
            }
            for (const auto& lost : only<GiveUpAction>(actions)) {
                CHECK(given_up.emplace(lost.task.digest, lost.reason).second);
            }
        };
        for (std::uint64_t worker = 0; worker < 3; ++worker) {
            perform(scheduler.on(WorkerId(worker), Ready{}));
        }
        while (!running.empty()) {
            auto chosen = running.begin();
            std::advance(chosen,
                         static_cast<long>(random.uniform() * static_cast<double>(running.size())));
            const auto [worker, assign] = *chosen;
            running.erase(chosen);
            const bool fails = random.uniform() < 0.05;
            if (fails) plain.fail(assign.task.digest);
            if (!fails) plain.done.insert(assign.task.digest);
            perform(scheduler.on(
                worker, finished(assign, fails ? TaskOutcome::failed : TaskOutcome::done)));
        }
        CHECK(scheduler.over());
        CHECK(scheduler.counts().waiting == 0);
        CHECK(plain.done.size() + plain.failed.size() == plain.tasks.size());
        for (const Digest& task : plain.failed) CHECK(given_up.contains(task));
        CHECK(given_up.size() == plain.failed.size());
    }
}

TEST_CASE("what comes after a task that failed is given up, and says which one it needs") {
    std::vector<Task> tasks = tasks_of_cost({1.0, 1.0, 1.0});
    tasks[1].after = {tasks[0].digest};
    tasks[2].after = {tasks[1].digest};
    Scheduler scheduler(tasks);
    const Assign assign = assigned(scheduler.on(one, Ready{}));
    CHECK(scheduler.counts().waiting == 2);

    const auto lost = only<GiveUpAction>(scheduler.on(one, finished(assign, TaskOutcome::failed)));

    REQUIRE(lost.size() == 3);
    CHECK(lost[0].reason == "because");
    CHECK(lost[1].reason == "not begun: it needs 'task 0', which failed");
    CHECK(scheduler.over());
    // One that is added later shares their fate, and one whose parent is unknown was done before.
    std::vector<Task> later = tasks_of_cost({1.0, 1.0, 1.0, 1.0, 1.0});
    later[3].after = {tasks[2].digest};
    later[4].after = {Digest{99, 0}};
    const auto actions = scheduler.add({later[3], later[4]});
    CHECK(only<GiveUpAction>(actions).size() == 1);
    CHECK(assigned(actions).task.name == "task 4");
}

TEST_CASE("1,000 chains of 10 steps keep 500 workers busy up to the bound") {
    constexpr std::size_t chains = 1000;
    constexpr std::size_t steps = 10;
    constexpr std::size_t workers = 500;
    PhiloxSequence random(3);
    std::vector<Task> tasks;
    double work = 0.0;
    double critical = 0.0;
    for (std::size_t chain = 0; chain < chains; ++chain) {
        const double of_chain = 60.0 * (1.0 + random.uniform());
        double length = 0.0;
        for (std::size_t step = 0; step < steps; ++step) {
            const double cost = of_chain * (0.8 + 0.4 * random.uniform());
            tasks.push_back({{chain, step}, "a step", cost, {}});
            if (step > 0) tasks.back().after = {Digest{chain, step - 1}};
            length += cost;
        }
        work += length;
        critical = std::max(critical, length);
    }
    Scheduler scheduler(tasks);
    using End = std::tuple<double, std::uint64_t, Assign>;
    const auto later = [](const End& a, const End& b) { return std::get<0>(a) > std::get<0>(b); };
    std::priority_queue<End, std::vector<End>, decltype(later)> ends(later);
    double now = 0.0;
    const auto perform = [&](const std::vector<Action>& actions) {
        for (const auto& send : only<SendAction>(actions)) {
            const auto& assign = std::get<Assign>(send.message);
            ends.emplace(now + assign.task.cost, send.to.value, assign);
        }
    };
    for (std::uint64_t worker = 0; worker < workers; ++worker) {
        perform(scheduler.on(WorkerId(worker), Ready{}));
    }
    while (!ends.empty()) {
        const auto [time, worker, assign] = ends.top();
        ends.pop();
        now = time;
        perform(scheduler.on(WorkerId(worker), finished(assign, TaskOutcome::done)));
    }
    CHECK(scheduler.counts().done == chains * steps);
    CHECK(now <= 1.03 * std::max(critical, work / workers));
}
