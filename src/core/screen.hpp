#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Text for people, on a terminal of any width. What goes to a file or a pipe stays as it is.
namespace ratiofarm {

/// Columns of the terminal that shows a standard stream of ours; nothing where none does. mpirun
/// reads our streams and writes them to its own, whose terminal counts.
/// \param descriptor STDOUT_FILENO or STDERR_FILENO
std::optional<std::size_t> screen_columns(int descriptor);

/// Whether the terminal can take back what it shows.
bool can_redraw();

/// Whether mpirun started us: it reads our streams and writes them to its own.
bool under_mpirun();

/// `text` with its long lines broken at blanks. What follows stands below the text of its line: in
/// "name    value" below the value, else two columns further in than the line. Of a row of a table
/// the first column comes first, the others below it. A word that is longer than a line stays
/// whole, so that paths can be copied.
std::string folded(std::string_view text, std::size_t columns);

/// Like folded(), of one line that begins behind a prefix. \param used columns of the prefix
/// \param hang blanks before what follows
std::string folded_behind(std::string_view line,
                          std::size_t columns,
                          std::size_t used,
                          std::size_t hang);

/// `text` as the terminal of the standard output or of the errors takes it.
std::string on_screen(std::string text);
std::string on_error_screen(std::string text);

/// Prints a text for people.
void show(std::string text);

}  // namespace ratiofarm
