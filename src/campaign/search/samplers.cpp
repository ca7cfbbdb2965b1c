#include "samplers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <tuple>

#include <boost/random/sobol.hpp>

#include "ratiofarm/core/contracts.hpp"

#include "core/seeds.hpp"

namespace ratiofarm {
namespace {

double normal_integral(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Distance to the farther neighbour; a kernel at an end has only one.
double gap_of(const std::vector<double>& means, std::size_t i) {
    const double before = i > 0 ? means[i] - means[i - 1] : 0.0;
    const double after = i + 1 < means.size() ? means[i + 1] - means[i] : 0.0;
    return std::max(before, after);
}

struct RankedTrials {
    std::vector<const ToldTrial*> below;
    std::vector<const ToldTrial*> above;  ///< in the order of trials
};

RankedTrials rank_trials(std::span<const ToldTrial> told) {
    std::vector<const ToldTrial*> ranking;
    for (const ToldTrial& trial : told) {
        if (trial.rungs > 0 && std::isfinite(trial.objective)) ranking.push_back(&trial);
    }
    const auto ended = static_cast<double>(
        std::ranges::count_if(told, [](const ToldTrial& trial) { return trial.rungs > 0; }));
    std::ranges::stable_sort(ranking, [](const ToldTrial* a, const ToldTrial* b) {
        return std::tuple(b->rungs, a->objective) < std::tuple(a->rungs, b->objective);
    });
    constexpr double part = 0.1;
    constexpr std::size_t most = 25;
    const auto best =
        std::min({static_cast<std::size_t>(std::ceil(part * ended)), most, ranking.size()});
    ranking.resize(best);
    RankedTrials result{ranking, {}};
    for (const ToldTrial& trial : told) {
        if (std::ranges::count(ranking, &trial) == 0) result.above.push_back(&trial);
    }
    return result;
}

/// Values of one parameter, where trials use it, with their weights.
struct SampledValues {
    std::vector<double> at;
    std::vector<double> weight;
};

SampledValues sampled_values(const SearchParameter& parameter,
                             const std::vector<const ToldTrial*>& trials) {
    SampledValues values;
    for (const ToldTrial* trial : trials) {
        const std::string* text = value_of(trial->setting, parameter.key);
        if (text != nullptr) values.at.push_back(unit_of(parameter, *text));
    }
    constexpr std::size_t recent = 25;
    const std::size_t n = values.at.size();
    values.weight.assign(n, 1.0);
    if (n <= recent) return values;
    const std::size_t old = n - recent;
    const double first = 1.0 / static_cast<double>(n);
    for (std::size_t i = 0; i < old; ++i) {  // evenly from 1 / n to 1
        const double step = old == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(old - 1);
        values.weight[i] = first + (1.0 - first) * step;
    }
    return values;
}

constexpr int candidates = 24;

double best_number(const SampledValues& below, const SampledValues& above, PhiloxSequence& random) {
    const ParzenDensity good(below.at, below.weight);
    const ParzenDensity bad(above.at, above.weight);
    double best = 0.0;
    double most = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < candidates; ++i) {
        const double x = good.draw(random);
        const double gain = good.log_density(x) - bad.log_density(x);
        if (gain <= most) continue;
        most = gain;
        best = x;
    }
    return best;
}

std::vector<double> choice_density(const SampledValues& values, std::size_t n) {
    std::vector<double> density(n, 1.0);
    for (std::size_t i = 0; i < values.at.size(); ++i) {
        density[static_cast<std::size_t>(values.at[i] * static_cast<double>(n))] +=
            values.weight[i];
    }
    const double sum = std::accumulate(density.begin(), density.end(), 0.0);
    for (double& each : density) each /= sum;
    return density;
}

double best_choice(std::size_t n,
                   const SampledValues& below,
                   const SampledValues& above,
                   PhiloxSequence& random) {
    const std::vector<double> good = choice_density(below, n);
    const std::vector<double> bad = choice_density(above, n);
    std::size_t best = n;
    for (int i = 0; i < candidates; ++i) {
        double u = random.uniform();
        std::size_t choice = 0;
        while (choice + 1 < n && u >= good[choice]) u -= good[choice++];
        if (best == n || good[choice] * bad[best] > good[best] * bad[choice]) best = choice;
    }
    return (static_cast<double>(best) + 0.5) / static_cast<double>(n);
}

}  // namespace

std::vector<std::uint32_t> sobol_point(std::size_t dimensions, std::uint32_t number) {
    std::vector<std::uint32_t> point(dimensions, 0);
    if (number == 0) return point;
    // The library begins behind the origin.
    boost::random::sobol_engine<std::uint32_t, 32> sequence(dimensions);
    sequence.discard(std::uint64_t{number - 1} * dimensions);
    for (std::uint32_t& word : point) word = sequence();
    return point;
}

SearchSetting sobol_setting(const SearchSection& search, std::uint64_t seed, std::uint32_t number) {
    const std::vector<std::uint32_t> point = sobol_point(search.parameters.size(), number + 1);
    std::vector<double> u;
    for (std::size_t i = 0; i < point.size(); ++i) {
        const std::string name = "search/sobol/" + search.parameters[i].key;
        const auto shift = static_cast<std::uint32_t>(seed_for(seed, name, Stream::search));
        u.push_back(static_cast<double>(point[i] ^ shift) * 0x1.0p-32);
    }
    return setting_at(search, u);
}

ParzenDensity::ParzenDensity(std::span<const double> values, std::span<const double> weights) {
    RATIOFARM_EXPECT(values.size() == weights.size());
    constexpr double middle = 0.5;
    kernels_.push_back({middle, 0.0, 1.0, 1.0});
    for (std::size_t i = 0; i < values.size(); ++i) {
        kernels_.push_back({values[i], 1.0, weights[i], 1.0});
    }
    std::ranges::stable_sort(kernels_, {}, &Kernel::mean);
    std::vector<double> means;
    double sum = 0.0;
    for (const Kernel& kernel : kernels_) {
        means.push_back(kernel.mean);
        sum += kernel.weight;
    }
    const double least = 1.0 / std::min(100.0, static_cast<double>(kernels_.size()) + 1.0);
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
        Kernel& kernel = kernels_[i];
        const bool wide = kernel.sigma == 0.0;
        kernel.sigma = wide ? 1.0 : std::clamp(gap_of(means, i), least, 1.0);
        kernel.weight /= sum;
        kernel.inside = normal_integral((1.0 - kernel.mean) / kernel.sigma) -
                        normal_integral(-kernel.mean / kernel.sigma);
    }
}

double ParzenDensity::log_density(double x) const {
    double density = 0.0;
    for (const Kernel& kernel : kernels_) {
        const double z = (x - kernel.mean) / kernel.sigma;
        density += kernel.weight * std::exp(-0.5 * z * z) / (kernel.sigma * kernel.inside);
    }
    return std::log(density * std::numbers::inv_sqrtpi / std::numbers::sqrt2);
}

double ParzenDensity::draw(PhiloxSequence& random) const {
    double u = random.uniform();
    std::size_t i = 0;
    while (i + 1 < kernels_.size() && u >= kernels_[i].weight) u -= kernels_[i++].weight;
    for (;;) {
        const double x = kernels_[i].mean + kernels_[i].sigma * random.normal();
        if (x >= 0.0 && x < 1.0) return x;
    }
}

SearchSetting tpe_setting(const SearchSection& search,
                          std::uint64_t seed,
                          std::span<const ToldTrial> told) {
    const RankedTrials trials = rank_trials(told);
    std::vector<double> u;
    for (const SearchParameter& parameter : search.parameters) {
        const std::string name =
            "search/tpe/trial " + std::to_string(told.size()) + "/" + parameter.key;
        PhiloxSequence random(seed_for(seed, name, Stream::search));
        const SampledValues below = sampled_values(parameter, trials.below);
        const SampledValues above = sampled_values(parameter, trials.above);
        u.push_back(parameter.kind == SearchKind::choice
                        ? best_choice(parameter.choices.size(), below, above, random)
                        : best_number(below, above, random));
    }
    return setting_at(search, u);
}

}  // namespace ratiofarm
