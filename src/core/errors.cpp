#include "ratiofarm/core/errors.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace ratiofarm {
namespace {

ExitCode code_of_errno(int error_number) {
    switch (error_number) {
        case EACCES:
        case EPERM:
        case EISDIR:
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG: return ExitCode::usage;
        default: return ExitCode::resumable;
    }
}

}  // namespace

SystemError::SystemError(std::string_view what, int error_number)
    : SystemError(errno_message(what, error_number), code_of_errno(error_number)) {}

ExitCode exit_code_of(const std::exception& problem) {
    if (const auto* error = dynamic_cast<const Error*>(&problem)) return error->exit_code();
    if (const auto* error = dynamic_cast<const std::filesystem::filesystem_error*>(&problem)) {
        return code_of_errno(error->code().value());
    }
    return ExitCode::internal;
}

void throw_unreadable(std::string_view what, int error_number) {
    switch (error_number) {
        case EIO:
        case ESTALE:
        case EREMOTEIO:
        case ETIMEDOUT:
        case EMFILE:
        case ENFILE:
        case ENOMEM: throw SystemError(what, error_number);
        default: throw DataError(errno_message(what, error_number));
    }
}

std::string errno_message(std::string_view what, int error_number) {
    return std::string(what) + ": " + std::generic_category().message(error_number);
}

}  // namespace ratiofarm
