#include "signal_flags.hpp"

#include <csignal>
#include <initializer_list>

namespace ratiofarm {
namespace {

// The only mutable globals of the project: a handler can reach nothing else.
volatile std::sig_atomic_t checkpoint_wanted = 0;
volatile std::sig_atomic_t stop_wanted = 0;

void on_checkpoint(int) { checkpoint_wanted = 1; }
void on_stop(int) { stop_wanted = 1; }

}  // namespace

void install_signal_flags() {
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

}  // namespace ratiofarm
