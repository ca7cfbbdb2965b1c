#include "screen.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

constexpr std::size_t usual_columns = 80;
constexpr std::size_t fewest_columns = 40;  // narrower ones would show single words

/// Letters, not bytes: what continues one in UTF-8 takes no column.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::size_t indent_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

/// Where the text behind the first gap of two blanks or more begins; 0 without a gap.
std::size_t behind_gap(std::string_view line, std::size_t from) {
    const std::size_t gap = line.find("  ", from);
    if (gap == std::string_view::npos) return 0;
    const std::size_t next = line.find_first_not_of(' ', gap);
    return next == std::string_view::npos ? 0 : next;
}

/// Where the second column of a row of a table begins; 0 in a line that is none.
std::size_t second_column(std::string_view line) {
    const std::size_t second = behind_gap(line, indent_of(line));
    if (second == 0) return 0;
    const std::size_t third = behind_gap(line, second);
    return third != 0 && behind_gap(line, third) != 0 ? second : 0;
}

std::string folded_line(std::string_view line, std::size_t columns) {
    if (width_of(line) <= columns) return std::string(line);
    const std::size_t indent = indent_of(line);
    if (const std::size_t second = second_column(line); second != 0) {
        const std::string_view rest = line.substr(second);
        const std::string_view first = line.substr(0, line.find("  ", indent));
        // All rows are equally long, so that their columns stay below each other.
        if (const std::size_t width = width_of(rest); width <= columns) {
            return std::string(first) + '\n' + std::string(columns - width, ' ') +
                   std::string(rest);
        }
    }
    const std::size_t value = behind_gap(line, indent);
    const bool has_name = value != 0 && width_of(line.substr(0, value)) <= columns / 3;
    return folded_behind(line, columns, 0, has_name ? width_of(line.substr(0, value)) : indent + 2);
}

/// Of the terminal that mpirun writes to.
class StreamOfLauncher {
public:
    explicit StreamOfLauncher(int descriptor)
        : descriptor_(::open(fmt::format("/proc/{}/fd/{}", ::getppid(), descriptor).c_str(),
                             O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {}
    ~StreamOfLauncher() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    StreamOfLauncher(const StreamOfLauncher&) = delete;
    StreamOfLauncher& operator=(const StreamOfLauncher&) = delete;

    int get() const { return descriptor_; }

private:
    int descriptor_;
};

std::optional<std::size_t> columns_of(int descriptor) {
    if (descriptor < 0 || ::isatty(descriptor) != 1) return std::nullopt;
    std::size_t columns = 0;
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
    if (columns == 0) {
        const char* told = std::getenv("COLUMNS");
        const std::string_view digits = told == nullptr ? "" : told;
        std::from_chars(digits.data(), digits.data() + digits.size(), columns);
    }
    return std::max(columns == 0 ? usual_columns : columns, fewest_columns);
}

std::string fit_to(std::optional<std::size_t> columns, std::string text) {
    return columns ? folded(text, *columns) : text;
}

}  // namespace

bool can_redraw() {
    const char* kind = std::getenv("TERM");
    return kind != nullptr && std::string_view(kind) != "dumb";
}

bool under_mpirun() { return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr; }

std::optional<std::size_t> screen_columns(int descriptor) {
    if (!under_mpirun()) return columns_of(descriptor);
    return columns_of(StreamOfLauncher(descriptor).get());
}

std::string folded_behind(std::string_view line,
                          std::size_t columns,
                          std::size_t used,
                          std::size_t hang) {
    std::string result;
    while (used + width_of(line) > columns) {
        const std::size_t begin = indent_of(line);
        std::size_t end = std::string_view::npos;
        std::size_t next = line.find(' ', begin);
        while (
            next != std::string_view::npos &&
            (end == std::string_view::npos || used + width_of(line.substr(0, next)) <= columns)) {
            end = next;
            next = line.find(' ', next + 1);
        }
        if (end == std::string_view::npos) break;  // one long word
        const std::size_t rest = line.find_first_not_of(' ', end);
        if (rest == std::string_view::npos) break;
        result += std::string(line.substr(0, line.find_last_not_of(' ', end) + 1)) + '\n' +
                  std::string(hang, ' ');
        line.remove_prefix(rest);
        used = hang;
    }
    return result + std::string(line);
}

std::string folded(std::string_view text, std::size_t columns) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        result += folded_line(text.substr(0, end), columns);
        if (end == std::string_view::npos) break;
        result += '\n';
        text.remove_prefix(end + 1);
    }
    return result;
}

std::string on_screen(std::string text) {
    return fit_to(screen_columns(STDOUT_FILENO), std::move(text));
}

std::string on_error_screen(std::string text) {
    return fit_to(screen_columns(STDERR_FILENO), std::move(text));
}

void show(std::string text) {
    // mpirun reads two pipes: a live line of ours may come late, and would stand before the text.
    if (can_redraw() && under_mpirun() && screen_columns(STDOUT_FILENO)) {
        fmt::print("\r\033[K");
    }
    fmt::print("{}", on_screen(std::move(text)));
}

}  // namespace ratiofarm
