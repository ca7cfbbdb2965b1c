#include "samplers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include <boost/math/distributions/normal.hpp>
#include <boost/random/sobol.hpp>

#include "ratiofarm/core/contracts.hpp"

#include "core/seeds.hpp"

#include "cma_es.hpp"
#include "nsga2.hpp"

namespace ratiofarm {
namespace {

constexpr double middle = 0.5;
constexpr int candidates = 24;

double inside(double mean, double sigma) {
    const boost::math::normal density(mean, sigma);
    return boost::math::cdf(density, 1.0) - boost::math::cdf(density, 0.0);
}

/// Distance to the farther neighbour; a value at an end has only one.
double gap_of(const std::vector<double>& sorted, std::size_t i) {
    const double before = i > 0 ? sorted[i] - sorted[i - 1] : 0.0;
    const double after = i + 1 < sorted.size() ? sorted[i + 1] - sorted[i] : 0.0;
    return std::max(before, after);
}

struct RankedTrials {
    std::vector<const ToldTrial*> below;
    std::vector<const ToldTrial*> above;  ///< from the best to failures, then those in flight
};

RankedTrials rank_trials(std::span<const ToldTrial> told) {
    std::vector<const ToldTrial*> all;
    for (const ToldTrial& trial : told) all.push_back(&trial);
    const auto in_flight =
        std::ranges::stable_partition(all, [](const ToldTrial* trial) { return trial->rungs > 0; });
    const auto ended = static_cast<std::size_t>(in_flight.begin() - all.begin());
    std::stable_sort(all.begin(), in_flight.begin(), [](const ToldTrial* a, const ToldTrial* b) {
        const auto rank = [](const ToldTrial* trial, std::uint32_t rungs) {
            return std::tuple(!std::isfinite(trial->objective), rungs, trial->objective);
        };
        return rank(a, b->rungs) < rank(b, a->rungs);
    });
    constexpr double part = 0.1;
    constexpr std::size_t most = 25;
    const auto finite =
        static_cast<std::size_t>(std::ranges::count_if(all, [](const ToldTrial* trial) {
            return trial->rungs > 0 && std::isfinite(trial->objective);
        }));
    const auto best = static_cast<std::ptrdiff_t>(std::min(
        {static_cast<std::size_t>(std::ceil(part * static_cast<double>(ended))), most, finite}));
    return {{all.begin(), all.begin() + best}, {all.begin() + best, all.end()}};
}

/// All but the last 25 count less, evenly from 1 / n to 1.
std::vector<double> ramp(std::size_t n) {
    constexpr std::size_t full = 25;
    std::vector<double> weights(n, 1.0);
    const std::size_t less = n > full ? n - full : 0;
    const double first = 1.0 / static_cast<double>(n);
    for (std::size_t i = 0; i < less; ++i) {
        const double step =
            less == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(less - 1);
        weights[i] = first + (1.0 - first) * step;
    }
    return weights;
}

ParzenDensity density_of(const SearchSection& search, const std::vector<const ToldTrial*>& trials) {
    std::vector<UnitPoint> points;
    for (const ToldTrial* trial : trials) points.push_back(unit_point(search, trial->setting));
    return {search, points, ramp(points.size())};
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

UnitPoint unit_point(const SearchSection& search, const SearchSetting& setting) {
    UnitPoint point;
    for (const SearchParameter& parameter : search.parameters) {
        const std::string* value = value_of(setting, parameter.key);
        point.push_back(value == nullptr ? std::optional<double>() : unit_of(parameter, *value));
    }
    return point;
}

ParzenDensity::ParzenDensity(const SearchSection& search,
                             std::span<const UnitPoint> points,
                             std::span<const double> weights)
    : kernels_(points.size() + 1) {
    RATIOFARM_EXPECT(points.size() == weights.size());
    double sum = 1.0;
    for (const double weight : weights) sum += weight;
    kernels_.front().weight = 1.0 / sum;
    for (std::size_t i = 0; i < points.size(); ++i) kernels_[i + 1].weight = weights[i] / sum;
    for (std::size_t k = 0; k < search.parameters.size(); ++k) {
        const SearchParameter& parameter = search.parameters[k];
        choices_.push_back(parameter.kind == SearchKind::choice ? parameter.choices.size() : 0);
        for (Kernel& kernel : kernels_) kernel.factors.emplace_back();
        for (std::size_t i = 0; i < points.size(); ++i) {
            if (points[i][k]) kernels_[i + 1].factors[k] = Factor{.mean = *points[i][k]};
        }
        if (choices_[k] > 0) continue;
        kernels_.front().factors[k] = Factor{.mean = middle};
        set_widths(k);
    }
}

void ParzenDensity::set_widths(std::size_t k) {
    std::vector<Kernel*> order;
    for (Kernel& kernel : kernels_) {
        if (kernel.factors[k]) order.push_back(&kernel);
    }
    std::ranges::stable_sort(order, {}, [k](const Kernel* each) { return each->factors[k]->mean; });
    std::vector<double> means;
    for (const Kernel* kernel : order) means.push_back(kernel->factors[k]->mean);
    const double least = 1.0 / std::min(100.0, static_cast<double>(order.size()) + 1.0);
    for (std::size_t i = 0; i < order.size(); ++i) {
        Factor& factor = *order[i]->factors[k];
        const bool wide = order[i] == &kernels_.front();
        factor.sigma = wide ? 1.0 : std::clamp(gap_of(means, i), least, 1.0);
        factor.inside = inside(factor.mean, factor.sigma);
    }
}

double ParzenDensity::log_density(const UnitPoint& x) const {
    const auto kernels = static_cast<double>(kernels_.size());
    double density = 0.0;
    for (const Kernel& kernel : kernels_) {
        double product = kernel.weight;
        for (std::size_t k = 0; k < x.size(); ++k) {
            const auto& factor = kernel.factors[k];
            if (!x[k] || !factor) continue;  // evenly anywhere
            if (choices_[k] > 0) {
                const auto n = static_cast<double>(choices_[k]);
                const bool same = std::floor(*x[k] * n) == std::floor(factor->mean * n);
                product *= n * ((same ? kernels : 0.0) + 1.0) / (kernels + n);
                continue;
            }
            const boost::math::normal normal(factor->mean, factor->sigma);
            product *= boost::math::pdf(normal, *x[k]) / factor->inside;
        }
        density += product;
    }
    return std::log(density);
}

std::vector<double> ParzenDensity::draw(PhiloxSequence& random) const {
    double u = random.uniform();
    std::size_t i = 0;
    while (i + 1 < kernels_.size() && u >= kernels_[i].weight) u -= kernels_[i++].weight;
    std::vector<double> x;
    for (std::size_t k = 0; k < choices_.size(); ++k) {
        const auto& factor = kernels_[i].factors[k];
        if (!factor) {
            x.push_back(random.uniform());
        } else if (choices_[k] > 0) {
            const auto n = static_cast<double>(choices_[k]);
            const bool any = random.uniform() * (static_cast<double>(kernels_.size()) + n) < n;
            x.push_back(any ? random.uniform() : factor->mean);
        } else {
            double value = -1.0;
            while (value < 0.0 || value >= 1.0) {
                value = factor->mean + factor->sigma * random.normal();
            }
            x.push_back(value);
        }
    }
    return x;
}

SearchSetting tpe_setting(const SearchSection& search,
                          std::uint64_t seed,
                          std::span<const ToldTrial> told) {
    const RankedTrials trials = rank_trials(told);
    const ParzenDensity good = density_of(search, trials.below);
    const ParzenDensity bad = density_of(search, trials.above);
    const std::string name = "search/tpe/trial " + std::to_string(told.size());
    PhiloxSequence random(seed_for(seed, name, Stream::search));
    SearchSetting best;
    double most = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < candidates; ++i) {
        SearchSetting setting = setting_at(search, good.draw(random));
        const UnitPoint x = unit_point(search, setting);
        const double gain = good.log_density(x) - bad.log_density(x);
        if (gain <= most) continue;
        most = gain;
        best = std::move(setting);
    }
    return best;
}

std::span<const ToldTrial> own_trials(const SearchSection& search,
                                      std::span<const ToldTrial> told) {
    return told.subspan(std::min(search.points.size(), told.size()));
}

std::size_t generation_size(const SearchSection& search) {
    if (search.sampler == SearchSampler::nsga2) return search.generation;
    if (search.sampler != SearchSampler::cmaes) return 0;
    return cma_constants(search.parameters.size()).lambda;
}

bool waits_for_generation(const SearchSection& search, std::span<const std::uint32_t> rungs_ended) {
    const std::size_t size = generation_size(search);
    if (size == 0 || rungs_ended.size() < search.points.size()) return false;
    const std::size_t begun = (rungs_ended.size() - search.points.size()) % size;
    return std::ranges::count(rungs_ended.first(rungs_ended.size() - begun), 0U) > 0;
}

SearchSetting next_setting(const SearchSection& search,
                           std::uint64_t seed,
                           std::span<const ToldTrial> told) {
    if (told.size() < search.points.size()) return search.points[told.size()];
    const auto number = static_cast<std::uint32_t>(own_trials(search, told).size());
    switch (search.sampler) {
        case SearchSampler::random: break;
        case SearchSampler::sobol: return sobol_setting(search, seed, number);
        case SearchSampler::tpe: {
            const auto ended =
                std::ranges::count_if(told, [](const ToldTrial& trial) { return trial.rungs > 0; });
            return ended < tpe_start ? sobol_setting(search, seed, number)
                                     : tpe_setting(search, seed, told);
        }
        case SearchSampler::cmaes: return cmaes_setting(search, seed, told);
        case SearchSampler::nsga2: return nsga2_setting(search, seed, told);
        case SearchSampler::external: RATIOFARM_EXPECT(false);
    }
    return draw_setting(search, seed, static_cast<std::uint32_t>(told.size()));
}

}  // namespace ratiofarm
