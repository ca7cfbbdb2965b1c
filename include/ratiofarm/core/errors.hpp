#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ratiofarm {

/// How a program ends; the README has the same table.
enum class ExitCode : int {
    done = 0,          ///< all done
    internal = 1,      ///< a bug
    usage = 2,         ///< usage, campaign or data error: the user can mend it
    tasks_failed = 3,  ///< finished, but some tasks failed for good, or a fit did not converge
    resumable = 75,    ///< stopped early: run the same command again
};

/// Base of every error this project throws. The message names the object, the value, what is
/// allowed and what to try; context is prepended on the way up.
class Error : public std::runtime_error {
public:
    Error(ExitCode exit_code, std::string message)
        : std::runtime_error(message), exit_code_(exit_code), message_(std::move(message)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    ExitCode exit_code() const noexcept { return exit_code_; }

    /// "context: message"; used by in_context().
    void prepend(std::string_view context) {
        message_.insert(0, ": ").insert(0, context.data(), context.size());
    }

private:
    ExitCode exit_code_;
    std::string message_;
};

/// The campaign file or the command line is wrong. One line per mistake, all at once.
class ConfigError : public Error {
public:
    explicit ConfigError(std::string message) : Error(ExitCode::usage, std::move(message)) {}
};

/// An input file is missing, damaged or holds values that cannot be used.
class DataError : public Error {
public:
    explicit DataError(std::string message) : Error(ExitCode::usage, std::move(message)) {}
};

/// A call of the operating system on a file or a process failed (disk full, permissions).
class SystemError : public Error {
public:
    explicit SystemError(std::string message, ExitCode code = ExitCode::resumable)
        : Error(code, std::move(message)) {}

    /// "cannot write 'x.h5': No space left on device", with the words of errno. Resumable unless
    /// another try cannot mend it, such as a lack of permission.
    SystemError(std::string_view what, int error_number);
};

class MpiError : public Error {
public:
    explicit MpiError(std::string message) : Error(ExitCode::internal, std::move(message)) {}
};

class Hdf5Error : public Error {
public:
    explicit Hdf5Error(std::string message) : Error(ExitCode::internal, std::move(message)) {}
};

/// A computation left the domain of its formula, or did not converge; names the event or parameter.
class NumericalError : public Error {
public:
    explicit NumericalError(std::string message, ExitCode code = ExitCode::internal)
        : Error(code, std::move(message)) {}
};

/// Runs an action and prepends the context to any Error that leaves it.
template <std::invocable F>
decltype(auto) in_context(std::string_view context, F&& action) {
    try {
        return std::forward<F>(action)();
    } catch (Error& error) {
        error.prepend(context);
        throw;
    }
}

/// How a program ends by this exception; anything that nobody foresaw is a bug.
ExitCode exit_code_of(const std::exception& problem);

/// \throws SystemError if the storage failed, so that another try may help; DataError otherwise
[[noreturn]] void throw_unreadable(std::string_view what, int error_number);

/// "cannot write 'x.h5': No space left on device": what failed, with the words of errno.
std::string errno_message(std::string_view what, int error_number);

}  // namespace ratiofarm
