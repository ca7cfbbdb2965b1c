#include "nsga2.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>

#include "core/philox.hpp"
#include "core/seeds.hpp"

namespace ratiofarm {
namespace {

/// Best first: by rank, then by crowding, then in the order of trials.
std::vector<const ToldTrial*> parents_of(std::span<const ToldTrial> told, std::size_t most) {
    std::vector<const ToldTrial*> trials;
    std::vector<ObjectivePair> points;
    for (const ToldTrial& trial : told) {
        if (!std::isfinite(trial.objective) || !std::isfinite(trial.second)) continue;
        trials.push_back(&trial);
        points.emplace_back(trial.objective, trial.second);
    }
    const std::vector<std::uint32_t> ranks = front_ranks(points);
    std::vector<double> crowding(points.size());
    for (std::uint32_t rank = 0; std::ranges::count(ranks, rank) > 0; ++rank) {
        std::vector<std::size_t> members;
        std::vector<ObjectivePair> front;
        for (std::size_t i = 0; i < points.size(); ++i) {
            if (ranks[i] != rank) continue;
            members.push_back(i);
            front.push_back(points[i]);
        }
        const std::vector<double> distances = crowding_distances(front);
        for (std::size_t i = 0; i < members.size(); ++i) crowding[members[i]] = distances[i];
    }
    std::vector<std::size_t> order(points.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {},
                             [&](std::size_t i) { return std::tuple(ranks[i], -crowding[i]); });
    order.resize(std::min(order.size(), most));
    std::vector<const ToldTrial*> parents;
    for (const std::size_t i : order) parents.push_back(trials[i]);
    return parents;
}

/// How narrowly children lie around their parents, and mutants around themselves: widely, since a
/// search has hundreds of trials and not the thousands for which 20 is usual.
constexpr double spread_index = 2.0;

/// One child of simulated binary crossover.
double crossed(double a, double b, PhiloxSequence& random) {
    const double u = random.uniform();
    const double beta = std::pow(u < 0.5 ? 2.0 * u : 0.5 / (1.0 - u), 1.0 / (spread_index + 1.0));
    return 0.5 * ((1.0 + beta) * a + (1.0 - beta) * b);
}

/// Polynomial mutation within [0, 1].
double mutated(double x, PhiloxSequence& random) {
    const double u = random.uniform();
    const double power = spread_index + 1.0;
    if (u < 0.5) {
        const double rest = std::pow(1.0 - x, power);
        return x + std::pow(2.0 * u + (1.0 - 2.0 * u) * rest, 1.0 / power) - 1.0;
    }
    const double rest = std::pow(x, power);
    return x + 1.0 - std::pow(2.0 * (1.0 - u) + (2.0 * u - 1.0) * rest, 1.0 / power);
}

class Breeding {
public:
    Breeding(const SearchSection& search,
             std::vector<const ToldTrial*> parents,
             PhiloxSequence& random)
        : search_(search), parents_(std::move(parents)), random_(random) {}

    SearchSetting child() {
        const UnitPoint first = unit_point(search_, winner().setting);
        const UnitPoint second = unit_point(search_, winner().setting);
        const bool cross = random_.uniform() < 0.9;
        std::vector<double> x;
        for (std::size_t k = 0; k < first.size(); ++k) {
            const bool choice = search_.parameters[k].kind == SearchKind::choice;
            const bool other = cross && random_.uniform() < 0.5;
            double value = 0.0;
            if (!first[k] && !second[k]) {
                value = random_.uniform();
            } else if (!first[k] || !second[k] || choice || !other) {
                const bool take_second = !first[k] || (second[k] && choice && other);
                value = take_second ? *second[k] : *first[k];
            } else {
                value = crossed(*first[k], *second[k], random_);
            }
            value = inside(value);
            if (random_.uniform() * static_cast<double>(first.size()) < 1.0) {
                value = choice ? random_.uniform() : inside(mutated(value, random_));
            }
            x.push_back(value);
        }
        return setting_at(search_, x);
    }

private:
    /// Of two at random the better one.
    const ToldTrial& winner() {
        const auto one = [this] {
            return static_cast<std::size_t>(random_.uniform() *
                                            static_cast<double>(parents_.size()));
        };
        const std::size_t a = one();
        return *parents_[std::min(a, one())];
    }

    static double inside(double x) { return std::clamp(x, 0.0, std::nextafter(1.0, 0.0)); }

    const SearchSection& search_;
    std::vector<const ToldTrial*> parents_;
    PhiloxSequence& random_;
};

}  // namespace

std::vector<std::size_t> pareto_front(std::span<const ObjectivePair> points) {
    std::vector<std::size_t> order(points.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return points[i]; });
    std::vector<std::size_t> front;
    for (const std::size_t i : order) {
        const bool better = front.empty() || points[i].second < points[front.back()].second;
        if (better || points[i] == points[front.back()]) front.push_back(i);
    }
    return front;
}

std::vector<std::uint32_t> front_ranks(std::span<const ObjectivePair> points) {
    std::vector<std::uint32_t> ranks(points.size());
    std::vector<std::size_t> left(points.size());
    std::iota(left.begin(), left.end(), std::size_t{0});
    for (std::uint32_t rank = 0; !left.empty(); ++rank) {
        std::vector<ObjectivePair> here;
        for (const std::size_t i : left) here.push_back(points[i]);
        std::vector<bool> taken(left.size(), false);
        for (const std::size_t i : pareto_front(here)) {
            ranks[left[i]] = rank;
            taken[i] = true;
        }
        std::vector<std::size_t> next;
        for (std::size_t i = 0; i < left.size(); ++i) {
            if (!taken[i]) next.push_back(left[i]);
        }
        left = std::move(next);
    }
    return ranks;
}

std::vector<double> crowding_distances(std::span<const ObjectivePair> front) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    std::vector<double> distances(front.size(), 0.0);
    std::vector<std::size_t> order(front.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (const auto number : {&ObjectivePair::first, &ObjectivePair::second}) {
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return front[i].*number; });
        for (std::size_t place = 0; place < order.size(); ++place) {
            if (place == 0 || place + 1 == order.size()) {
                distances[order[place]] = infinite;
                continue;
            }
            const double range = front[order.back()].*number - front[order.front()].*number;
            const double way = front[order[place + 1]].*number - front[order[place - 1]].*number;
            if (range > 0.0) distances[order[place]] += way / range;
        }
    }
    return distances;
}

SearchSetting nsga2_setting(const SearchSection& search,
                            std::uint64_t seed,
                            std::span<const ToldTrial> told) {
    const auto own = own_trials(search, told);
    const std::size_t over = own.size() / search.generation * search.generation;
    const auto before = told.first(told.size() - own.size() + over);
    auto parents = parents_of(before, search.generation);
    if (over == 0 || parents.empty()) {
        return sobol_setting(search, seed, static_cast<std::uint32_t>(own.size()));
    }
    const std::string name = "search/nsga2/trial " + std::to_string(told.size());
    PhiloxSequence random(seed_for(seed, name, Stream::search));
    Breeding breeding(search, std::move(parents), random);
    constexpr int tries = 100;
    SearchSetting child = breeding.child();
    const auto known = [&] { return std::ranges::count(told, child, &ToldTrial::setting) > 0; };
    for (int i = 1; i < tries && known(); ++i) child = breeding.child();
    return child;
}

}  // namespace ratiofarm
