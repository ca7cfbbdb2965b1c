#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

/// "0.42 s", "12.3 s", "5 min 12 s", "1 h 02 min".
std::string time_text(double seconds) {
    if (!(seconds >= 0.0) || !std::isfinite(seconds)) return "unknown";
    if (seconds < 1.0) return fmt::format("{:.2f} s", seconds);
    if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
    constexpr std::uint64_t hour = 3600;
    if (whole < hour) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / hour, whole % hour / 60);
}

std::string fact_table(std::string_view caption, const std::vector<Fact>& facts) {
    if (facts.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    for (const Fact& fact : facts) rows.push_back({text_cell(fact.name), text_cell(fact.value)});
    return table_html(caption, {"what", "value"}, rows);
}

std::string process_table(const ReportInputs& inputs) {
    if (inputs.processes.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        rows.push_back({text_cell(process.name), text_cell(process.sample),
                        text_cell(process.coefficient),
                        number_cell(fmt::format("{:.6g}", process.yield)),
                        number_cell(fmt::format("{:.4f}", process.reference_fraction)),
                        number_cell(fmt::format("{}", process.events))});
    }
    return table_html(
        "Processes",
        {"process", "sample", "coefficient", "yield", "part of the reference", "inference events"},
        rows);
}

std::string stage_table(const ReportInputs& inputs) {
    if (inputs.stages.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    double total = 0.0;
    for (const StageTime& stage : inputs.stages) {
        rows.push_back({text_cell(stage.stage), number_cell(time_text(stage.seconds))});
        total += stage.seconds;
    }
    rows.push_back({text_cell("total"), number_cell(time_text(total))});
    return table_html("Time of each stage", {"stage", "time"}, rows);
}

}  // namespace

std::string campaign_section(const ReportInputs& inputs, const Plotter& plotter) {
    Figures figures(plotter, "campaign", "small");
    for (const FarmUtilisation& farm : inputs.farms) {
        if (!(farm.profile.seconds > 0.0)) continue;
        figures.add(
            "utilisation_" + farm.stage, utilisation_plot(farm.profile),
            fmt::format("Farm of {}: {} workers, {:.0f} % busy in {}", farm.stage,
                        farm.profile.share_of_worker.size(), 100.0 * farm.profile.utilisation(),
                        time_text(farm.profile.seconds)));
    }
    std::string body = process_table(inputs) + fact_table("Provenance", inputs.facts) +
                       stage_table(inputs) + figures.html() + fact_table("Files", inputs.files);
    if (!inputs.campaign_toml.empty()) {
        body += details_html("The resolved campaign file",
                             "<pre>" + escape_html(inputs.campaign_toml) + "</pre>\n");
    }
    return body.empty() ? std::string() : section_html("campaign", "Campaign and provenance", body);
}

}  // namespace ratiofarm
