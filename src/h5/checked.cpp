#include "checked.hpp"

namespace ratiofarm::h5::checked {

namespace {

/// What one level of the stack says, appended to a std::string; called by HDF5.
herr_t append_level(unsigned, const H5E_error2_t* level, void* text) {
    auto& stack = *static_cast<std::string*>(text);
    if (!stack.empty()) stack += " <- ";
    stack += level->func_name;
    if (level->desc != nullptr && *level->desc != '\0') stack.append("(): ").append(level->desc);
    return 0;
}

bool says_disk_full(const std::string& stack) {
    for (const char* words : {"No space left on device", "Disk quota exceeded", "MPI_ERR_NO_SPACE",
                              "MPI_ERR_QUOTA", "File too large"}) {
        if (stack.find(words) != std::string::npos) return true;
    }
    return false;
}

}  // namespace

QuietErrors::QuietErrors() noexcept {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietErrors::~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

std::string error_stack() {
    std::string stack;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_level, &stack);
    return stack.empty() ? "HDF5 gives no reason" : stack;
}

void throw_failed(const char* call, const std::string& stack) {
    const std::string message = std::string(call) + " failed: " + stack;
    if (says_disk_full(stack)) {
        throw SystemError(
            "the disk is full or a limit on file sizes is reached: make room and run the same "
            "command again (" +
            message + ")");
    }
    throw Hdf5Error(message);
}

}  // namespace ratiofarm::h5::checked
