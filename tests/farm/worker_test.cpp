#include "farm/worker.hpp"

#include <deque>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

class ScriptedRunner final : public TaskRunner {
public:
    void start(const Task& task) override { started.push_back(task.name); }
    void checkpoint() override { ++checkpoints; }
    void stop() override { ++stops; }
    std::optional<Event> poll() override {
        if (events.empty()) return std::nullopt;
        const Event event = events.front();
        events.pop_front();
        return event;
    }

    std::vector<std::string> started;
    int checkpoints = 0;
    int stops = 0;
    std::deque<Event> events;
};

struct Fixture {
    InProcessNetwork network{2};
    std::unique_ptr<Channel> scheduler = network.channel(WorkerId(0));
    std::unique_ptr<Channel> mine = network.channel(WorkerId(1));
    ScriptedRunner runner;
    Worker worker{*mine, runner};
};

}  // namespace

TEST_CASE("a worker announces itself, does its task and reports the attempt") {
    Fixture f;
    f.worker.step();
    CHECK(std::holds_alternative<Ready>(f.scheduler->receive()->message));

    f.worker.receive(Assign{AttemptId(9), {{1, 2}, "S/member 0", 1.0, {}}});
    f.runner.events = {TaskProgress{.fraction = 0.5, .epoch = 3, .validation_loss = 0.6},
                       TaskReport{TaskOutcome::done, "", {100, 7, 2.0, false}}};
    f.worker.step();

    CHECK(f.runner.started == std::vector<std::string>{"S/member 0"});
    CHECK(std::get<Heartbeat>(f.scheduler->receive()->message).attempt == AttemptId(9));
    const auto finished = std::get<Finished>(f.scheduler->receive()->message);
    CHECK(finished.attempt == AttemptId(9));
    CHECK(finished.task == Digest{1, 2});
    CHECK(finished.report.result.bytes == 100);
}

TEST_CASE("orders reach the runner only while a task runs") {
    Fixture f;
    f.worker.receive(Stop{});
    f.worker.receive(Checkpoint{});
    CHECK(f.runner.stops == 0);
    CHECK(f.runner.checkpoints == 0);

    f.worker.receive(Assign{AttemptId(1), {}});
    f.worker.receive(Stop{});
    f.worker.receive(Checkpoint{});
    CHECK(f.runner.stops == 1);
    CHECK(f.runner.checkpoints == 1);

    CHECK_FALSE(f.worker.quit());
    f.worker.receive(Quit{});
    CHECK(f.worker.quit());
}
