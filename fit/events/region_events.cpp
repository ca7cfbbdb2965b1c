#include "region_events.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "fit/kernels/mixture_kernel.hpp"
#include "fit/kernels/packed_sums.hpp"
#include "fit/kernels/shape_workspace.hpp"
#include "fit/kernels/textbook_sums.hpp"

#include "device_sums.hpp"
#include "event_blocks.hpp"
#include "parallel.hpp"

namespace ratiofarm {
namespace {

using Weights = EventBlocks::Weights;

/// Below this many values of a rank a second thread costs more than it saves.
constexpr std::uint64_t values_worth_a_thread = 60000;

// What the lists of sums mean that RegionEvents adds up over shards and ranks.

MixtureSums mixture_of(std::span<const double> sums, const RegionPlan& plan) {
    const std::size_t s = plan.n_processes();
    const std::size_t p = plan.n_parameters();
    const std::size_t c = plan.n_columns();
    SumReader reader(sums);
    MixtureSums result;
    result.value = reader.one();
    result.below_floor = static_cast<std::uint64_t>(reader.one());
    for (const double count : reader.take(s)) {
        result.clipped.push_back(static_cast<std::uint64_t>(count));
    }
    result.gradient = reader.list(s);
    result.shape_gradient = reader.list(c);
    result.shape_curvature = square_of(reader.take(triangle(p)), p);
    result.outer = square_of(reader.take(triangle(p + s)), p + s);
    return result;
}

ReferenceSums reference_of(std::span<const double> sums, const RegionPlan& plan) {
    const std::size_t s = plan.n_processes();
    SumReader reader(sums);
    ReferenceSums result;
    result.weight = reader.one();
    result.value = reader.list(s);
    result.gradient = reader.list(plan.n_columns());
    for (std::size_t j = 0; j < s; ++j) {
        const std::vector<std::size_t> place = plan.places_of(j);
        const std::size_t n = place.size();
        const std::span<const double> lower = reader.take(triangle(n));
        std::vector<double>& curvature = result.curvature.emplace_back(n * n);
        for (std::size_t a = 0; a < n; ++a) {
            for (std::size_t b = 0; b < n; ++b) {
                curvature[place[a] * n + place[b]] = lower[in_triangle(a, b)];
            }
        }
    }
    return result;
}

/// \param sums [columns][even, odd], in kernel order
std::vector<ShapeParity> parities_of(const RegionLayout& layout,
                                     const RegionPlan& plan,
                                     std::span<const std::uint64_t> sums) {
    std::vector<ShapeParity> parities(layout.n_shape_parameters);
    for (std::size_t c = 0; c < plan.n_columns(); ++c) {
        ShapeParity& parity = parities[plan.parameters()[c]];
        parity.even += EventBlocks::parity_unit * static_cast<double>(sums[2 * c]);
        parity.odd += EventBlocks::parity_unit * static_cast<double>(sums[2 * c + 1]);
        const Interpolation code = layout.columns[plan.columns()[c]].code;
        parity.kinked = parity.kinked || code == Interpolation::code0 ||
                        (code == Interpolation::code1 && sums[2 * c] > 0);
    }
    return parities;
}

}  // namespace

struct RegionEvents::State {
    RegionLayout layout;
    RegionPlan plan;
    const mpi::Communicator* comm;
    LikelihoodOptions options;
    ShapeKernels kernels;
    ShardKernel plain_kernel;  // without shapes
    std::optional<EventBlocks> events;
    std::uint64_t n_events = 0;
    std::uint64_t n_zero_weight = 0;
    std::vector<RegionEvents::ClippedAnchors> clipped_anchors;
    std::vector<ShapeParity> parities;
    std::optional<TextbookEvents> textbook;  // instead of everything fast
    std::unique_ptr<DeviceSums> device;      // instead of the blocks, which are gone then

    std::size_t n_threads() const {
        const std::uint64_t values =
            events->n_blocks() * shape_block * (plan.n_processes() + plan.n_columns());
        const std::uint64_t useful = std::max<std::uint64_t>(1, values / values_worth_a_thread);
        return std::min<std::uint64_t>(std::max(1U, options.threads), useful);
    }

    bool in_double(std::span<const double> alpha) const {
        return options.precision == ShapePrecision::fp64 || needs_double(layout, alpha);
    }
    std::size_t storage() const { return static_cast<std::size_t>(options.storage); }

    template <class AddShard>
    std::vector<double> sum(std::size_t width, const AddShard& add_shard) const;
    template <class OfRank>
    std::vector<double> sum_of_ranks(const OfRank& of_rank) const;
    template <class Real>
    std::vector<double> mixture_sums(std::span<const double> rates,
                                     std::span<const double> alpha) const;
    template <class Real>
    std::vector<double> reference_sums(std::span<const double> alpha) const;
    std::vector<double> plain_mixture_sums(std::span<const double> rates) const;

    template <class Real>
    void add_blocks(ShapeKernel<Real> add_block,
                    const ShapePoint<Real>& point,
                    Weights weights,
                    std::size_t shard,
                    ShapeWorkspace<Real>& space) const {
        const ShapePlan view = plan.view();
        const Range blocks = events->blocks(shard);
        for (std::uint64_t b = blocks.first; b < blocks.last; ++b) {
            if (events->any(weights, b)) {
                add_block(view, point, events->block(weights, b), space.work());
            }
        }
    }
    template <class Real>
    void put_columns(const ShapeWorkspace<Real>& space, double* to) const;
    template <class Real>
    void put_matrices(const ShapeWorkspace<Real>& space,
                      std::span<const double> rates,
                      double* to) const;
};

/// \param add_shard (shard, thread, terms): fills terms [width]
/// \return [width], over all ranks
template <class AddShard>
std::vector<double> RegionEvents::State::sum(std::size_t width, const AddShard& add_shard) const {
    const std::size_t threads = n_threads();
    std::vector<mpi::ExactSums> sums(threads, mpi::ExactSums(width));
    for_each_in_parallel(events->n_shards(), threads, [&](std::size_t shard, std::size_t thread) {
        thread_local std::vector<double> terms;
        terms.assign(width, 0.0);
        add_shard(shard, thread, terms.data());
        sums[thread].add(terms);
    });
    for (std::size_t thread = 1; thread < threads; ++thread) sums[0].add(sums[thread]);
    return mpi::exact_sum(*comm, std::move(sums[0]));
}

/// \param of_rank its sums, by a device that may be lost
/// \return over all ranks
template <class OfRank>
std::vector<double> RegionEvents::State::sum_of_ranks(const OfRank& of_rank) const {
    std::vector<double> mine;
    mpi::together(*comm, [&] { mine = of_rank(); });
    mpi::ExactSums sums(mine.size());
    sums.add(mine);
    return mpi::exact_sum(*comm, std::move(sums));
}

/// The gradients of the columns in the order of the layout.
template <class Real>
void RegionEvents::State::put_columns(const ShapeWorkspace<Real>& space, double* to) const {
    for (std::size_t c = 0; c < plan.n_columns(); ++c) {
        to[plan.columns()[c]] = space.joined(space.work().column_gradient + c * shape_lanes);
    }
}

/// The second derivatives of all groups in one triangle of parameters.
template <class Real>
void RegionEvents::State::put_matrices(const ShapeWorkspace<Real>& space,
                                       std::span<const double> rates,
                                       double* to) const {
    for (std::size_t g = 0; g < plan.n_groups(); ++g) {
        const std::size_t one = plan.group(g).front();
        const auto parameters =
            plan.parameters().subspan(plan.first_column(one), plan.columns_of(one));
        for (std::size_t a = 0; a < parameters.size(); ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                to[in_triangle(parameters[a], parameters[b])] += space.element(g, a, b);
            }
            for (const std::size_t j : plan.group(g)) {
                const std::size_t c = plan.first_column(j) + a;
                to[in_triangle(parameters[a], parameters[a])] +=
                    rates[j] * space.joined(space.work().column_curvature + c * shape_lanes);
            }
        }
    }
}

template <class Real>
std::vector<double> RegionEvents::State::mixture_sums(std::span<const double> rates,
                                                      std::span<const double> alpha) const {
    const std::size_t s = plan.n_processes();
    const std::size_t p = plan.n_parameters();
    const std::vector<ColumnWeights<Real>> columns = column_weights<Real>(layout, plan, alpha);
    const ShapePoint<Real> point{rates.data(), columns.data()};
    std::vector<std::size_t> widths;
    for (std::size_t g = 0; g < plan.n_groups(); ++g) {
        widths.push_back(plan.columns_of(plan.group(g).front()));
    }
    widths.push_back(p + s);
    std::vector<ShapeWorkspace<Real>> spaces;
    for (std::size_t t = 0; t < n_threads(); ++t) spaces.emplace_back(plan, widths);

    const std::size_t width = 2 + 2 * s + plan.n_columns() + triangle(p) + triangle(p + s);
    return sum(width, [&](std::size_t shard, std::size_t thread, double* to) {
        ShapeWorkspace<Real>& space = spaces[thread];
        space.clear();
        add_blocks(kernels.of<Real>(storage()).mixture, point, Weights::data, shard, space);
        *to++ = space.joined(space.work().value);
        *to++ = space.work().below_floor[0];
        for (std::size_t j = 0; j < s; ++j) *to++ = space.work().clipped[j];
        for (std::size_t j = 0; j < s; ++j) {
            *to++ = space.joined(space.work().process + j * shape_lanes);
        }
        put_columns(space, to);
        to += plan.n_columns();
        put_matrices(space, rates, to);
        to += triangle(p);
        for (std::size_t a = 0; a < p + s; ++a) {
            for (std::size_t b = 0; b <= a; ++b) *to++ = space.element(plan.n_groups(), a, b);
        }
    });
}

template <class Real>
std::vector<double> RegionEvents::State::reference_sums(std::span<const double> alpha) const {
    const std::size_t s = plan.n_processes();
    const std::vector<ColumnWeights<Real>> columns = column_weights<Real>(layout, plan, alpha);
    const ShapePoint<Real> point{nullptr, columns.data()};
    std::vector<std::size_t> widths;
    std::size_t width = 1 + s + plan.n_columns();
    for (std::size_t j = 0; j < s; ++j) {
        widths.push_back(plan.columns_of(j));
        width += triangle(widths.back());
    }
    std::vector<ShapeWorkspace<Real>> spaces;
    for (std::size_t t = 0; t < n_threads(); ++t) spaces.emplace_back(plan, widths);

    return sum(width, [&](std::size_t shard, std::size_t thread, double* to) {
        ShapeWorkspace<Real>& space = spaces[thread];
        space.clear();
        add_blocks(kernels.of<Real>(storage()).reference, point, Weights::reference, shard, space);
        *to++ = space.joined(space.work().value);
        for (std::size_t j = 0; j < s; ++j) {
            *to++ = space.joined(space.work().process + j * shape_lanes);
        }
        put_columns(space, to);
        to += plan.n_columns();
        for (std::size_t j = 0; j < s; ++j) {
            for (std::size_t a = 0; a < widths[j]; ++a) {
                for (std::size_t b = 0; b < a; ++b) *to++ = space.element(j, a, b);
                const std::size_t c = plan.first_column(j) + a;
                *to++ = space.joined(space.work().column_curvature + c * shape_lanes);
            }
        }
    });
}

/// As mixture_sums() without columns, by the kernel that has nothing else to do.
std::vector<double> RegionEvents::State::plain_mixture_sums(std::span<const double> rates) const {
    const std::size_t s = plan.n_processes();
    const MixturePoint point{s, rates.data(), plan.view().yields};
    return sum(2 + 2 * s + triangle(s), [&](std::size_t shard, std::size_t, double* to) {
        const Range blocks = events->blocks(shard);
        const ShapeBlock first = events->block(Weights::data, blocks.first);
        std::vector<const double*> ratios;
        for (std::size_t j = 0; j < s; ++j) ratios.push_back(first.ratio + j * first.ratio_stride);
        std::vector<double> sums(n_sums(s));
        plain_kernel(point, {first.ratio_stride, first.weight, ratios.data()}, sums.data());
        std::copy_n(sums.begin(), 2, to);
        std::copy(sums.begin() + 2, sums.end(), to + 2 + s);
    });
}

RegionEvents::RegionEvents(const RegionLayout& layout,
                           const EventSource& source,
                           const mpi::Communicator& comm,
                           const LikelihoodOptions& options) {
    RATIOFARM_EXPECT(source.processes.size() == layout.n_processes);
    RATIOFARM_EXPECT(source.shapes.size() == layout.columns.size());
    RATIOFARM_EXPECT(!layout.columns.empty() || layout.n_shape_parameters == 0);
    RATIOFARM_EXPECT(!options.device || options.storage == ShapeStorage::fp32);
    state_ = std::make_unique<State>(State{layout,
                                           RegionPlan(layout),
                                           &comm,
                                           options,
                                           choose_shape_kernels(options.instructions),
                                           choose_kernel(options.instructions),
                                           {},
                                           source.total,
                                           0,
                                           {},
                                           {},
                                           {},
                                           {}});
    mpi::together(comm, [&] {
        state_->events.emplace(
            EventBlocks::Request{.source = source,
                                 .shards = Shards(source.total).of_rank(comm),
                                 .columns = state_->plan.columns(),
                                 .process_of = state_->plan.process_of(),
                                 .storage = options.storage,
                                 .threads = options.threads,
                                 .to_half = state_->kernels.to_half,
                                 .parity = choose_parity_kernel(options.instructions)});
    });
    count_everywhere();
    if (options.instructions == InstructionSet::textbook) {
        state_->textbook.emplace(layout, source, comm);
    } else if (options.device) {
        mpi::together(comm, [&] {
            state_->device = std::make_unique<DeviceSums>(state_->layout, state_->plan,
                                                          *state_->events, options.device);
        });
        state_->events.reset();
    }
}

/// What all ranks together found while they loaded their events.
void RegionEvents::count_everywhere() {
    std::vector<std::uint64_t> counts = state_->events->clipped_anchors();
    const std::size_t of_processes = counts.size();
    counts.push_back(state_->events->n_zero_weight());
    const std::vector<std::uint64_t>& parities = state_->events->parities();
    counts.insert(counts.end(), parities.begin(), parities.end());
    mpi::all_sum(*state_->comm, counts);
    const auto first = counts.end() - static_cast<std::ptrdiff_t>(parities.size());
    state_->n_zero_weight = *std::prev(first);
    state_->parities = parities_of(state_->layout, state_->plan, {first, counts.end()});
    for (std::size_t k = 0; k < of_processes; k += 2) {
        const double share = static_cast<double>(counts[k + 1]) * EventBlocks::share_unit;
        state_->clipped_anchors.push_back(
            {counts[k], share > 0.0 ? std::optional(std::min(share, 1.0)) : std::nullopt});
    }
}

RegionEvents::~RegionEvents() = default;
RegionEvents::RegionEvents(RegionEvents&&) noexcept = default;
RegionEvents& RegionEvents::operator=(RegionEvents&&) noexcept = default;

MixtureSums RegionEvents::mixture(std::span<const double> rates,
                                  std::span<const double> alpha) const {
    const std::size_t s = state_->plan.n_processes();
    const std::size_t p = state_->plan.n_parameters();
    const std::size_t c = state_->plan.n_columns();
    RATIOFARM_EXPECT(rates.size() == s && alpha.size() == p);
    if (state_->textbook) return state_->textbook->mixture(rates, alpha);
    const bool in_double = state_->in_double(alpha);
    if (state_->device) {
        const auto of_rank = [&] { return state_->device->mixture(rates, alpha, in_double); };
        return mixture_of(state_->sum_of_ranks(of_rank), state_->plan);
    }
    const std::vector<double> sums = c == 0      ? state_->plain_mixture_sums(rates)
                                     : in_double ? state_->mixture_sums<double>(rates, alpha)
                                                 : state_->mixture_sums<float>(rates, alpha);
    return mixture_of(sums, state_->plan);
}

ReferenceSums RegionEvents::reference(std::span<const double> alpha) const {
    RATIOFARM_EXPECT(alpha.size() == state_->plan.n_parameters());
    if (state_->textbook) return state_->textbook->reference(alpha);
    const bool in_double = state_->in_double(alpha);
    if (state_->device) {
        const auto of_rank = [&] { return state_->device->reference(alpha, in_double); };
        return reference_of(state_->sum_of_ranks(of_rank), state_->plan);
    }
    const std::vector<double> sums =
        in_double ? state_->reference_sums<double>(alpha) : state_->reference_sums<float>(alpha);
    return reference_of(sums, state_->plan);
}

std::uint64_t RegionEvents::n_events() const { return state_->n_events; }
std::uint64_t RegionEvents::n_zero_weight() const { return state_->n_zero_weight; }
std::uint64_t RegionEvents::n_bytes() const {
    return state_->device ? state_->device->n_bytes() : state_->events->n_bytes();
}
const std::vector<ShapeParity>& RegionEvents::parities() const { return state_->parities; }
const std::vector<RegionEvents::ClippedAnchors>& RegionEvents::clipped_anchors() const {
    return state_->clipped_anchors;
}

}  // namespace ratiofarm
