#include "report_html.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"
#include "report_style.hpp"

namespace ratiofarm {
namespace {

std::string navigation(const std::string& body) {
    constexpr std::array<std::pair<const char*, const char*>, 13> entries{{
        {"result", "Result"},
        {"unfolding", "Unfolding"},
        {"regions", "Regions"},
        {"inference", "Impacts and limits"},
        {"shapes", "Systematics"},
        {"data", "Data"},
        {"checks", "Checks"},
        {"closure", "Closure"},
        {"calibration", "Calibration"},
        {"training", "Training"},
        {"quality", "Nets"},
        {"search", "Search"},
        {"campaign", "Campaign"},
    }};
    std::string links;
    for (const auto& [anchor, title] : entries) {
        if (body.find(fmt::format("<section id=\"{}\">", anchor)) == std::string::npos) continue;
        links += fmt::format("<a href=\"#{}\">{}</a>\n", anchor, title);
    }
    return "<nav><div>\n" + links + "</div></nav>\n";
}

std::vector<std::string> all_warnings(const ReportInputs& inputs, const Plotter& plotter) {
    std::vector<std::string> warnings;
    if (!plotter.available()) warnings.push_back(plotter.complaint());
    for (const std::string& farm : inputs.farms_at_work) {
        warnings.push_back("a farm is at work, and this page is what there was then: " + farm);
    }
    if (inputs.unfolds) {
        if (!inputs.unfolding) warnings.push_back("there is no unfolding yet of this campaign");
    } else if (!inputs.fit) {
        warnings.push_back("there is no fit yet of this campaign");
    }
    warnings.insert(warnings.end(), inputs.warnings.begin(), inputs.warnings.end());
    if (inputs.unfolding) {
        const auto& more = inputs.unfolding->warnings;
        warnings.insert(warnings.end(), more.begin(), more.end());
    }
    if (inputs.gof) {
        for (const std::string& warning : inputs.gof->warnings) {
            warnings.push_back("goodness of fit: " + warning);
        }
    }
    if (inputs.fit) {
        const auto more = warnings_of(*inputs.fit);
        warnings.insert(warnings.end(), more.begin(), more.end());
    }
    return warnings;
}

/// As HTML, and the results that are in it.
struct PageBody {
    std::string html;
    std::string shown = {};
};

/// \param title, subtitle  as HTML
std::string page_html(const std::string& title,
                      const std::string& subtitle,
                      const std::vector<std::string>& warnings,
                      const PageBody& page,
                      const Plotter& plotter) {
    const auto& [body, shown] = page;
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "{7}<title>{0} - ratiofarm report</title>\n<style>{1}</style>\n</head>\n<body>\n"
        "<header><div>\n<h1>{0}</h1>\n<p>{2}</p>\n</div></header>\n{3}<main>\n{4}{5}"
        "<footer>Made by ratiofarm report{6}.</footer>\n</main>\n</body>\n</html>\n",
        title, report_style, subtitle, navigation(body), warnings_html(warnings), body,
        plotter.available() ? "; plots by " + escape_html(plotter.version()) : std::string(),
        shown.empty() ? shown : fmt::format("<meta name=\"shows\" content=\"{}\">\n", shown));
}

}  // namespace

std::string study_html(const std::string& name,
                       const SearchRecord& record,
                       const Plotter& plotter) {
    std::vector<std::string> warnings;
    if (!plotter.available()) warnings.push_back(plotter.complaint());
    return page_html(escape_html(name), "", warnings, {search_section(record, plotter)}, plotter);
}

std::string report_html(const ReportInputs& inputs, const Plotter& plotter) {
    const std::string body = result_section(inputs, plotter) + unfolding_section(inputs, plotter) +
                             regions_section(inputs, plotter) + inference_section(inputs, plotter) +
                             shapes_section(inputs, plotter) + data_section(inputs) +
                             checks_section(inputs) + closure_section(inputs, plotter) +
                             calibration_section(inputs, plotter) +
                             training_section(inputs, plotter) + quality_section(inputs, plotter) +
                             search_section(inputs, plotter) + campaign_section(inputs, plotter);
    const std::string data = inputs.fit ? escape_html(inputs.fit->data) : std::string();
    return page_html(escape_html(inputs.campaign), data, all_warnings(inputs, plotter),
                     {body, inputs.shown}, plotter);
}

}  // namespace ratiofarm
