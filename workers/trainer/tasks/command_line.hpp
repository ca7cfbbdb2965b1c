#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::trainer {

/// What `ratiofarm-trainer` was asked to do.
struct TrainerCommandLine {
    enum class Action { serve, help, version, self_test };
    Action action = Action::serve;
    int socket = -1;  ///< for serve: file descriptor, >= 0
    DeviceChoice device = DeviceChoice::automatic;
};

/// \throws ConfigError naming the option, its value and what is allowed
TrainerCommandLine parse_command_line(const std::vector<std::string>& arguments);

extern const char* const trainer_usage;

}  // namespace ratiofarm::trainer
