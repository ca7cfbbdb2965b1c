#include "hessian_rows.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/region_layout.hpp"
#include "fit/kernels/guards.hpp"

#include "dual.hpp"

namespace ratiofarm {
namespace {

/// All events of one region, and what their gradient needs.
struct Region {
    const UnbinnedRegion* model;
    NamedLayout named;
    EventSet events;
    RateModel rates;
};

/// L'(D) of an event: 1 / D, or the gradient of its continuation below the floor.
Dual log_gradient(Dual mixture, double floor, double weight) {
    const Dual one{1.0, 0.0};
    if (mixture.value >= floor) return one / mixture;
    const Continuation<Dual> below((1.0 / floor) * mixture - one, weight);
    const Dual q = below.q();
    return (1.0 / floor) * (below.gradient() / (q * q));
}

/// The gradient of one region's terms along one direction of the parameters.
class DirectedGradient {
public:
    DirectedGradient(const Region& region, std::span<const double> u, std::size_t direction)
        : region_(region),
          s_(region.named.layout.n_processes),
          n_(u.size()),
          direction_(direction),
          t_(s_),
          gradient_(region.named.layout.columns.size()) {
        for (const auto& column : region.named.layout.columns) {
            const std::size_t a = region.named.shape_parameters[column.parameter];
            alpha_.push_back({u[a], a == direction ? 1.0 : 0.0});
        }
        set_rates(region.rates.at(u));
    }

    /// [n]: how every component of the gradient changes along the direction.
    std::vector<double> tangents() {
        std::vector<Dual> sum = rate_gradient_sum();  // of nu
        const bool shapes = !gradient_.empty() && region_.model->shape_norm != ShapeNorm::none;
        if (shapes) normalise();
        for (std::size_t i = 0; i < region_.events.size(); ++i) add_event(i, sum);
        std::vector<double> result;
        for (const Dual& component : sum) result.push_back(component.tangent);
        return result;
    }

private:
    void set_rates(const ProcessRates& rates) {
        for (std::size_t j = 0; j < s_; ++j) {
            rate_.push_back({rates.value[j], rates.gradient[j * n_ + direction_]});
            for (std::size_t a = 0; a < n_; ++a) {
                rate_gradient_.push_back(
                    {rates.gradient[j * n_ + a], rates.hessian[(j * n_ + a) * n_ + direction_]});
            }
        }
    }

    std::vector<Dual> rate_gradient_sum() const {
        std::vector<Dual> sum(n_);
        for (std::size_t j = 0; j < s_; ++j) {
            for (std::size_t a = 0; a < n_; ++a) sum[a] += rate_gradient_[j * n_ + a];
        }
        return sum;
    }

    /// T_j of event i and g'/g of its columns.
    void set_event(std::size_t i) {
        const EventSet& events = region_.events;
        for (std::size_t j = 0; j < s_; ++j) t_[j] = {std::exp(events.log_r[i * s_ + j]), 0.0};
        for (std::size_t c = 0; c < gradient_.size(); ++c) {
            const ShapeIndex& column = region_.named.layout.columns[c];
            const auto anchor = [&](std::size_t side) {
                const float log_g = events.log_g[(2 * c + side) * events.size() + i];
                return std::exp(double{std::clamp(log_g, -largest_log_g, largest_log_g)});
            };
            Interpolated g = interpolate(column.code, {anchor(0), anchor(1)}, alpha_[c].value);
            if (g.value < smallest_g) g = {smallest_g, 0.0, 0.0};
            const Dual value{g.value, g.gradient * alpha_[c].tangent};
            gradient_[c] = Dual{g.gradient, g.curvature * alpha_[c].tangent} / value;
            t_[column.process] *= value;
        }
    }

    std::size_t parameter_of(std::size_t column) const {
        return region_.named.shape_parameters[region_.named.layout.columns[column].parameter];
    }

    /// Divides the rates by Z_j, the mean of T_j over the reference events, and takes
    /// dln Z_j / du from their gradients.
    void normalise() {
        Dual weight;
        std::vector<Dual> z(s_);
        std::vector<Dual> z_gradient(s_ * n_);
        for (std::size_t i = 0; i < region_.events.size(); ++i) {
            const double w = region_.events.reference[i];
            set_event(i);
            weight.value += w;
            for (std::size_t j = 0; j < s_; ++j) z[j] += w * t_[j];
            for (std::size_t c = 0; c < gradient_.size(); ++c) {
                const std::size_t j = region_.named.layout.columns[c].process;
                z_gradient[j * n_ + parameter_of(c)] += w * (t_[j] * gradient_[c]);
            }
        }
        for (std::size_t j = 0; j < s_; ++j) {
            for (std::size_t a = 0; a < n_; ++a) {
                Dual& gradient = rate_gradient_[j * n_ + a];
                gradient =
                    (weight / z[j]) * (gradient - rate_[j] * (z_gradient[j * n_ + a] / z[j]));
            }
            rate_[j] *= weight / z[j];
        }
    }

    /// - w L'(D) dD/du_a
    void add_event(std::size_t i, std::vector<Dual>& sum) {
        const double w = region_.events.weight[i];
        if (w == 0.0) return;
        double floor = 0.0;
        for (std::size_t j = 0; j < s_; ++j) {
            floor += relative_floor * region_.named.layout.yields[j] *
                     std::exp(region_.events.log_r[i * s_ + j]);
        }
        set_event(i);
        Dual mixture;
        for (std::size_t j = 0; j < s_; ++j) mixture += rate_[j] * t_[j];
        const Dual factor = -w * log_gradient(mixture, std::max(floor, smallest_floor), w);
        for (std::size_t j = 0; j < s_; ++j) {
            for (std::size_t a = 0; a < n_; ++a) {
                sum[a] += factor * (rate_gradient_[j * n_ + a] * t_[j]);
            }
        }
        for (std::size_t c = 0; c < gradient_.size(); ++c) {
            const std::size_t j = region_.named.layout.columns[c].process;
            sum[parameter_of(c)] += factor * (rate_[j] * t_[j] * gradient_[c]);
        }
    }

    const Region& region_;
    std::size_t s_;
    std::size_t n_;
    std::size_t direction_;
    std::vector<Dual> alpha_;          // [C]
    std::vector<Dual> rate_;           // [S], R_j
    std::vector<Dual> rate_gradient_;  // [S, n]
    std::vector<Dual> t_;              // [S], of the current event
    std::vector<Dual> gradient_;       // [C], likewise
};

std::vector<Region> read_regions(const StatisticalModel& model, const LikelihoodData& data) {
    std::vector<Region> regions;
    for (std::size_t r = 0; r < model.unbinned.size(); ++r) {
        const EventSource& source = data.unbinned[r];
        regions.push_back({&model.unbinned[r], region_layout(model.unbinned[r], model, source),
                           source.read({0, source.total}),
                           RateModel(model.unbinned[r], model, InternalCoordinates(model))});
    }
    return regions;
}

}  // namespace

std::vector<double> unbinned_hessian_by_rows(const StatisticalModel& model,
                                             const LikelihoodData& data,
                                             const mpi::Communicator& comm,
                                             std::span<const double> u) {
    const std::size_t n = u.size();
    std::vector<Region> regions;
    mpi::together(comm, [&] { regions = read_regions(model, data); });
    const Range rows = block_partition(n, static_cast<std::uint64_t>(comm.size()),
                                       static_cast<std::uint64_t>(comm.rank()));
    std::vector<double> mine;
    for (std::uint64_t row = rows.first; row < rows.last; ++row) {
        std::vector<double> sum(n);
        for (const Region& region : regions) {
            const auto part = DirectedGradient(region, u, row).tangents();
            for (std::size_t a = 0; a < n; ++a) sum[a] += part[a];
        }
        mine.insert(mine.end(), sum.begin(), sum.end());
    }
    return mpi::all_gather(comm, std::span<const double>(mine));
}

}  // namespace ratiofarm
