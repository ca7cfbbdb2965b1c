#include "region_events.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/block_sum.hpp"

namespace ratiofarm {
namespace {

const double largest_log_anchor = std::log(20.0);
constexpr double smallest_g = 1e-6;

}  // namespace

/// One event after the other in double precision.
struct RegionEvents::State {
    RegionLayout layout;
    const mpi::Communicator* comm;
    EventSet events;
    std::vector<std::uint64_t> clipped_anchors;
    std::uint64_t n_zero_weight = 0;

    struct Event {
        std::vector<double> t;        // [S]
        std::vector<double> u;        // [C]
        std::vector<double> v;        // [C]
        std::vector<double> clipped;  // [S]
    };

    Event at(std::size_t i, std::span<const double> alpha) const {
        const std::size_t s = layout.n_processes;
        Event event{std::vector<double>(s), std::vector<double>(layout.columns.size()),
                    std::vector<double>(layout.columns.size()), std::vector<double>(s)};
        for (std::size_t j = 0; j < s; ++j) event.t[j] = std::exp(events.log_r[i * s + j]);
        for (std::size_t c = 0; c < layout.columns.size(); ++c) {
            const ShapeIndex& column = layout.columns[c];
            const auto anchor = [&](std::size_t side) {
                const double log_g = events.log_g[(2 * c + side) * events.size() + i];
                return std::exp(std::clamp(log_g, -largest_log_anchor, largest_log_anchor));
            };
            Interpolated g =
                interpolate(column.code, {anchor(0), anchor(1)}, alpha[column.parameter]);
            if (g.value < smallest_g) {
                g = {smallest_g, 0.0, 0.0};
                if (events.weight[i] != 0.0) event.clipped[column.process] += 1.0;
            }
            event.t[column.process] *= g.value;
            event.u[c] = g.slope / g.value;
            event.v[c] = g.bend / g.value;
        }
        return event;
    }

    template <class AddEvent>
    std::vector<double> sum(std::size_t width, const AddEvent& add) const {
        const Range shards = mpi::shards_of_rank(*comm);
        std::vector<double> mine(shards.size() * width);
        for (std::uint64_t shard = shards.first; shard < shards.last; ++shard) {
            const Range range = block_partition(events.total, mpi::n_shards, shard);
            double* to = mine.data() + (shard - shards.first) * width;
            for (std::uint64_t i = range.first; i < range.last; ++i) add(i - events.offset, to);
        }
        return mpi::block_sum(*comm, mine, width);
    }
};

RegionEvents::RegionEvents(const RegionLayout& layout,
                           const EventSource& source,
                           const mpi::Communicator& comm,
                           const LikelihoodOptions&) {
    const Range range = events_of_rank(comm, source.total);
    EventSet events = source.read(range);
    std::optional<std::string> problem;
    const std::size_t s = layout.n_processes;
    for (std::size_t i = 0; i < events.size() && !problem; ++i) {
        if (!std::isfinite(events.weight[i])) {
            problem = event_name(events, i) + ": weight = " + std::to_string(events.weight[i]) +
                      " (must be finite)";
        }
        for (std::size_t j = 0; j < s && !problem; ++j) {
            const double log_r = events.log_r[i * s + j];
            if (!std::isfinite(log_r) || log_r > 600.0) {
                problem = event_name(events, i) + ": log ratio of process '" + events.processes[j] +
                          "' = " + std::to_string(log_r) +
                          " (must be finite and below 600; a network that diverged?)";
            }
        }
    }
    mpi::throw_if_any(comm, problem);
    state_ = std::make_unique<State>(State{layout, &comm, std::move(events), {}, 0});
    state_->clipped_anchors.resize(s);
    for (std::size_t c = 0; c < layout.columns.size(); ++c) {
        for (std::size_t i = 0; i < 2 * state_->events.size(); ++i) {
            const double log_g = state_->events.log_g[2 * c * state_->events.size() + i];
            if (std::abs(log_g) > largest_log_anchor) {
                ++state_->clipped_anchors[layout.columns[c].process];
            }
        }
    }
    mpi::all_sum(comm, state_->clipped_anchors);
    std::vector<std::uint64_t> zero{0};
    for (std::size_t i = 0; i < state_->events.size(); ++i) {
        const bool unused = state_->events.reference.empty() || state_->events.reference[i] == 0.0;
        if (unused && state_->events.weight[i] == 0.0) ++zero[0];
    }
    mpi::all_sum(comm, zero);
    state_->n_zero_weight = zero[0];
}

RegionEvents::~RegionEvents() = default;
RegionEvents::RegionEvents(RegionEvents&&) noexcept = default;
RegionEvents& RegionEvents::operator=(RegionEvents&&) noexcept = default;

MixtureSums RegionEvents::mixture(std::span<const double> rates,
                                  std::span<const double> alpha) const {
    const RegionLayout& layout = state_->layout;
    const std::size_t s = layout.n_processes;
    const std::size_t p = layout.n_shape_parameters;
    const std::size_t c = layout.columns.size();
    const std::size_t z_width = p + s;
    const std::size_t width = 2 + s + c + p * p + z_width * z_width + s;
    const auto sums = state_->sum(width, [&](std::size_t i, double* to) {
        const double w = state_->events.weight[i];
        if (w == 0.0) return;
        const State::Event event = state_->at(i, alpha);
        double d = 0.0;
        double scale = 0.0;
        for (std::size_t j = 0; j < s; ++j) {
            d += rates[j] * event.t[j];
            scale += layout.yields[j] * std::exp(state_->events.log_r[i * s + j]);
        }
        const double floor = std::max(1e-6 * scale, 1e-150);
        double value = std::log(d);
        double first = 1.0 / d;
        double second = -1.0 / (d * d);
        if (d < floor) {
            to[1] += 1.0;
            const double t = d / floor - 1.0;
            const double q = w < 0.0 ? 1.0 + t * t : 1.0;
            value = std::log(floor) + (t - t * t / 2.0) / q;
            first = (w < 0.0 ? 1.0 - t - t * t : 1.0 - t) / (q * q) / floor;
            second = -(w < 0.0 ? 1.0 + 6.0 * t - 3.0 * t * t - 2.0 * t * t * t : 1.0) /
                     (q * q * q) / floor / floor;
        }
        to[0] += w * value;
        double* slope = to + 2;
        double* shape_slope = slope + s;
        double* bend = shape_slope + c;
        double* outer = bend + p * p;
        double* clipped = outer + z_width * z_width;
        std::vector<double> z(z_width);
        for (std::size_t j = 0; j < s; ++j) {
            slope[j] += w * first * event.t[j];
            z[p + j] = event.t[j];
            clipped[j] += event.clipped[j];
        }
        for (std::size_t a = 0; a < c; ++a) {
            const ShapeIndex& ca = layout.columns[a];
            const double q = w * first * event.t[ca.process];
            shape_slope[a] += q * event.u[a];
            z[ca.parameter] += rates[ca.process] * event.t[ca.process] * event.u[a];
            for (std::size_t b = 0; b < c; ++b) {
                const ShapeIndex& cb = layout.columns[b];
                if (cb.process != ca.process) continue;
                bend[ca.parameter * p + cb.parameter] +=
                    q * rates[ca.process] * (a == b ? event.v[a] : event.u[a] * event.u[b]);
            }
        }
        for (std::size_t a = 0; a < z_width; ++a) {
            for (std::size_t b = 0; b < z_width; ++b) {
                outer[a * z_width + b] -= w * second * z[a] * z[b];
            }
        }
    });
    MixtureSums result;
    auto next = sums.begin();
    const auto take = [&](std::size_t n) {
        std::vector<double> part(next, next + static_cast<std::ptrdiff_t>(n));
        next += static_cast<std::ptrdiff_t>(n);
        return part;
    };
    result.value = take(1)[0];
    result.below_floor = static_cast<std::uint64_t>(take(1)[0]);
    result.slope = take(s);
    result.shape_slope = take(c);
    result.shape_bend = take(p * p);
    result.outer = take(z_width * z_width);
    for (const double count : take(s)) result.clipped.push_back(static_cast<std::uint64_t>(count));
    return result;
}

ReferenceSums RegionEvents::reference(std::span<const double> alpha) const {
    const RegionLayout& layout = state_->layout;
    const std::size_t s = layout.n_processes;
    const std::size_t c = layout.columns.size();
    const auto sums = state_->sum(1 + s + c + c * c, [&](std::size_t i, double* to) {
        const double w = state_->events.reference.empty() ? 0.0 : state_->events.reference[i];
        if (w == 0.0) return;
        const State::Event event = state_->at(i, alpha);
        to[0] += w;
        for (std::size_t j = 0; j < s; ++j) to[1 + j] += w * event.t[j];
        for (std::size_t a = 0; a < c; ++a) {
            const std::size_t j = layout.columns[a].process;
            to[1 + s + a] += w * event.t[j] * event.u[a];
            for (std::size_t b = 0; b < c; ++b) {
                if (layout.columns[b].process != j) continue;
                to[1 + s + c + a * c + b] +=
                    w * event.t[j] * (a == b ? event.v[a] : event.u[a] * event.u[b]);
            }
        }
    });
    ReferenceSums result;
    result.weight = sums[0];
    for (std::size_t j = 0; j < s; ++j) {
        result.value.push_back(sums[1 + j]);
        std::vector<double> bend;
        for (std::size_t a = 0; a < c; ++a) {
            for (std::size_t b = 0; b < c; ++b) {
                if (layout.columns[a].process == j && layout.columns[b].process == j) {
                    bend.push_back(sums[1 + s + c + a * c + b]);
                }
            }
        }
        result.bend.push_back(std::move(bend));
    }
    for (std::size_t a = 0; a < c; ++a) result.slope.push_back(sums[1 + s + a]);
    return result;
}

std::uint64_t RegionEvents::n_events() const { return state_->events.total; }
std::uint64_t RegionEvents::n_zero_weight() const { return state_->n_zero_weight; }
std::uint64_t RegionEvents::n_bytes() const {
    return 8 * (state_->events.weight.size() + state_->events.log_r.size()) +
           4 * state_->events.log_g.size();
}
const std::vector<std::uint64_t>& RegionEvents::clipped_anchors() const {
    return state_->clipped_anchors;
}

}  // namespace ratiofarm
