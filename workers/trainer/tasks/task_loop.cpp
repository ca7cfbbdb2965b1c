#include "task_loop.hpp"

#include <deque>
#include <initializer_list>
#include <new>
#include <string>
#include <utility>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <c10/util/Exception.h>

#include "ratiofarm/core/errors.hpp"

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
        : link_(link), device_(device), log_(log) {}

    void run() {
        while (auto request = next()) {
            if (const auto* task = std::get_if<TrainRequest>(&*request)) serve_task(*task);
            if (const auto* task = std::get_if<InferRequest>(&*request)) serve_task(*task);
            if (const auto* task = std::get_if<UnfoldRequest>(&*request)) serve_task(*task);
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

    template <class Request>
    void serve_task(const Request& request) {
        link_.send(outcome_of(request));
    }

    template <class Request>
    TrainerReply outcome_of(const Request& request) {
        LinkControl control(link_, request.task, later_);
        const auto failed = [&](std::string reason, FailureKind kind) {
            log_.warning("task failed", {{"task", request.name}, {"reason", reason}});
            return TaskFailed{.task = request.task, .reason = std::move(reason), .kind = kind};
        };
        try {
            fail_on_purpose(request.name, "begin");
            return reply_to(execute(request, control), request.task);
        } catch (const SystemError& error) {
            return failed(error.what(), FailureKind::storage);
        } catch (const Error& error) {
            return failed(error.what(), FailureKind::task);
        } catch (const c10::OutOfMemoryError& error) {
            return failed(out_of_memory(request, first_line(error)), FailureKind::memory);
        } catch (const c10::Error& error) {
            if (is_refused_allocation(error)) {
                return failed(out_of_memory(request, first_line(error)), FailureKind::memory);
            }
            // A GPU context that has seen an error answers nothing any more: start afresh.
            if (device_.kind == DeviceKind::cuda) throw;
            return failed(request.name + ": LibTorch: " + first_line(error), FailureKind::task);
        } catch (const std::bad_alloc&) {
            return failed(out_of_memory(request, "an allocation was refused"), FailureKind::memory);
        }
    }

    template <class Request>
    std::string out_of_memory(const Request& request, const std::string& what) const {
        return request.name + ": out of memory on " + device_.description + ": " + what + "; " +
               what_to_shrink(request);
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
