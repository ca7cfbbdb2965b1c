#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {

std::string search_section(const ReportInputs& inputs) {
    if (!inputs.search) return {};
    const SearchRecord& record = *inputs.search;
    std::vector<std::vector<Cell>> rows;
    for (const std::uint32_t trial : ranked_trials(record)) {
        const SearchRecord::Trial& tried = record.trials[trial];
        if (tried.rungs.empty()) continue;
        std::vector<Cell> row{number_cell(fmt::format("{}", trial)),
                              text_cell(setting_text(tried.setting))};
        for (std::size_t rung = 0; rung < record.epochs.size(); ++rung) {
            row.push_back(number_cell(rung < tried.rungs.size()
                                          ? fmt::format("{:.5g}", tried.rungs[rung].objective)
                                          : std::string()));
        }
        rows.push_back(std::move(row));
    }
    std::vector<std::string> header{"trial", "setting"};
    for (const std::uint32_t epochs : record.epochs) {
        header.push_back(fmt::format("after {} epochs", epochs));
    }
    const std::string what = fmt::format(
        "Trial {} was the best of {}: {}. The search cost {:.3g} FLOP, {:.1f} % of the cost of all "
        "trials at all epochs; the nets below use this setting.",
        record.best.trial, record.trials.size(),
        setting_text(record.trials[record.best.trial].setting), record.flop,
        100.0 * record.flop / record.grid_flop);
    return section_html(
        "search", "Search",
        paragraph_html(what) + table_html("Objective: " + record.objective, header, rows));
}

}  // namespace ratiofarm
