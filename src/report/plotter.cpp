#include "plotter.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <stdlib.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/process.hpp"
#include "core/publish.hpp"

namespace ratiofarm {
namespace {

/// A fresh folder that is removed with all it holds.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "ratiofarm-plot-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw SystemError("cannot make a folder like '" + name + "'", errno);
        }
        path_ = name;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

/// gnuplot with everything it says captured. In another locale it warns of each degree sign.
std::optional<ProcessEnd> run_program(const std::string& program,
                                      std::initializer_list<std::string> arguments) {
    ProcessCall call{.words = {"env", "LC_ALL=C.UTF-8", program},
                     .output = Output::captured,
                     .errors = Output::captured,
                     .input = false};
    call.words.insert(call.words.end(), arguments);
    return run_process(call);
}

/// Version text of the program, or nothing if it is not there or is no gnuplot.
std::string find_version(const std::string& program) {
    const auto end = run_program(program, {"--version"});
    if (!end || !end->ok()) return {};
    std::string text = end->output;
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text.starts_with("gnuplot") ? text : std::string();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

/// Removes gnuplot's internal names, which browsers show as tooltips.
void remove_titles(std::string& svg) {
    for (std::size_t at = svg.find("<title>"); at != std::string::npos;
         at = svg.find("<title>", at)) {
        const std::size_t end = svg.find("</title>", at);
        if (end == std::string::npos) return;
        svg.erase(at, end + 8 - at);
    }
}

/// Only the <svg> element, with ids of its own.
std::string embeddable(std::string svg, std::string_view id) {
    const std::size_t start = svg.find("<svg");
    const std::size_t end = svg.rfind("</svg>");
    if (start == std::string::npos || end == std::string::npos) {
        throw SystemError("gnuplot wrote no complete SVG picture");
    }
    svg = svg.substr(start, end + 6 - start);
    remove_titles(svg);
    const std::string prefix(id);
    for (const char* opening : {" id=\"", " id='", "href=\"#", "href='#", "url(#"}) {
        replace_all(svg, opening, opening + prefix + '-');
    }
    return svg;
}

}  // namespace

Plotter::Plotter(std::string program)
    : program_(std::move(program)), version_(find_version(program_)) {}

std::string Plotter::complaint() const {
    if (available()) return {};
    return "no plots: the program '" + program_ +
           "' was not found or does not run; install gnuplot (Debian: gnuplot-nox) and make the "
           "report again";
}

std::string Plotter::draw(const std::string& folder, const std::string& program) const {
    const std::string file = folder + "/plot.gp";
    publish(file, std::string_view(program));
    // -d: the picture does not depend on the user's own settings.
    const auto end = run_program(program_, {"-d", file});
    if (!end || !end->ok()) {
        throw SystemError("gnuplot failed: " + (end ? end->errors : "it cannot be started"));
    }
    if (end->errors.find("warning:") != std::string::npos) warnings_.push_back(end->errors);
    return end->output;
}

std::string Plotter::svg(const Plot& plot, std::string_view id) const {
    if (!available()) throw SystemError(complaint());
    const ScratchFolder folder;
    const PictureFile picture;
    return embeddable(draw(folder.path(), gnuplot_program(plot, {&picture, 1})), id);
}

Plotter Plotter::into(std::filesystem::path folder) const {
    Plotter plotter = *this;
    plotter.folder_ = std::move(folder);
    return plotter;
}

void Plotter::write(const Plot& plot, std::string_view name) const {
    RATIOFARM_EXPECT(writes_files());
    if (!available()) throw SystemError(complaint());
    const ScratchFolder scratch;
    std::filesystem::create_directories(folder_);
    const std::pair<PictureFormat, const char*> formats[] = {
        {PictureFormat::pdf, ".pdf"}, {PictureFormat::svg, ".svg"}, {PictureFormat::png, ".png"}};
    std::vector<PictureFile> pictures;
    for (const auto& [format, ending] : formats) {
        pictures.push_back({format, scratch.path() + "/picture" + ending});
    }
    draw(scratch.path(), gnuplot_program(plot, pictures));
    std::string file(name);
    replace_all(file, "%2F", ".");  // a slash in the name of a process
    std::ranges::replace(file, '/', '.');
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        publish(folder_ / (file + formats[i].second), read_file(pictures[i].file));
    }
}

}  // namespace ratiofarm
