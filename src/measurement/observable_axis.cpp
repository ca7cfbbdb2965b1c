#include "observable_axis.hpp"

#include <limits>

namespace ratiofarm {
namespace {

constexpr double wanted_bins = 24.0;
constexpr double most_bins = 60.0;
constexpr double bins_of_a_peak = 5.0;  // in the middle 68 % of the narrowest process
constexpr double outside = 0.005;       // share of the reference beyond each end of a long tail

/// 1, 2 or 5 times a power of ten, not below a width.
double round_width(double width) {
    const double power = std::pow(10.0, std::floor(std::log10(width)));
    for (const double digit : {1.0, 2.0, 5.0}) {
        if (digit * power >= width * (1.0 - 1e-9)) return digit * power;
    }
    return 10.0 * power;
}

/// Width of the middle 68.27 % of the narrowest process; infinite without events.
double narrowest(const ObservableAxis& axis, const ProcessEvents& of) {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < of.event.size(); ++k) {
        if (std::isfinite(axis.values[of.event[k]])) order.push_back(k);
    }
    const auto value = [&](std::size_t k) { return double{axis.values[of.event[k]]}; };
    std::ranges::sort(order, {}, value);
    double least = std::numeric_limits<double>::infinity();
    for (const auto& weight : of.weight) {
        double total = 0.0;
        for (const std::size_t k : order) total += weight[k];
        const auto quantile = [&](double share) {
            double sum = 0.0;
            for (const std::size_t k : order) {
                sum += weight[k];
                if (sum >= share * total) return value(k);
            }
            return value(order.back());
        };
        if (total > 0.0) least = std::min(least, quantile(0.84135) - quantile(0.15865));
    }
    return least;
}

}  // namespace

void choose_bins(ObservableAxis& axis,
                 const std::vector<double>& reference,
                 const ProcessEvents& processes) {
    std::vector<float> inside;
    for (std::uint64_t i = 0; i < reference.size(); ++i) {
        if (reference[i] != 0.0 && std::isfinite(axis.values[i])) inside.push_back(axis.values[i]);
    }
    if (inside.empty()) return;
    const auto quantile = [&](double share) {
        const auto at = inside.begin() +
                        static_cast<std::ptrdiff_t>(share * static_cast<double>(inside.size() - 1));
        std::nth_element(inside.begin(), at, inside.end());
        return double{*at};
    };
    double low = quantile(outside);
    double high = quantile(1.0 - outside);
    // An edge or a short tail is drawn, a long one lies in the outermost bin.
    const double margin = 0.1 * (high - low);
    const auto [least, most] = std::ranges::minmax(inside);
    if (low - least < margin) low = least;
    if (most - high < margin) high = most;
    if (!(low < high)) {
        axis.low = low - 0.5;
        return;
    }
    const double peak = narrowest(axis, processes) / bins_of_a_peak;
    axis.width =
        round_width(std::clamp(peak, (high - low) / most_bins, (high - low) / wanted_bins));
    axis.low = axis.width * std::floor(low / axis.width);
    axis.bins =
        static_cast<std::size_t>(std::max(1.0, std::ceil((high - axis.low) / axis.width - 1e-9)));
}

}  // namespace ratiofarm
