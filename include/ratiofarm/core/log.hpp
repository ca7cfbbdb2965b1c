#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace ratiofarm {

/// One key=value of a log line.
struct LogField {
    std::string_view key;
    std::variant<std::int64_t, std::uint64_t, double, std::string> value;

    LogField(std::string_view k, int v) : key(k), value(std::int64_t{v}) {}
    LogField(std::string_view k, std::int64_t v) : key(k), value(v) {}
    LogField(std::string_view k, std::uint64_t v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
};

enum class LogLevel { debug, info, warning, error };

/// One event per line on stderr as "time level [rank] message key=value ...". Libraries never
/// print; they are handed a Log. A default Log is silent.
class Log {
public:
    Log() = default;

    /// Lines on stderr from this level on; `who` ("rank 3", "trainer 3") is shown if not empty.
    static Log to_stderr(LogLevel level, std::string who);

    /// The same for whom may watch: with a live line if stderr ends at a terminal, through mpirun,
    /// too.
    static Log to_terminal(LogLevel level);

    using Fields = std::initializer_list<LogField>;
    void debug(std::string_view message, Fields fields = {}) const;
    void info(std::string_view message, Fields fields = {}) const;
    void warning(std::string_view message, Fields fields = {}) const;
    void error(std::string_view message, Fields fields = {}) const;

    /// Whether someone watches a terminal: then progress is one line that is written again.
    bool is_live() const;
    /// That line; the next event, or an empty text, takes its place. Nothing without a terminal.
    void live(std::string_view text) const;

private:
    struct Sink;
    void write(LogLevel level, std::string_view message, Fields fields) const;

    std::shared_ptr<Sink> sink_;
};

}  // namespace ratiofarm
