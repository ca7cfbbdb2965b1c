#include "checked.hpp"

#include <cerrno>
#include <system_error>

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

/// What a stack says of the file system that failed, as errno; 0 where it was not that.
int storage_problem(const std::string& stack) {
    const auto says = [&](const std::string& words) {
        return stack.find(words) != std::string::npos;
    };
    for (const int number : {ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, ESTALE, ETIMEDOUT, EIO, EINTR}) {
        if (says(std::generic_category().message(number))) return number;
    }
    if (says("MPI_ERR_NO_SPACE") || says("MPI_ERR_QUOTA")) return ENOSPC;
    if (says("MPI_ERR_READ_ONLY")) return EROFS;
    if (says("MPI_ERR_ACCESS")) return EACCES;
    return says("MPI_ERR_IO") ? EIO : 0;
}

/// Whether a call only looks at a file: what fails there is damaged, or was never written.
bool only_reads(std::string_view call) {
    for (const char* word : {"create", "write", "flush", "H5Fopen", "H5Fclose", "set_", "select"}) {
        if (call.find(word) != call.npos) return false;
    }
    return true;
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
    if (const int problem = storage_problem(stack)) throw_unwritable(problem, message);
    if (!only_reads(call)) throw Hdf5Error(message);
    throw DataError("the file is damaged or not what it should be: " + message);
}

void throw_unwritable(int problem, const std::string& message) {
    switch (problem) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            throw SystemError(
                "the disk is full or a limit on file sizes is reached: make room and run the same "
                "command again (" +
                message + ")");
        default: throw SystemError("the file system failed (" + message + ")", problem);
    }
}

}  // namespace ratiofarm::h5::checked
