#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agreement.hpp"
#include "plotter.hpp"

namespace ratiofarm {

/// Text with the five characters that HTML reserves replaced, and " +- " by its sign.
std::string escape_html(std::string_view text);

/// A cell of a table; numbers stand right.
struct Cell {
    std::string html;
    bool number = false;
};

Cell text_cell(std::string_view text);
Cell number_cell(std::string_view text);

/// "pass" or "check" in a coloured pill.
Cell verdict_cell(bool passes);
Cell verdict_cell(Verdict verdict);  ///< "agrees", "small" or "check"

/// A table with a header row, in a frame that scrolls where the page is narrow.
/// \param caption may be empty; plain text
std::string table_html(std::string_view caption,
                       const std::vector<std::string>& header,
                       const std::vector<std::vector<Cell>>& rows);

/// A titled part of the page with an anchor.
std::string section_html(std::string_view anchor, std::string_view title, std::string_view body);

std::string paragraph_html(std::string_view text);

/// What is shown only where somebody opens it, and not on paper.
std::string details_html(std::string_view summary, std::string_view body);

/// A box with one line per message; empty for none.
std::string warnings_html(const std::vector<std::string>& messages);

/// A grid of figures.
class Figures {
public:
    /// \param look "small": three beside each other on paper
    Figures(const Plotter& plotter, std::string_view anchor, std::string_view look = "")
        : plotter_(plotter), anchor_(anchor), look_(look) {}

    /// Draws the plot, or a line that says why that failed.
    /// \param name of its files, where the plotter writes some
    /// \param caption plain text
    void add(std::string_view name, const Plot& plot, std::string_view caption);

    int count() const { return count_; }

    /// Empty without figures or without gnuplot.
    std::string html() const;

private:
    const Plotter& plotter_;
    std::string anchor_;
    std::string look_;
    std::string body_;
    int count_ = 0;
};

}  // namespace ratiofarm
