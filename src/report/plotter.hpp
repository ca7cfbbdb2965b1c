#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

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

    /// A plotter that writes files: folder/<name>.pdf, .svg and .png, a '/' of the name as '.'.
    Plotter into(std::filesystem::path folder) const;
    bool writes_files() const { return !folder_.empty(); }

    /// Writes the three files. \pre writes_files()
    /// \throws SystemError with gnuplot's own words if it does not draw
    void write(const Plot& plot, std::string_view name) const;

    /// What gnuplot warned of so far; the pictures were drawn.
    const std::vector<std::string>& warnings() const { return warnings_; }

private:
    std::string draw(const std::string& folder, const std::string& program) const;

    mutable std::vector<std::string> warnings_;
    std::filesystem::path folder_;
    std::string program_;
    std::string version_;
};

}  // namespace ratiofarm
