#include "ratiofarm/fit/toys.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"

#include "core/seeds.hpp"

#include "toys_draw.hpp"

namespace ratiofarm {
namespace {

/// Key of one purpose. Toys of another truth or seed have nothing in common with these.
std::uint64_t key_for(const ToySetup& setup, const std::string& purpose) {
    Hasher hasher;
    hasher.text(purpose);
    for (std::size_t a = 0; a < setup.truth.size(); ++a) {
        hasher.text(setup.model.parameters[a].name);
        hasher.number(std::bit_cast<std::uint64_t>(setup.truth[a]));
    }
    return seed_for(setup.seed, hasher.finish().hex(), Stream::toys);
}

void check_range(const Parameter& parameter, double value, const char* what) {
    if (value >= parameter.low && value <= parameter.high) return;
    throw ConfigError("toys: " + std::string(what) + " of '" + parameter.name + "' is " +
                      std::to_string(value) + " (allowed: " + std::to_string(parameter.low) +
                      " to " + std::to_string(parameter.high) + ")");
}

/// One global observable around its truth.
double thrown_observable(const Parameter& parameter, double truth, PhiloxSequence& random) {
    const Constraint& constraint = parameter.constraint;
    const double width = constraint.width;
    switch (constraint.kind) {
        case Constraint::Kind::none: return 0.0;
        case Constraint::Kind::gaussian: return truth + width * random.normal();
        case Constraint::Kind::poisson: {
            const double scale = width * width;
            return scale * static_cast<double>(poisson(random, truth / scale));
        }
    }
    return 0.0;
}

}  // namespace

struct ToyExperiment::State {
    struct Weighted {
        WeightedDraw draw;
        std::uint64_t key;
    };
    struct Disjoint {
        DisjointDraw draw;
        std::vector<std::uint64_t> first_events;
    };
    struct Source {
        std::shared_ptr<const EventSet> events;
        std::optional<Weighted> weighted;
        std::optional<Disjoint> disjoint;
    };

    ToySetup setup;
    Range toys;
    std::size_t poi = 0;
    std::vector<std::vector<Source>> unbinned;
    std::vector<std::uint64_t> bin_keys;
    std::uint64_t observable_key = 0;
    std::vector<std::shared_ptr<const NormalisationExpansion>> expansions;
    mpi::Communicator alone;

    State(ToySetup given, Range range) : setup(std::move(given)), toys(range) {
        RATIOFARM_EXPECT(setup.unbinned.size() == setup.model.unbinned.size());
        RATIOFARM_EXPECT(setup.binned.size() == setup.model.binned.size());
        RATIOFARM_EXPECT(setup.truth.size() == setup.model.parameters.size());
        for (std::size_t a = 0; a < setup.truth.size(); ++a) {
            check_range(setup.model.parameters[a], setup.truth[a], "the truth");
            setup.model.parameters[a].start = setup.truth[a];
        }
        poi = parameter_index(setup.model, setup.model.parameter_of_interest);
        check_range(setup.model.parameters[poi], setup.test, "the tested value");
        observable_key = key_for(setup, "global observables");
        for (std::size_t r = 0; r < setup.unbinned.size(); ++r) add_region(r);
        for (const auto& region : setup.model.binned) {
            bin_keys.push_back(key_for(setup, "bins of " + region.name));
        }
    }

    void add_region(std::size_t r) {
        ToyRegion& region = setup.unbinned[r];
        std::vector<Source> sources;
        for (std::size_t k = 0; k < region.sources.size(); ++k) {
            ToySource& from = region.sources[k];
            const std::uint64_t key = key_for(
                setup, "events of " + setup.model.unbinned[r].name + "/" + std::to_string(k));
            Source source{from.events, {}, {}};
            if (!from.weights.empty()) {
                RATIOFARM_EXPECT(from.weights.size() == from.events->size());
                source.weighted = {WeightedDraw(from.weights), key};
                from.weights.clear();  // the sums say the same
            } else {
                source.disjoint = disjoint_of(from, key);
            }
            sources.push_back(std::move(source));
        }
        unbinned.push_back(std::move(sources));
        if (region.expansion) expansions.push_back(region.expansion);
    }

    std::optional<Disjoint> disjoint_of(const ToySource& from, std::uint64_t key) const {
        if (from.expected == 0.0) return std::nullopt;
        const std::uint64_t n = from.events->size();
        const double high = from.expected + 6.0 * std::sqrt(from.expected) + 10.0;
        if (high > static_cast<double>(n)) {
            throw ConfigError("toys of unit-weight events: a toy takes about " +
                              std::to_string(from.expected) + " events of a sample that has " +
                              std::to_string(n) +
                              " (give more events, or throw from the mixture by weight)");
        }
        DisjointDraw draw(n, from.expected, key);
        std::vector<std::uint64_t> first = draw.first_events(toys);
        return Disjoint{std::move(draw), std::move(first)};
    }

    /// \param rows is filled with the row of its source that each event is
    EventSet thrown_region(std::size_t r,
                           std::uint64_t toy,
                           std::vector<std::uint64_t>& rows) const {
        std::vector<ToyRows> parts;
        for (const Source& source : unbinned[r]) {
            if (source.weighted) {
                PhiloxSequence random(source.weighted->key, toy);
                parts.push_back({source.events.get(), source.weighted->draw.draw(random)});
            } else if (source.disjoint) {
                const auto& first = source.disjoint->first_events;
                const std::size_t at = toy - toys.first;
                parts.push_back({source.events.get(),
                                 source.disjoint->draw.draw(first[at], first[at + 1] - first[at])});
            } else {
                parts.push_back({source.events.get(), {}});
            }
        }
        const EventSet* reference = setup.unbinned[r].reference.get();
        if (reference != nullptr) parts.push_back({reference, all_rows(*reference), true});
        for (const ToyRows& part : parts) {
            for (const DrawnRow& drawn : part.rows) rows.push_back(drawn.row);
        }
        return joined(parts);
    }
};

ToyExperiment::ToyExperiment(ToySetup setup, Range toys)
    : state_(std::make_unique<const State>(std::move(setup), toys)) {}
ToyExperiment::~ToyExperiment() = default;
ToyExperiment::ToyExperiment(ToyExperiment&&) noexcept = default;
ToyExperiment& ToyExperiment::operator=(ToyExperiment&&) noexcept = default;

const ToySetup& ToyExperiment::setup() const { return state_->setup; }
Range ToyExperiment::toys() const { return state_->toys; }

Toy ToyExperiment::thrown(std::uint64_t toy) const {
    const ToySetup& setup = state_->setup;
    RATIOFARM_EXPECT(toy >= state_->toys.first && toy < state_->toys.last);
    Toy result;
    for (std::size_t r = 0; r < setup.unbinned.size(); ++r) {
        result.rows.emplace_back();
        result.unbinned.push_back(state_->thrown_region(r, toy, result.rows.back()));
    }
    for (std::size_t r = 0; r < setup.binned.size(); ++r) {
        PhiloxSequence random(state_->bin_keys[r], toy);
        std::vector<double> counts;
        for (const double expected : setup.binned[r]) {
            counts.push_back(static_cast<double>(poisson(random, expected)));
        }
        result.binned.push_back(std::move(counts));
    }
    PhiloxSequence random(state_->observable_key, toy);
    for (std::size_t a = 0; a < setup.truth.size(); ++a) {
        result.observed.push_back(
            thrown_observable(setup.model.parameters[a], setup.truth[a], random));
    }
    return result;
}

namespace {

/// The statistics that were asked for, NaN where a fit does not converge, and a place deeper than
/// the minimum if they came to one.
std::pair<std::vector<double>, std::optional<std::vector<double>>> statistics_of(
    const Likelihood& likelihood, const FitResult& result, const ToySetup& setup) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> values(setup.statistics.size(), nan);
    if (!result.converged) return {values, std::nullopt};
    TestStatistics statistics(likelihood, result);
    for (std::size_t k = 0; k < values.size(); ++k) {
        try {
            values[k] = statistics.value(setup.statistics[k], setup.test);
        } catch (const NumericalError&) {
            values[k] = nan;
        }
    }
    return {values, statistics.deeper()};
}

}  // namespace

ToyOutcome ToyExperiment::fitted(const Toy& toy, std::uint64_t number) const {
    const ToySetup& setup = state_->setup;
    LikelihoodData data{{}, toy.binned, state_->expansions};  // of all regions or of none
    ToyOutcome outcome{.toy = number, .statistics = {}, .value = {}, .error = {}};
    for (const EventSet& events : toy.unbinned) {
        data.unbinned.push_back(source_of(events));
        double sum = 0.0;
        for (const double weight : events.weight) sum += weight;
        outcome.events += static_cast<std::uint64_t>(sum);
    }
    Likelihood likelihood(setup.model, data, state_->alone);
    likelihood.set_observed(toy.observed);
    FitOptions options;
    options.interval = false;
    FitResult result = fit(likelihood, options, Log());
    auto [statistics, deeper] = statistics_of(likelihood, result, setup);
    if (deeper) {  // a test found a minimum that the search had missed
        options.places.push_back(*deeper);
        result = fit(likelihood, options, Log());
        std::tie(statistics, deeper) = statistics_of(likelihood, result, setup);
    }
    outcome.statistics = std::move(statistics);
    outcome.converged = result.converged && !deeper &&
                        std::none_of(outcome.statistics.begin(), outcome.statistics.end(),
                                     [](double value) { return std::isnan(value); });
    for (const FittedParameter& parameter : result.parameters) {
        outcome.value.push_back(parameter.value);
        outcome.error.push_back(parameter.error);
    }
    return outcome;
}

ToyListSummary summary_of(std::span<const double> weights) {
    ToyListSummary summary;
    double squares = 0.0;
    for (const double weight : weights) {
        summary.expected += weight;
        squares += weight * weight;
        if (weight < 0.0) {
            summary.negative += weight;
            ++summary.n_negative;
        }
    }
    summary.expected = std::max(0.0, summary.expected);
    if (squares > 0.0) summary.effective_events = summary.expected * summary.expected / squares;
    return summary;
}

}  // namespace ratiofarm
