// ratiofarm-trainer: trains and evaluates networks for one rank. No MPI, no HDF5.

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/log.hpp"

#include "core/process.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/tasks/command_line.hpp"
#include "workers/trainer/tasks/self_test.hpp"
#include "workers/trainer/tasks/task_loop.hpp"

namespace ratiofarm::trainer {
namespace {

int run(const std::vector<std::string>& arguments, const Log& log) {
    using Action = TrainerCommandLine::Action;
    const TrainerCommandLine command = parse_command_line(arguments);
    switch (command.action) {
        case Action::help: std::fputs(trainer_usage, stdout); return 0;
        case Action::version:
            std::printf("ratiofarm-trainer %s (LibTorch %s)\n", RATIOFARM_VERSION,
                        libtorch_version().c_str());
            return 0;
        case Action::self_test: return run_self_test(open_device(command.device, log), log) ? 0 : 1;
        case Action::serve:
            if (!tie_to_parent()) return 0;
            serve(UniqueFd(command.socket), open_device(command.device, log), log);
            return 0;
    }
    return 1;
}

}  // namespace
}  // namespace ratiofarm::trainer

int main(int argc, char* argv[]) {
    ratiofarm::open_standard_descriptors();
    const auto log = ratiofarm::Log::to_stderr(ratiofarm::LogLevel::info, "trainer");
    try {
        return ratiofarm::trainer::run({argv + 1, argv + argc}, log);
    } catch (const std::exception& error) {
        log.error(error.what());
        return static_cast<int>(ratiofarm::exit_code_of(error));
    }
}
