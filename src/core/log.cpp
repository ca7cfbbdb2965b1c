#include "ratiofarm/core/log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "screen.hpp"

namespace ratiofarm {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

std::string field_text(const LogField& field) {
    return std::visit(
        [&](const auto& value) {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Value, std::string>) {
                const bool quote =
                    value.empty() || value.find_first_of(" =\"") != std::string::npos;
                return quote ? fmt::format(" {}=\"{}\"", field.key, value)
                             : fmt::format(" {}={}", field.key, value);
            } else if constexpr (std::is_same_v<Value, double>) {
                return fmt::format(" {}={:.6g}", field.key, value);
            } else {
                return fmt::format(" {}={}", field.key, value);
            }
        },
        field.value);
}

bool is_terminal(const std::string& descriptor) {
    std::array<char, 64> target{};
    const auto length = ::readlink(descriptor.c_str(), target.data(), target.size());
    if (length <= 0) return false;
    const std::string_view name(target.data(), static_cast<std::size_t>(length));
    return name.starts_with("/dev/pts/") || name.starts_with("/dev/tty");
}

/// mpirun reads our stderr through a pipe and writes it to its own.
bool someone_watches() {
    if (!can_redraw()) return false;
    if (!under_mpirun()) return ::isatty(STDERR_FILENO) == 1;
    return is_terminal(fmt::format("/proc/{}/fd/2", ::getppid()));
}

}  // namespace

struct Log::Sink {
    explicit Sink(spdlog::logger to) : logger(std::move(to)) {}

    spdlog::logger logger;
    bool is_live = false;
    std::mutex line = {};  ///< guards shown and the order of what is written
    bool shown = false;    ///< a live line is on the screen

    /// Columns between the time and a message.
    std::size_t prefix(LogLevel level) const {
        const auto word = spdlog::level::to_string_view(spdlog_level(level));
        return word.size() + 1 + (logger.name().empty() ? 0 : logger.name().size() + 3);
    }

    void clear() {
        if (shown) std::fputs("\r\033[K", stderr);
        shown = false;
    }
};

Log Log::to_stderr(LogLevel level, std::string who) {
    Log log;
    log.sink_ = std::make_shared<Sink>(
        spdlog::logger(who, std::make_shared<spdlog::sinks::stderr_sink_mt>()));
    log.sink_->logger.set_level(spdlog_level(level));
    log.sink_->logger.set_pattern(who.empty() ? "%H:%M:%S %l %v" : "%H:%M:%S %l [%n] %v");
    return log;
}

Log Log::to_terminal(LogLevel level) {
    Log log = to_stderr(level, "");
    log.sink_->is_live = level <= LogLevel::info && someone_watches();
    return log;
}

bool Log::is_live() const { return sink_ && sink_->is_live; }

void Log::live(std::string_view text) const {
    if (!is_live()) return;
    constexpr std::size_t most = 79;  // what wraps could not be taken back
    text = text.substr(0, std::min(most, screen_columns(STDERR_FILENO).value_or(most + 1) - 1));
    const std::scoped_lock lock(sink_->line);
    sink_->clear();
    sink_->shown = !text.empty();
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

void Log::debug(std::string_view message, Fields fields) const {
    write(LogLevel::debug, message, fields);
}
void Log::info(std::string_view message, Fields fields) const {
    write(LogLevel::info, message, fields);
}
void Log::warning(std::string_view message, Fields fields) const {
    write(LogLevel::warning, message, fields);
}
void Log::error(std::string_view message, Fields fields) const {
    write(LogLevel::error, message, fields);
}

void Log::write(LogLevel level, std::string_view message, Fields fields) const {
    if (!sink_ || !sink_->logger.should_log(spdlog_level(level))) return;
    std::string line(message);
    for (const LogField& field : fields) line += field_text(field);
    if (const auto columns = screen_columns(STDERR_FILENO)) {
        constexpr std::size_t behind_time = 9;
        const std::size_t first = std::min(line.find('\n'), line.size());
        line = folded_behind(std::string_view(line).substr(0, first), *columns,
                             behind_time + sink_->prefix(level), behind_time) +
               folded(std::string_view(line).substr(first), *columns);
    }
    const std::scoped_lock lock(sink_->line);
    sink_->clear();
    sink_->logger.log(spdlog_level(level), line);
}

}  // namespace ratiofarm
