#pragma once

#include <string>
#include <string_view>

#include "plot.hpp"

namespace ratiofarm {

/// Draws plots with gnuplot, which is run as a program. Without it everything but the plots works.
class Plotter {
public:
    /// \param program name or path; a name is looked for in PATH
    explicit Plotter(std::string program = "gnuplot");

    bool available() const { return !version_.empty(); }

    /// "gnuplot 5.4 patchlevel 4", or empty.
    const std::string& version() const { return version_; }

    /// One line that says what is missing and how to get it; empty if nothing is.
    std::string complaint() const;

    /// An <svg> element for a page that may hold several: no prolog, its ids start with `id`.
    /// \throws SystemError with gnuplot's own words if it does not draw
    std::string svg(const Plot& plot, std::string_view id) const;

private:
    std::string program_;
    std::string version_;
};

}  // namespace ratiofarm
