#include "signal_flags.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>

#include <time.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

constexpr const char* stopped_words =
    "stopped early by a signal; run the same command again to go on";

// The only mutable globals of the project: a handler can reach nothing else.
volatile std::sig_atomic_t checkpoint_wanted = 0;
volatile std::sig_atomic_t stop_wanted = 0;

void on_checkpoint(int) { checkpoint_wanted = 1; }
volatile std::sig_atomic_t told_by = 0;  // the first stop
const char* volatile last_words = nullptr;
timespec told_at{};

double seconds_since_told() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec - told_at.tv_sec) +
           1e-9 * static_cast<double>(now.tv_nsec - told_at.tv_nsec);
}

void tell(const char* words) {
    if (::write(STDERR_FILENO, words, std::strlen(words)) < 0) return;  // nobody reads it
}

/// Only calls that a handler may make.
void on_stop(int signal) {
    constexpr double patience = 0.5;  // `timeout` sends its signal twice
    if (stop_wanted != 0) {
        if (signal == SIGINT && told_by == SIGINT && seconds_since_told() > patience) {
            tell("\nratiofarm: ended at once; the same command goes on later\n");
            ::_exit(static_cast<int>(ExitCode::resumable));
        }
        return;
    }
    ::clock_gettime(CLOCK_MONOTONIC, &told_at);
    told_by = signal;
    stop_wanted = 1;
    const int before = errno;
    if (last_words != nullptr) tell(last_words);
    errno = before;
}

}  // namespace

void install_signal_flags(const char* words) {
    last_words = words;
    struct sigaction action = {};
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_checkpoint;
    sigaction(SIGUSR1, &action, nullptr);
    action.sa_handler = on_stop;
    for (const int signal : {SIGUSR2, SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction before = {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);  // nohup
    }
}

SignalRequest signal_request() {
    if (stop_wanted) return SignalRequest::stop;
    return checkpoint_wanted ? SignalRequest::checkpoint : SignalRequest::none;
}

void clear_checkpoint_request() { checkpoint_wanted = 0; }

void expect_no_stop() {
    if (stop_wanted == 0) return;
    throw SystemError(stopped_words);
}

}  // namespace ratiofarm
