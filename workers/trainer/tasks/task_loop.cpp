#include "task_loop.hpp"

#include <deque>
#include <functional>
#include <initializer_list>
#include <new>
#include <string>
#include <utility>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <c10/util/Exception.h>

#include "ratiofarm/core/errors.hpp"

#include "workers/trainer/likelihood/held_events.hpp"

#include "failpoint.hpp"
#include "inference.hpp"
#include "supervisor_link.hpp"
#include "training.hpp"
#include "training_setup.hpp"
#include "unfolding.hpp"

namespace ratiofarm::trainer {
namespace {

/// "CUDA error: out of memory", without the C++ stack that follows it.
std::string first_line(const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return text.substr(0, text.find('\n'));
}

/// LibTorch has no type of its own for what its CPU allocator throws.
bool is_refused_allocation(const c10::Error& error) {
    return first_line(error).find("not enough memory") != std::string::npos ||
           first_line(error).find("can't allocate memory") != std::string::npos;
}

TrainerReply reply_to(const TrainerOutcome& outcome, const Digest& task) {
    if (outcome.result) return TaskDone{.task = task, .result = *outcome.result};
    return TaskStopped{.task = task};
}

class TaskLoop {
public:
    TaskLoop(SupervisorLink& link, const Device& device, const Log& log)
        : link_(link), device_(device), log_(log), held_events_(device.kind) {}

    void run() {
        while (auto request = next()) {
            if (const auto* task = std::get_if<TrainRequest>(&*request)) serve_task(*task);
            if (const auto* task = std::get_if<InferRequest>(&*request)) serve_task(*task);
            if (const auto* task = std::get_if<UnfoldRequest>(&*request)) serve_task(*task);
            if (const auto* events = std::get_if<HoldEventsRequest>(&*request)) answer(*events);
            if (const auto* point = std::get_if<SumEventsRequest>(&*request)) answer(*point);
            if (const auto* list = std::get_if<ForgetEventsRequest>(&*request)) answer(*list);
            // Checkpoint and stop have crossed the end of their task: nothing is left to do.
        }
    }

private:
    std::optional<TrainerRequest> next() {
        if (later_.empty()) return link_.next_request();
        TrainerRequest request = std::move(later_.front());
        later_.pop_front();
        return request;
    }

    TrainerOutcome execute(const TrainRequest& request, TaskControl& control) {
        return train(request, device_.kind, control, log_);
    }
    TrainerOutcome execute(const InferRequest& request, TaskControl& control) {
        return infer(request, device_.kind, control);
    }
    TrainerOutcome execute(const UnfoldRequest& request, TaskControl& control) {
        return unfold(request, device_.kind, control, log_);
    }

    std::vector<double> sums_of(const HoldEventsRequest& events) {
        held_events_.hold(events);
        return {};
    }
    std::vector<double> sums_of(const SumEventsRequest& point) { return held_events_.sum(point); }
    std::vector<double> sums_of(const ForgetEventsRequest& request) {
        held_events_.forget(request.list);
        return {};
    }

    /// Of the events of a likelihood.
    template <class Request>
    void answer(const Request& request) {
        const Work work{{}, "sums over events", [] {
                            return "give each rank fewer events: more ranks or devices";
                        }};
        link_.send(reply_of(work, [&] { return TrainerReply(EventSums{sums_of(request)}); }));
    }

    template <class Request>
    void serve_task(const Request& request) {
        LinkControl control(link_, request.task, later_);
        const Work work{request.task, request.name, [&] { return what_to_shrink(request); }};
        link_.send(reply_of(work, [&] {
            fail_on_purpose(request.name, "begin");
            return reply_to(execute(request, control), request.task);
        }));
    }

    /// What failures are told about.
    struct Work {
        Digest task;
        std::string name;
        std::function<std::string()> what_to_shrink;  ///< if memory is not enough
    };

    template <class Execute>
    TrainerReply reply_of(const Work& work, const Execute& execute) {
        const auto failed = [&](std::string reason, FailureKind kind) {
            log_.warning("task failed", {{"task", work.name}, {"reason", reason}});
            return TaskFailed{.task = work.task, .reason = std::move(reason), .kind = kind};
        };
        try {
            return execute();
        } catch (const SystemError& error) {
            return failed(error.what(), FailureKind::storage);
        } catch (const Error& error) {
            return failed(error.what(), FailureKind::task);
        } catch (const c10::OutOfMemoryError& error) {
            return failed(out_of_memory(work, first_line(error)), FailureKind::memory);
        } catch (const c10::Error& error) {
            if (is_refused_allocation(error)) {
                return failed(out_of_memory(work, first_line(error)), FailureKind::memory);
            }
            // A GPU context that has seen an error answers nothing any more: start afresh.
            if (device_.kind == DeviceKind::cuda) throw;
            return failed(work.name + ": LibTorch: " + first_line(error), FailureKind::task);
        } catch (const std::bad_alloc&) {
            return failed(out_of_memory(work, "an allocation was refused"), FailureKind::memory);
        }
    }

    std::string out_of_memory(const Work& work, const std::string& what) const {
        return work.name + ": out of memory on " + device_.description + ": " + what + "; " +
               work.what_to_shrink();
    }
    static std::string what_to_shrink(const UnfoldRequest& request) {
        return trainer::what_to_shrink(training_of(request, 0));
    }
    template <class Request>
    static std::string what_to_shrink(const Request& request) {
        return trainer::what_to_shrink(request);
    }

    SupervisorLink& link_;
    const Device& device_;
    const Log& log_;
    HeldEvents held_events_;
    std::deque<TrainerRequest> later_;
};

}  // namespace

void serve(UniqueFd socket, const Device& device, const Log& log) {
    SupervisorLink link(std::move(socket));
    link.send(TrainerHello{.wire = trainer_wire(),
                           .device = device.description,
                           .libtorch = libtorch_version(),
                           .pid = static_cast<std::uint64_t>(::getpid())});
    TaskLoop(link, device, log).run();
}

bool tie_to_parent() {
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ}) {
        ::signal(signal, SIG_IGN);
    }
    return getppid() == parent;
}

}  // namespace ratiofarm::trainer
