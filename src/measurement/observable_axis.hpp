#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm {

/// Bins of equal width of one observable, beside those of the others in one list.
struct ObservableAxis {
    std::string name;
    std::vector<float> values = {};  ///< [events of the list]
    double low = 0.0;
    double width = 1.0;
    std::size_t bins = 1;
    std::size_t first = 0;  ///< place of its first bin

    std::size_t bin_of(std::uint64_t event) const {
        const double place = (values[event] - low) / width;
        const double last = static_cast<double>(bins - 1);
        return first + static_cast<std::size_t>(std::clamp(std::floor(place), 0.0, last));
    }
};

/// Some events of a region with their weight in each process, to see how narrow these are.
struct ProcessEvents {
    std::vector<std::uint64_t> event;         ///< places in the list
    std::vector<std::vector<double>> weight;  ///< [processes][events]
};

/// Round edges around nearly all of the reference: 24 to 60 bins, five of them in the middle 68 %
/// of the narrowest process. A tail of more than a tenth of the width is left to the outermost bin.
/// \param axis whose values are there  \param reference [events], weights
/// \param processes without events: 24 bins
void choose_bins(ObservableAxis& axis,
                 const std::vector<double>& reference,
                 const ProcessEvents& processes);

}  // namespace ratiofarm
