#include "significant_shapes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

namespace ratiofarm {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const EnsembleChoice* find_choice(std::span<const EnsembleChoice> choices,
                                  const std::string& name) {
    const auto found = std::find_if(choices.begin(), choices.end(),
                                    [&](const auto& choice) { return choice.name == name; });
    return found == choices.end() || !found->complete ? nullptr : &*found;
}

/// The nets of an ensemble by fold, in order.
std::map<std::uint32_t, std::vector<const NetQuality*>> nets_of(const EnsembleChoice& choice) {
    std::map<std::uint32_t, std::vector<const NetQuality*>> folds;
    for (std::size_t slot = 0; slot < choice.slots.size(); ++slot) {
        const TriedNet& net = choice.slots[slot].tried[choice.choices[slot].index];
        folds[choice.slots[slot].fold].push_back(&net.result->quality);
    }
    return folds;
}

struct Gain {
    double value = 0.0;
    double error = 0.0;
};

Gain gain_of(const EnsembleChoice& side) {
    Gain all;
    const auto folds = nets_of(side);
    for (const auto& [fold, nets] : folds) {
        Gain mean;
        for (const NetQuality* net : nets) {
            mean.value += net->held_out_gain / static_cast<double>(nets.size());
            mean.error += net->held_out_error / static_cast<double>(nets.size());
        }
        all.value += mean.value / static_cast<double>(folds.size());
        all.error = std::hypot(all.error, mean.error / static_cast<double>(folds.size()));
    }
    return all;
}

/// Mean of ln g of the nets of each half, by event. Empty if the nets did not see the same events.
using HalfMeans = std::array<std::vector<double>, 2>;

HalfMeans half_means(const std::vector<const NetQuality*>& nets) {
    HalfMeans means;
    const std::size_t events = nets.front()->reference_logits.size();
    const std::size_t of_half = nets.size() / 2;
    if (of_half == 0) return means;
    for (auto& mean : means) mean.assign(events, 0.0);
    for (std::size_t member = 0; member < nets.size(); ++member) {
        const std::vector<float>& logits = nets[member]->reference_logits;
        if (logits.size() != events) return {};
        for (std::size_t event = 0; event < events; ++event) {
            means[member % 2][event] += double{logits[event]} / static_cast<double>(of_half);
        }
    }
    return means;
}

/// Variance of d_1 - d_2 over the reference events. NaN if the nets did not see the same ones.
double variance_of_difference(const std::vector<const NetQuality*>& up_nets,
                              const std::vector<const NetQuality*>& down_nets) {
    const HalfMeans up = half_means(up_nets);
    const HalfMeans down = half_means(down_nets);
    const std::size_t events = up[0].size();
    if (events < 2 || down[0].size() != events) return nan;
    const auto difference = [&](std::size_t event) {
        return 0.5 * (up[0][event] - up[1][event] - down[0][event] + down[1][event]);
    };
    double mean = 0.0;
    for (std::size_t event = 0; event < events; ++event) {
        mean += difference(event) / static_cast<double>(events);
    }
    double squares = 0.0;
    for (std::size_t event = 0; event < events; ++event) {
        squares += (difference(event) - mean) * (difference(event) - mean);
    }
    return squares / static_cast<double>(events - 1);
}

double noise_variance(const EnsembleChoice& up, const EnsembleChoice& down) {
    constexpr double of_mean = 0.25;  // (d_1 + d_2) / 2 has the variance of (d_1 - d_2) / 2
    const auto up_folds = nets_of(up);
    const auto down_folds = nets_of(down);
    double mean = 0.0;
    for (const auto& [fold, nets] : up_folds) {
        mean += variance_of_difference(nets, down_folds.at(fold)) /
                static_cast<double>(up_folds.size());
    }
    return of_mean * mean;
}

/// A parameter that one process shows is real for all of them.
void join_by_parameter(const std::vector<TrainedShape>& shapes,
                       std::vector<ShapeSignificance>& significances) {
    std::set<std::string> real;
    for (std::size_t s = 0; s < shapes.size(); ++s) {
        if (significances[s].significant) real.insert(shapes[s].parameter);
    }
    for (std::size_t s = 0; s < shapes.size(); ++s) {
        significances[s].significant = real.contains(shapes[s].parameter);
    }
}

}  // namespace

std::vector<ShapeSignificance> test_shapes(const Campaign& campaign,
                                           std::span<const EnsembleChoice> choices) {
    const std::vector<TrainedShape> shapes = trained_shapes(campaign);
    std::vector<ShapeSignificance> significances;
    for (const TrainedShape& shape : shapes) {
        ShapeSignificance& significance = significances.emplace_back();
        const EnsembleChoice* up = find_choice(choices, shape.up);
        const EnsembleChoice* down = find_choice(choices, shape.down);
        if (up != nullptr && down != nullptr) {
            const Gain up_gain = gain_of(*up);
            const Gain down_gain = gain_of(*down);
            significance.gain = up_gain.value + down_gain.value;
            significance.gain_error = up_gain.error + down_gain.error;
            // A gain that is NaN says nothing.
            significance.significant = !(significance.gain <= campaign.systematic_nets.null_level *
                                                                  significance.gain_error);
            if (campaign.systematic_nets.halves) {
                significance.noise_variance = noise_variance(*up, *down);
            }
        }
    }
    join_by_parameter(shapes, significances);
    return significances;
}

}  // namespace ratiofarm
