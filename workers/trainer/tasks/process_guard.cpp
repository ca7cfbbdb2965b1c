#include "process_guard.hpp"

#include <initializer_list>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace ratiofarm {

bool tie_to_parent() {
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ}) {
        ::signal(signal, SIG_IGN);
    }
    return getppid() == parent;
}

}  // namespace ratiofarm
