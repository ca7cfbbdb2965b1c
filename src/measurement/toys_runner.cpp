#include "toys_runner.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

/// One task while it runs.
struct ToyRunner::Work {
    const Task& task;
    ToyTask range;
    RunToy run_toy;
    std::mutex mutex = {};  // guards what follows
    std::vector<std::optional<ToyOutcome>> outcomes = {};
    std::uint64_t next = 0;
    std::exception_ptr trouble = {};

    ToyBlock block() {
        ToyBlock block;
        for (const auto& outcome : outcomes) {
            if (outcome) block.outcomes.push_back(*outcome);
        }
        return block;
    }
};

ToyRunner::ToyRunner(MakeExperiment make, RunDirectory directory, unsigned threads)
    : make_(std::move(make)), directory_(std::move(directory)), threads_(std::max(threads, 1U)) {}

ToyRunner::~ToyRunner() {
    stop_wanted_ = true;
    if (thread_.joinable()) thread_.join();
}

void ToyRunner::start(const Task& task) {
    RATIOFARM_EXPECT(!thread_.joinable());
    checkpoint_wanted_ = false;
    stop_wanted_ = false;
    fraction_ = 0.0;
    fraction_told_ = 0.0;
    thread_ = std::thread([this, task] {
        TaskReport report = report_of(task);
        const std::lock_guard lock(mutex_);
        report_ = std::move(report);
    });
}

std::optional<TaskRunner::Event> ToyRunner::poll() {
    const std::lock_guard lock(mutex_);
    if (report_) {
        thread_.join();
        return std::exchange(report_, std::nullopt);
    }
    const double fraction = fraction_;
    if (fraction < fraction_told_ + 0.1) return std::nullopt;
    fraction_told_ = fraction;
    return TaskProgress{.fraction = fraction};
}

TaskReport ToyRunner::report_of(const Task& task) {
    const auto begin = std::chrono::steady_clock::now();
    TaskReport report;
    try {
        report = run(task);
    } catch (const SystemError& error) {
        report.outcome = TaskOutcome::postponed;
        report.reason = error.what();
    } catch (const std::filesystem::filesystem_error& error) {
        report.outcome = TaskOutcome::postponed;
        report.reason = error.what();
    } catch (const std::exception& error) {
        report.outcome = TaskOutcome::failed;
        report.reason = error.what();
    }
    report.result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return report;
}

TaskReport ToyRunner::run(const Task& task) {
    const auto range = decode<ToyTask>(task.payload);
    Work work{.task = task, .range = range, .run_toy = make_(range)};
    work.outcomes.resize(range.last - range.first);
    TaskReport report;
    const std::filesystem::path state = directory_.state(task.digest, task.claim);
    if (task_file_is_complete(state, TaskFileKind::toy_block, task.digest)) {
        for (ToyOutcome& outcome : read_task_file<ToyBlock>(state, task.digest).outcomes) {
            work.outcomes.at(outcome.toy - range.first) = std::move(outcome);
        }
        report.result.resumed = true;
    }
    run_toys(work);
    if (work.trouble) std::rethrow_exception(work.trouble);
    const ToyBlock block = work.block();
    if (block.outcomes.size() < work.outcomes.size()) {
        write_state(work);
        report.outcome = TaskOutcome::stopped;
        return report;
    }
    const auto bytes = encode_task_file(task.digest, block);
    publish(directory_.result(task.digest), bytes);
    std::filesystem::remove(state);
    report.result.bytes = bytes.size();
    report.result.crc = crc32(bytes);
    return report;
}

void ToyRunner::write_state(Work& work) const {
    const ToyBlock block = work.block();
    if (block.outcomes.empty()) return;
    publish(directory_.state(work.task.digest, work.task.claim),
            encode_task_file(work.task.digest, block));
}

/// Until all toys are done, or a stop is wanted, which takes effect between toys.
void ToyRunner::run_toys(Work& work) {
    const auto take = [&] {
        try {
            for (std::unique_lock lock(work.mutex); !stop_wanted_ && !work.trouble;) {
                while (work.next < work.outcomes.size() && work.outcomes[work.next]) ++work.next;
                if (work.next == work.outcomes.size()) return;
                const std::uint64_t at = work.next++;
                lock.unlock();
                ToyOutcome outcome = work.run_toy(work.range.first + at);
                lock.lock();
                work.outcomes[at] = std::move(outcome);
                fraction_ = static_cast<double>(at + 1) / static_cast<double>(work.outcomes.size());
                if (checkpoint_wanted_.exchange(false)) write_state(work);
            }
        } catch (...) {
            const std::lock_guard lock(work.mutex);
            work.trouble = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (unsigned k = 1; k < threads_; ++k) others.emplace_back(take);
    take();
    for (std::thread& thread : others) thread.join();
}

}  // namespace ratiofarm
