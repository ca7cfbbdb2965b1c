#include "region_spectra.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/mixture_values.hpp"
#include "fit/events/parallel.hpp"
#include "fit/events/region_layout.hpp"

#include "gof_bins.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t block_events = 8192;
constexpr std::uint64_t events_of_shifts = 250'000;
constexpr std::size_t most_parts = 32;  // of the blocks; the sums of each are added in order
constexpr std::uint64_t events_of_peaks = 100'000;

/// Sums of the reference weights times T_j, and what single shapes do to them.
struct ShapeSums {
    std::vector<std::vector<double>> all;       ///< [processes][bins]
    std::vector<std::vector<double>> some;      ///< [processes][bins], of the events of shifts
    std::vector<std::vector<double>> up, down;  ///< [columns][bins], likewise
    void add(const ShapeSums& other) {
        const auto each = [](auto& mine, const auto& theirs) {
            for (std::size_t k = 0; k < mine.size(); ++k) {
                for (std::size_t b = 0; b < mine[k].size(); ++b) mine[k][b] += theirs[k][b];
            }
        };
        each(all, other.all);
        each(some, other.some);
        each(up, other.up);
        each(down, other.down);
    }
};

/// Everything that is summed over the events of a region.
struct RegionSums {
    std::array<ShapeSums, 2> shapes;  ///< at the two points
    std::vector<double> data;         ///< [bins]
};

/// The weights of one column's interpolation at one point and with its parameter moved.
struct ColumnFactors {
    InterpolationWeights at, up, down;
};

class RegionSpectra {
public:
    RegionSpectra(const StatisticalModel& model,
                  std::size_t region,
                  const EventSource& events,
                  const std::array<MovedPoint, 2>& bases)
        : model_(model),
          region_(model.unbinned[region]),
          region_index_(region),
          events_(events),
          bases_(bases),
          layout_(region_layout(region_, model, events)) {}

    /// \param columns features of the list's events
    std::vector<Spectrum> spectra(std::vector<ObservableAxis> axes,
                                  unsigned threads,
                                  const FitResult& fit);

private:
    RegionSums empty_sums() const;
    void add_block(Range range, bool with_shifts, RegionSums& to) const;
    void add_point(const EventSet& events,
                   const std::vector<std::vector<std::size_t>>& bins,
                   std::size_t point,
                   bool with_shifts,
                   ShapeSums& to) const;
    RegionSums sums(unsigned threads) const;
    std::vector<std::vector<double>> fractions(const ShapeSums& sums,
                                               const ObservableAxis& axis) const;
    Moved moved_totals(const ShapeSums& sums,
                       const std::vector<std::vector<double>>& nominal,
                       const ObservableAxis& axis,
                       std::size_t point) const;

    const StatisticalModel& model_;
    const UnbinnedRegion& region_;
    std::size_t region_index_;
    const EventSource& events_;
    const std::array<MovedPoint, 2>& bases_;
    NamedLayout layout_;
    std::vector<ObservableAxis> axes_;
    std::size_t n_bins_ = 0;
    std::array<std::vector<ColumnFactors>, 2> factors_;  ///< [columns] of each point
};

RegionSums RegionSpectra::empty_sums() const {
    const std::vector<double> none(n_bins_, 0.0);
    RegionSums sums{{}, none};
    for (ShapeSums& shapes : sums.shapes) {
        shapes.all.assign(region_.processes.size(), none);
        shapes.some = shapes.all;
        shapes.up.assign(layout_.layout.columns.size(), none);
        shapes.down = shapes.up;
    }
    return sums;
}

void RegionSpectra::add_point(const EventSet& events,
                              const std::vector<std::vector<std::size_t>>& bins,
                              std::size_t point,
                              bool with_shifts,
                              ShapeSums& to) const {
    const std::size_t s = region_.processes.size();
    const auto& columns = layout_.layout.columns;
    const std::uint64_t n = events.size();
    std::vector<double> t(s);
    std::vector<double> g(columns.size());
    const auto add = [&](std::vector<double>& sums, std::uint64_t i, double value) {
        for (const std::size_t bin : bins[i]) sums[bin] += value;
    };
    for (std::uint64_t i = 0; i < n; ++i) {
        const double w = events.reference[i];
        if (w == 0.0) continue;
        for (std::size_t j = 0; j < s; ++j) t[j] = w * std::exp(events.log_r[i * s + j]);
        for (std::size_t c = 0; c < columns.size(); ++c) {
            const float* log_g = events.log_g.data() + 2 * c * n + i;
            g[c] = guarded_factor(factors_[point][c].at, log_g[0], log_g[n]);
            t[columns[c].process] *= g[c];
        }
        for (std::size_t j = 0; j < s; ++j) {
            add(to.all[j], i, t[j]);
            if (with_shifts) add(to.some[j], i, t[j]);
        }
        for (std::size_t c = 0; with_shifts && c < columns.size(); ++c) {
            const float* log_g = events.log_g.data() + 2 * c * n + i;
            const double rest = t[columns[c].process] / g[c];
            add(to.up[c], i, rest * guarded_factor(factors_[point][c].up, log_g[0], log_g[n]));
            add(to.down[c], i, rest * guarded_factor(factors_[point][c].down, log_g[0], log_g[n]));
        }
    }
}

void RegionSpectra::add_block(Range range, bool with_shifts, RegionSums& to) const {
    const EventSet events = events_.read(range);
    std::vector<std::vector<std::size_t>> bins(events.size());
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        for (const ObservableAxis& axis : axes_) bins[i].push_back(axis.bin_of(range.first + i));
        for (const std::size_t bin : bins[i]) to.data[bin] += events.weight[i];
    }
    for (std::size_t point = 0; point < 2; ++point) {
        add_point(events, bins, point, with_shifts, to.shapes[point]);
    }
}

/// Parts of the list of their own sums, added in order: the bits do not depend on the threads.
RegionSums RegionSpectra::sums(unsigned threads) const {
    const std::uint64_t blocks = (events_.total + block_events - 1) / block_events;
    const std::uint64_t of_shifts = std::max<std::uint64_t>(1, events_of_shifts / block_events);
    const std::uint64_t stride = std::max<std::uint64_t>(1, blocks / of_shifts);
    const std::size_t parts = std::min<std::size_t>(most_parts, blocks);
    std::vector<RegionSums> partial(parts, empty_sums());
    std::vector<std::string> problems(parts);
    for_each_in_parallel(parts, threads, [&](std::size_t part, std::size_t) {
        try {
            for (std::uint64_t k = part; k < blocks; k += parts) {
                const Range range{k * block_events,
                                  std::min((k + 1) * block_events, events_.total)};
                add_block(range, k % stride == 0, partial[part]);
            }
        } catch (const std::exception& error) {
            problems[part] = error.what();
        }
    });
    for (const std::string& problem : problems) {
        if (!problem.empty()) throw DataError(problem);
    }
    RegionSums all = empty_sums();
    for (const RegionSums& part : partial) {
        for (std::size_t point = 0; point < 2; ++point) all.shapes[point].add(part.shapes[point]);
        for (std::size_t b = 0; b < n_bins_; ++b) all.data[b] += part.data[b];
    }
    return all;
}

/// Share of a process in each bin of an axis.
std::vector<double> share_of(const std::vector<double>& sums, const ObservableAxis& axis) {
    const auto from = sums.begin() + static_cast<std::ptrdiff_t>(axis.first);
    std::vector<double> share(from, from + static_cast<std::ptrdiff_t>(axis.bins));
    double whole = 0.0;
    for (const double value : share) whole += value;
    for (double& value : share) value = whole == 0.0 ? 0.0 : value / whole;
    return share;
}

std::vector<std::vector<double>> RegionSpectra::fractions(const ShapeSums& sums,
                                                          const ObservableAxis& axis) const {
    std::vector<std::vector<double>> shares;
    for (const auto& process : sums.all) shares.push_back(share_of(process, axis));
    return shares;
}

/// \param nominal [processes][bins], shares at the point
Moved RegionSpectra::moved_totals(const ShapeSums& sums,
                                  const std::vector<std::vector<double>>& nominal,
                                  const ObservableAxis& axis,
                                  std::size_t point) const {
    const MovedPoint& base = bases_[point];
    const std::size_t n = model_.parameters.size();
    const auto rates = rates_at(model_, region_, base.theta);
    Moved result{std::vector<std::vector<double>>(n), std::vector<std::vector<double>>(n)};
    const auto moved_total = [&](std::size_t a, double sign) -> std::vector<double> {
        std::vector<double> theta = base.theta;
        theta[a] = moved(model_, base, a, sign);
        const auto moved_rates = rates_at(model_, region_, theta);
        auto shares = nominal;
        bool acts = moved_rates != rates;
        for (std::size_t c = 0; c < layout_.layout.columns.size(); ++c) {
            const ShapeIndex& column = layout_.layout.columns[c];
            if (layout_.shape_parameters[column.parameter] != a) continue;
            acts = true;
            const auto here = share_of(sums.some[column.process], axis);
            const auto there = share_of(sign > 0.0 ? sums.up[c] : sums.down[c], axis);
            for (std::size_t b = 0; b < axis.bins; ++b) {
                if (here[b] != 0.0) shares[column.process][b] *= there[b] / here[b];
            }
        }
        if (!acts) return {};
        for (std::size_t j = 0; j < shares.size(); ++j) {
            for (double& value : shares[j]) value *= moved_rates[j];
        }
        return sum_of(shares, axis.bins);
    };
    for (std::size_t a = 0; a < n; ++a) {
        if (base.step[a] == 0.0) continue;
        result.up[a] = moved_total(a, 1.0);
        result.down[a] = moved_total(a, -1.0);
        if (result.up[a].empty() || result.down[a].empty()) result.up[a] = result.down[a] = {};
    }
    return result;
}

std::vector<Spectrum> RegionSpectra::spectra(std::vector<ObservableAxis> axes,
                                             unsigned threads,
                                             const FitResult& fit) {
    axes_ = std::move(axes);
    ObservableAxis optimal{.name = "d ln D / d " + model_.parameter_of_interest};
    std::vector<double> reference;
    const std::size_t s = region_.processes.size();
    ProcessEvents some{{}, std::vector<std::vector<double>>(s)};
    const std::uint64_t stride = std::max<std::uint64_t>(1, events_.total / events_of_peaks);
    for (std::uint64_t first = 0; first < events_.total; first += block_events) {
        const EventSet events =
            events_.read({first, std::min(first + block_events, events_.total)});
        for (const double value :
             optimal_observable(model_, region_index_, bases_[0].theta, events)) {
            optimal.values.push_back(static_cast<float>(value));
        }
        reference.insert(reference.end(), events.reference.begin(), events.reference.end());
        for (std::uint64_t i = 0; i < events.size(); ++i) {
            if ((first + i) % stride != 0 || events.reference[i] == 0.0) continue;
            some.event.push_back(first + i);
            for (std::size_t j = 0; j < s; ++j) {
                some.weight[j].push_back(events.reference[i] * std::exp(events.log_r[i * s + j]));
            }
        }
    }
    // Processes are narrow in it by what it is: background lies at 0.
    choose_bins(optimal, reference, {});
    for (ObservableAxis& axis : axes_) choose_bins(axis, reference, some);
    axes_.push_back(std::move(optimal));
    for (ObservableAxis& axis : axes_) {
        axis.first = n_bins_;
        n_bins_ += axis.bins;
    }
    for (std::size_t point = 0; point < 2; ++point) {
        for (const ShapeIndex& column : layout_.layout.columns) {
            const std::size_t a = layout_.shape_parameters[column.parameter];
            const auto at = [&](double sign) {
                return interpolation_weights(column.code, moved(model_, bases_[point], a, sign));
            };
            factors_[point].push_back({at(0.0), at(1.0), at(-1.0)});
        }
    }
    const RegionSums all = sums(threads);
    std::vector<Spectrum> result;
    for (const ObservableAxis& axis : axes_) {
        Spectrum spectrum{.region = region_.name, .observable = axis.name};
        for (std::size_t b = 0; b <= axis.bins; ++b) {
            spectrum.edges.push_back(axis.low + axis.width * static_cast<double>(b));
        }
        const auto from = all.data.begin() + static_cast<std::ptrdiff_t>(axis.first);
        spectrum.data.assign(from, from + static_cast<std::ptrdiff_t>(axis.bins));
        for (const ProcessModel& process : region_.processes) {
            spectrum.processes.push_back(process.name);
        }
        std::array<Moved, 2> totals;
        for (std::size_t point = 0; point < 2; ++point) {
            Expectation& to = point == 0 ? spectrum.before : spectrum.after;
            to.parts = fractions(all.shapes[point], axis);
            totals[point] = moved_totals(all.shapes[point], to.parts, axis, point);
            const auto rates = rates_at(model_, region_, bases_[point].theta);
            for (std::size_t j = 0; j < to.parts.size(); ++j) {
                for (double& value : to.parts[j]) value *= rates[j];
            }
        }
        finish_spectrum(model_, fit, bases_, totals, spectrum);
        result.push_back(std::move(spectrum));
    }
    return result;
}

}  // namespace

std::vector<Spectrum> region_spectra(const StatisticalModel& model,
                                     std::size_t region,
                                     const EventSource& events,
                                     const std::array<MovedPoint, 2>& bases,
                                     std::vector<ObservableAxis> axes,
                                     unsigned threads,
                                     const FitResult& fit) {
    return RegionSpectra(model, region, events, bases).spectra(std::move(axes), threads, fit);
}

}  // namespace ratiofarm
