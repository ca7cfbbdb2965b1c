#include "ratiofarm/store/run_directory.hpp"

namespace ratiofarm {

std::filesystem::path RunDirectory::result(const Digest& task) const {
    const std::string hex = task.hex();
    return tasks() / hex.substr(0, 2) / (hex + ".ckpt");
}

std::filesystem::path RunDirectory::state(const Digest& task) const {
    const std::string hex = task.hex();
    return tasks() / hex.substr(0, 2) / (hex + ".state");
}

}  // namespace ratiofarm
