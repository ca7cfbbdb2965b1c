#include "ratiofarm/core/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

}  // namespace

struct Log::Sink {
    spdlog::logger logger;
};

Log Log::to_stderr(LogLevel level, std::string who) {
    Log log;
    log.sink_ = std::make_shared<Sink>(
        Sink{spdlog::logger(who, std::make_shared<spdlog::sinks::stderr_sink_mt>())});
    log.sink_->logger.set_level(spdlog_level(level));
    log.sink_->logger.set_pattern(who.empty() ? "%H:%M:%S %l %v" : "%H:%M:%S %l [%n] %v");
    return log;
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
    sink_->logger.log(spdlog_level(level), line);
}

}  // namespace ratiofarm
