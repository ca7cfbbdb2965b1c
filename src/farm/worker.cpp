#include "worker.hpp"

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr WorkerId scheduler_rank{0};

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};

}  // namespace

Worker::Worker(Channel& channel, TaskRunner& runner) : channel_(channel), runner_(runner) {}

bool Worker::step() {
    bool busy = !announced_;
    if (!announced_) {
        channel_.send(scheduler_rank, Ready{});
        announced_ = true;
    }
    if (running_) {
        while (const auto event = runner_.poll()) {
            on(*event);
            busy = true;
            if (!running_) break;
        }
    }
    return busy;
}

void Worker::receive(const Message& message) {
    std::visit(Overloaded{
                   [&](const Assign& assign) {
                       RATIOFARM_EXPECT(!running_);
                       running_ = Running{assign.attempt, assign.task.digest};
                       runner_.start(assign.task);
                   },
                   [&](const Checkpoint&) {
                       if (running_) runner_.checkpoint();
                   },
                   [&](const Stop&) {
                       if (running_) runner_.stop();
                   },
                   [&](const Quit&) { quit_ = true; },
                   [](const auto&) {},  // worker-to-scheduler messages never come here
               },
               message);
}

void Worker::on(const TaskRunner::Event& event) {
    if (const auto* progress = std::get_if<TaskProgress>(&event)) {
        channel_.send(scheduler_rank, Heartbeat{running_->attempt, *progress});
        return;
    }
    channel_.send(scheduler_rank,
                  Finished{running_->attempt, running_->task, std::get<TaskReport>(event)});
    running_.reset();
}

}  // namespace ratiofarm
