#include "textbook_sums.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "guards.hpp"

namespace ratiofarm {
namespace {

/// One event at one point.
struct TextbookEvent {
    std::vector<double> t;        ///< [S]
    std::vector<Interpolated> g;  ///< [C], gradient and curvature relative to the value
    std::vector<bool> held;       ///< [C]
};

TextbookEvent event_at(const RegionLayout& layout,
                       const EventSet& events,
                       std::size_t i,
                       std::span<const double> alpha) {
    constexpr double largest = largest_log_g;
    TextbookEvent event;
    const std::size_t s = layout.n_processes;
    for (std::size_t j = 0; j < s; ++j) event.t.push_back(std::exp(events.log_r[i * s + j]));
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
        const ShapeIndex& column = layout.columns[c];
        const auto anchor = [&](std::size_t side) {
            const double log_g = events.log_g[(2 * c + side) * events.size() + i];
            return std::exp(std::clamp(log_g, -largest, largest));
        };
        Interpolated g = interpolate(column.code, {anchor(0), anchor(1)}, alpha[column.parameter]);
        event.held.push_back(is_additive(column.code) && g.value < smallest_g);
        if (event.held.back()) g = {smallest_g, 0.0, 0.0};
        event.t[column.process] *= g.value;
        event.g.push_back({g.value, g.gradient / g.value, g.curvature / g.value});
    }
    return event;
}

/// L, w L' and -w L'' of one mixture.
struct TextbookLogarithm {
    double value = 0.0;
    double gradient = 0.0;
    double curvature = 0.0;
    bool below = false;
};

TextbookLogarithm logarithm_at(double mixture, double floor, double w) {
    if (mixture >= floor) return {std::log(mixture), w / mixture, w / mixture / mixture, false};
    const Continuation<double> below(mixture / floor - 1.0, w);
    const double q = below.q();
    return {std::log(floor) + below.value() / q, w * below.gradient() / (q * q) / floor,
            w * below.curvature() / (q * q * q) / floor / floor, true};
}

}  // namespace

MixtureSums textbook_mixture(const RegionLayout& layout,
                             const EventSet& events,
                             std::span<const double> rates,
                             std::span<const double> alpha) {
    const std::size_t s = layout.n_processes;
    const std::size_t p = layout.n_shape_parameters;
    const std::size_t n_columns = layout.columns.size();
    const std::size_t n_z = p + s;
    MixtureSums sums;
    sums.gradient.resize(s);
    sums.shape_gradient.resize(n_columns);
    sums.shape_curvature.resize(p * p);
    sums.outer.resize(n_z * n_z);
    sums.clipped.resize(s);
    for (std::size_t i = 0; i < events.size(); ++i) {
        const double w = events.weight[i];
        if (w == 0.0) continue;
        const TextbookEvent event = event_at(layout, events, i, alpha);
        double mixture = 0.0;
        double scale = 0.0;
        for (std::size_t j = 0; j < s; ++j) {
            mixture += rates[j] * event.t[j];
            scale += layout.yields[j] * std::exp(events.log_r[i * s + j]);
        }
        const double floor = std::max(relative_floor * scale, smallest_floor);
        const TextbookLogarithm l = logarithm_at(mixture, floor, w);
        sums.value += w * l.value;
        sums.below_floor += l.below ? 1 : 0;
        std::vector<double> z(n_z);
        for (std::size_t j = 0; j < s; ++j) {
            sums.gradient[j] += l.gradient * event.t[j];
            z[p + j] = event.t[j];
        }
        for (std::size_t a = 0; a < n_columns; ++a) {
            const ShapeIndex& ca = layout.columns[a];
            const double q = l.gradient * event.t[ca.process];
            sums.shape_gradient[a] += q * event.g[a].gradient;
            sums.clipped[ca.process] += event.held[a] ? 1 : 0;
            z[ca.parameter] += rates[ca.process] * event.t[ca.process] * event.g[a].gradient;
            for (std::size_t b = 0; b < n_columns; ++b) {
                const ShapeIndex& cb = layout.columns[b];
                if (cb.process != ca.process) continue;
                sums.shape_curvature[ca.parameter * p + cb.parameter] +=
                    q * rates[ca.process] *
                    (a == b ? event.g[a].curvature : event.g[a].gradient * event.g[b].gradient);
            }
        }
        for (std::size_t a = 0; a < n_z; ++a) {
            for (std::size_t b = 0; b < n_z; ++b) {
                sums.outer[a * n_z + b] += l.curvature * z[a] * z[b];
            }
        }
    }
    return sums;
}

ReferenceSums textbook_reference(const RegionLayout& layout,
                                 const EventSet& events,
                                 std::span<const double> alpha) {
    const std::size_t s = layout.n_processes;
    const std::size_t n_columns = layout.columns.size();
    std::vector<std::vector<std::size_t>> columns(s);
    for (std::size_t c = 0; c < n_columns; ++c) columns[layout.columns[c].process].push_back(c);
    ReferenceSums sums;
    sums.value.resize(s);
    sums.gradient.resize(n_columns);
    for (auto& of_process : columns) {
        sums.curvature.emplace_back(of_process.size() * of_process.size());
    }
    for (std::size_t i = 0; i < events.size(); ++i) {
        const double w = events.reference.empty() ? 0.0 : events.reference[i];
        if (w == 0.0) continue;
        const TextbookEvent event = event_at(layout, events, i, alpha);
        sums.weight += w;
        for (std::size_t j = 0; j < s; ++j) {
            sums.value[j] += w * event.t[j];
            const std::size_t n = columns[j].size();
            for (std::size_t a = 0; a < n; ++a) {
                const Interpolated& ga = event.g[columns[j][a]];
                sums.gradient[columns[j][a]] += w * event.t[j] * ga.gradient;
                for (std::size_t b = 0; b < n; ++b) {
                    sums.curvature[j][a * n + b] +=
                        w * event.t[j] *
                        (a == b ? ga.curvature : ga.gradient * event.g[columns[j][b]].gradient);
                }
            }
        }
    }
    return sums;
}

namespace {

/// Every number of some sums, one after the other.
template <class Visit>
void visit_numbers(MixtureSums& sums, const Visit& visit) {
    visit(sums.value);
    for (auto* list : {&sums.gradient, &sums.shape_gradient, &sums.shape_curvature, &sums.outer}) {
        for (double& number : *list) visit(number);
    }
}

template <class Visit>
void visit_numbers(ReferenceSums& sums, const Visit& visit) {
    visit(sums.weight);
    for (auto* list : {&sums.value, &sums.gradient}) {
        for (double& number : *list) visit(number);
    }
    for (auto& matrix : sums.curvature) {
        for (double& number : matrix) visit(number);
    }
}

template <class Sums>
std::vector<double> numbers_of(Sums& sums) {
    std::vector<double> numbers;
    visit_numbers(sums, [&](double& number) { numbers.push_back(number); });
    return numbers;
}

}  // namespace

template <class Sums, class OfEvents>
Sums TextbookEvents::sum(const OfEvents& of_events, std::vector<std::uint64_t>* counts) const {
    EventSet none;
    none.processes = source_.processes;
    none.shapes = source_.shapes;
    Sums total = of_events(none);
    mpi::ExactSums sums(numbers_of(total).size());
    mpi::together(*comm_, [&] {
        for (const Range& shard : shards_of_rank(*comm_, source_.total)) {
            Sums part = of_events(source_.read(shard));
            sums.add(numbers_of(part));
            if constexpr (std::is_same_v<Sums, MixtureSums>) {
                (*counts)[0] += part.below_floor;
                for (std::size_t j = 0; j < part.clipped.size(); ++j) {
                    (*counts)[1 + j] += part.clipped[j];
                }
            }
        }
    });
    const std::vector<double> numbers = mpi::exact_sum(*comm_, std::move(sums));
    auto next = numbers.begin();
    visit_numbers(total, [&](double& number) { number = *next++; });
    return total;
}

MixtureSums TextbookEvents::mixture(std::span<const double> rates,
                                    std::span<const double> alpha) const {
    std::vector<std::uint64_t> counts(1 + layout_.n_processes);
    MixtureSums total = sum<MixtureSums>(
        [&](const EventSet& events) { return textbook_mixture(layout_, events, rates, alpha); },
        &counts);
    mpi::all_sum(*comm_, counts);
    total.below_floor = counts[0];
    total.clipped.assign(counts.begin() + 1, counts.end());
    return total;
}

ReferenceSums TextbookEvents::reference(std::span<const double> alpha) const {
    return sum<ReferenceSums>(
        [&](const EventSet& events) { return textbook_reference(layout_, events, alpha); },
        nullptr);
}

}  // namespace ratiofarm
