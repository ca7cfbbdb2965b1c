#include "matrix_plot.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

Plot matrix_plot(const std::vector<std::string>& names,
                 const std::vector<std::vector<double>>& values) {
    constexpr int around = 42;  // height of everything beside the rows
    constexpr int row = 22;
    constexpr std::size_t most_large = 15;  // rows with text as large as elsewhere
    RATIOFARM_EXPECT(values.size() == names.size());
    const std::size_t n = names.size();
    Panel panel{.y = {}, .curves = {}, .levels = {}};
    Curve cells{.mark = Mark::cells};
    for (std::size_t i = 0; i < n; ++i) {
        panel.rows.push_back(fmt::format("{}  {}", names[i], i + 1));
        panel.columns.push_back(fmt::format("{}", i + 1));
        for (std::size_t j = 0; j <= i; ++j) {
            cells.x.push_back(static_cast<double>(j + 1));
            cells.y.push_back(static_cast<double>(i + 1));
            cells.value.push_back(std::clamp(values[i][j], -1.0, 1.0));
        }
    }
    Curve numbers = cells;
    numbers.mark = Mark::numbers;
    numbers.colour = Colour::black;
    for (double& value : numbers.value) value *= 100.0;
    panel.x = Axis{.label = "", .low = 0.5, .high = static_cast<double>(n) + 0.5};
    panel.curves = {std::move(cells), std::move(numbers)};
    return {.x = {},
            .panels = {std::move(panel)},
            .arrangement = Arrangement::beside,
            .height = around + row * static_cast<int>(n),
            .row_text = n <= most_large ? 13.0 : 11.0};
}

}  // namespace ratiofarm
