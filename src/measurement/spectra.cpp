#include "spectra.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/binned_sample.hpp"
#include "fit/events/mixture_values.hpp"
#include "fit/events/parallel.hpp"
#include "fit/events/region_layout.hpp"
#include "tables/events/event_rows.hpp"

#include "gof_bins.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t block_events = 8192;
constexpr std::uint64_t events_of_shifts = 250'000;
constexpr std::size_t most_parts = 32;  // of the blocks; the sums of each are added in order
constexpr double wanted_bins = 24.0;
constexpr double most_bins = 60.0;
constexpr double bins_of_a_peak = 5.0;  // in the middle 68 % of the narrowest process
constexpr std::uint64_t events_of_peaks = 100'000;
constexpr double outside = 0.005;  // share of the reference beyond each end of a long tail

/// A point of the parameters and how far each moves.
struct Base {
    std::vector<double> theta;
    std::vector<double> step;  ///< [n], 0: does not move
};

double moved(const StatisticalModel& model, const Base& base, std::size_t a, double sign) {
    const Parameter& parameter = model.parameters[a];
    return std::clamp(base.theta[a] + sign * base.step[a], parameter.low, parameter.high);
}

/// Start values, and the widths of the constraints.
Base before_fit(const StatisticalModel& model) {
    Base base;
    for (const Parameter& parameter : model.parameters) {
        base.theta.push_back(parameter.start);
        base.step.push_back(
            parameter.fixed ? 0.0 : constraint_width(parameter, parameter.start).value_or(0.0));
    }
    return base;
}

Base after_fit(const StatisticalModel& model, const FitResult& fit) {
    Base base;
    for (const Parameter& parameter : model.parameters) {
        const FittedParameter* fitted = find_fitted(fit, parameter.name);
        base.theta.push_back(fitted == nullptr ? parameter.start : fitted->value);
        base.step.push_back(fitted == nullptr ? 0.0 : fitted->error);
    }
    return base;
}

/// Half the change of the total between the two sides of each parameter, for a whole step.
using BinShifts = std::vector<std::vector<double>>;  // [parameters][bins]

std::vector<double> error_before(const BinShifts& shifts, std::size_t bins) {
    std::vector<double> error(bins, 0.0);
    for (const auto& shift : shifts) {
        for (std::size_t b = 0; b < shift.size(); ++b) error[b] += shift[b] * shift[b];
    }
    for (double& value : error) value = std::sqrt(value);
    return error;
}

/// \param shifts in the order of the model, whose names the fit may have in another order
std::vector<double> error_after(const StatisticalModel& model,
                                const FitResult& fit,
                                const BinShifts& shifts,
                                std::size_t bins) {
    std::vector<std::size_t> place;
    for (const Parameter& parameter : model.parameters) {
        const auto found =
            std::ranges::find(fit.parameters, parameter.name, &FittedParameter::name);
        place.push_back(static_cast<std::size_t>(found - fit.parameters.begin()));
    }
    std::vector<double> error(bins, 0.0);
    for (std::size_t a = 0; a < shifts.size(); ++a) {
        for (std::size_t c = 0; c < shifts.size(); ++c) {
            if (shifts[a].empty() || shifts[c].empty()) continue;
            const double rho = a == c ? 1.0 : fit.correlation[place[a]][place[c]];
            for (std::size_t b = 0; b < bins; ++b) error[b] += shifts[a][b] * rho * shifts[c][b];
        }
    }
    for (double& value : error) value = std::sqrt(std::max(value, 0.0));
    return error;
}

std::vector<double> sum_of(const std::vector<std::vector<double>>& parts, std::size_t bins) {
    std::vector<double> total(bins, 0.0);
    for (const auto& part : parts) {
        for (std::size_t b = 0; b < bins; ++b) total[b] += part[b];
    }
    return total;
}

/// The totals with single parameters moved up and down; nothing where they do not act.
struct Moved {
    std::vector<std::vector<double>> up, down;  ///< [parameters][bins]
};

BinShifts shifts_of(const StatisticalModel& model, const Base& base, const Moved& moved_totals) {
    BinShifts shifts(model.parameters.size());
    for (std::size_t a = 0; a < shifts.size(); ++a) {
        if (moved_totals.up[a].empty()) continue;
        const double way = moved(model, base, a, 1.0) - moved(model, base, a, -1.0);
        if (!(way > 0.0)) continue;
        for (std::size_t b = 0; b < moved_totals.up[a].size(); ++b) {
            shifts[a].push_back((moved_totals.up[a][b] - moved_totals.down[a][b]) * base.step[a] /
                                way);
        }
    }
    return shifts;
}

/// Fills errors and variations of a spectrum from the moved totals at both points.
void finish(const StatisticalModel& model,
            const FitResult& fit,
            const std::array<Base, 2>& bases,
            const std::array<Moved, 2>& totals,
            Spectrum& spectrum) {
    const std::size_t bins = spectrum.data.size();
    spectrum.before.total = sum_of(spectrum.before.parts, bins);
    spectrum.after.total = sum_of(spectrum.after.parts, bins);
    spectrum.before.error = error_before(shifts_of(model, bases[0], totals[0]), bins);
    spectrum.after.error = error_after(model, fit, shifts_of(model, bases[1], totals[1]), bins);
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        if (totals[0].up[a].empty()) continue;
        spectrum.variations.push_back(
            {model.parameters[a].name, totals[0].up[a], totals[0].down[a]});
    }
}

// Binned regions.

std::vector<std::vector<double>> contents_at(const std::vector<CompiledSample>& samples,
                                             const std::vector<double>& u) {
    std::vector<std::vector<double>> parts;
    for (const CompiledSample& sample : samples) {
        const SampleAt at = sample.at(u);
        parts.emplace_back();
        for (std::size_t b = 0; b < sample.n_bins(); ++b) {
            parts.back().push_back(at.rate.value * at.factor[b] * at.content[b]);
        }
    }
    return parts;
}

Moved moved_contents(const StatisticalModel& model,
                     const InternalCoordinates& coordinates,
                     const std::vector<CompiledSample>& samples,
                     const Base& base) {
    const std::size_t n = model.parameters.size();
    const std::size_t bins = samples.front().n_bins();
    const auto total = sum_of(contents_at(samples, coordinates.to_internal(base.theta)), bins);
    Moved result{std::vector<std::vector<double>>(n), std::vector<std::vector<double>>(n)};
    for (std::size_t a = 0; a < n; ++a) {
        if (base.step[a] == 0.0) continue;
        const auto at = [&](double sign) {
            std::vector<double> theta = base.theta;
            theta[a] = moved(model, base, a, sign);
            return sum_of(contents_at(samples, coordinates.to_internal(theta)), bins);
        };
        auto up = at(1.0);
        auto down = at(-1.0);
        if (up == total && down == total) continue;
        result.up[a] = std::move(up);
        result.down[a] = std::move(down);
    }
    return result;
}

Spectrum binned_spectrum(const StatisticalModel& model,
                         const BinnedRegionSection& section,
                         std::size_t region,
                         const std::array<Base, 2>& bases,
                         const FitResult& fit) {
    const InternalCoordinates coordinates(model);
    std::vector<CompiledSample> samples;
    Spectrum spectrum{.region = section.region.name, .observable = section.observable};
    for (const BinnedSample& sample : model.binned[region].samples) {
        samples.emplace_back(sample, model, coordinates);
        spectrum.processes.push_back(sample.name);
    }
    const std::size_t bins = samples.front().n_bins();
    if (section.edges.size() == bins + 1) spectrum.edges = section.edges;
    spectrum.before.parts = contents_at(samples, coordinates.to_internal(bases[0].theta));
    spectrum.after.parts = contents_at(samples, coordinates.to_internal(bases[1].theta));
    spectrum.data.assign(bins, 0.0);
    finish(model, fit, bases,
           {moved_contents(model, coordinates, samples, bases[0]),
            moved_contents(model, coordinates, samples, bases[1])},
           spectrum);
    return spectrum;
}

// Unbinned regions.

/// Bins of equal width of one observable, beside those of the others in one list.
struct ObservableAxis {
    std::string name;
    std::vector<float> values = {};  ///< [events of the list]
    double low = 0.0;
    double width = 1.0;
    std::size_t bins = 1;
    std::size_t first = 0;  ///< place of its first bin

    std::size_t bin_of(std::uint64_t event) const {
        const double place = (values[event] - low) / width;
        const double last = static_cast<double>(bins - 1);
        return first + static_cast<std::size_t>(std::clamp(std::floor(place), 0.0, last));
    }
};

/// 1, 2 or 5 times a power of ten, not below a width.
double round_width(double width) {
    const double power = std::pow(10.0, std::floor(std::log10(width)));
    for (const double digit : {1.0, 2.0, 5.0}) {
        if (digit * power >= width * (1.0 - 1e-9)) return digit * power;
    }
    return 10.0 * power;
}

/// Some events of a region with their weight in each process, to see how narrow these are.
struct ProcessEvents {
    std::vector<std::uint64_t> event;         ///< places in the list
    std::vector<std::vector<double>> weight;  ///< [processes][events]
};

/// Width of the middle 68.27 % of the narrowest process; infinite without events.
double narrowest(const ObservableAxis& axis, const ProcessEvents& of) {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < of.event.size(); ++k) {
        if (std::isfinite(axis.values[of.event[k]])) order.push_back(k);
    }
    const auto value = [&](std::size_t k) { return double{axis.values[of.event[k]]}; };
    std::ranges::sort(order, {}, value);
    double least = std::numeric_limits<double>::infinity();
    for (const auto& weight : of.weight) {
        double total = 0.0;
        for (const std::size_t k : order) total += weight[k];
        const auto quantile = [&](double share) {
            double sum = 0.0;
            for (const std::size_t k : order) {
                sum += weight[k];
                if (sum >= share * total) return value(k);
            }
            return value(order.back());
        };
        if (total > 0.0) least = std::min(least, quantile(0.84135) - quantile(0.15865));
    }
    return least;
}

/// Round edges around nearly all of the reference, finer where a process is a narrow peak.
void choose_bins(ObservableAxis& axis,
                 const std::vector<double>& reference,
                 const ProcessEvents& processes) {
    std::vector<float> inside;
    for (std::uint64_t i = 0; i < reference.size(); ++i) {
        if (reference[i] != 0.0 && std::isfinite(axis.values[i])) inside.push_back(axis.values[i]);
    }
    if (inside.empty()) return;
    const auto quantile = [&](double share) {
        const auto at = inside.begin() +
                        static_cast<std::ptrdiff_t>(share * static_cast<double>(inside.size() - 1));
        std::nth_element(inside.begin(), at, inside.end());
        return double{*at};
    };
    double low = quantile(outside);
    double high = quantile(1.0 - outside);
    // An edge or a short tail is drawn, a long one lies in the outermost bin.
    const double margin = 0.1 * (high - low);
    const auto [least, most] = std::ranges::minmax(inside);
    if (low - least < margin) low = least;
    if (most - high < margin) high = most;
    if (!(low < high)) {
        axis.low = low - 0.5;
        return;
    }
    const double peak = narrowest(axis, processes) / bins_of_a_peak;
    axis.width =
        round_width(std::clamp(peak, (high - low) / most_bins, (high - low) / wanted_bins));
    axis.low = axis.width * std::floor(low / axis.width);
    axis.bins =
        static_cast<std::size_t>(std::max(1.0, std::ceil((high - axis.low) / axis.width - 1e-9)));
}

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
                  const std::array<Base, 2>& bases)
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
    const std::array<Base, 2>& bases_;
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
    const Base& base = bases_[point];
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
        finish(model_, fit, bases_, totals, spectrum);
        result.push_back(std::move(spectrum));
    }
    return result;
}

/// The features of the events of a list; none that the events file does not tell of all.
std::vector<ObservableAxis> feature_axes(const FitSource& source,
                                         const RatioFile& ratios,
                                         const std::vector<FittedSet>& sets) {
    std::vector<ObservableAxis> axes;
    std::map<std::string, std::vector<std::uint64_t>> rows;
    for (const FittedSet& set : sets) {
        rows[set.sample] = ratios.read_columns(set.sample, {0, set.events}).row;
    }
    for (const std::string& feature : source.campaign.events.features) {
        ObservableAxis axis{.name = feature};
        bool complete = true;
        for (const FittedSet& set : sets) {
            const auto sample = std::ranges::find(source.samples, set.sample, &SampleInfo::name);
            const auto& of_set = rows[set.sample];
            if (sample == source.samples.end() || of_set.size() != set.events) return {};
            const auto column = column_at_rows(*sample, of_set, feature);
            complete = complete && column.has_value();
            if (!complete) break;
            axis.values.insert(axis.values.end(), column->begin(), column->end());
        }
        if (complete) axes.push_back(std::move(axis));
    }
    return axes;
}

}  // namespace

std::vector<Spectrum> spectra(const FitSource& source, const FitResult& fit) {
    const Campaign& campaign = source.campaign;
    const RatioFiles ratios = open_ratio_files(campaign, source.ratios);
    const StatisticalModel model = model_for_ratios(campaign, ratios);
    const std::array<Base, 2> bases{before_fit(model), after_fit(model, fit)};
    const mpi::Communicator alone;
    const LikelihoodData data = load_data(alone, campaign, model, ratios, ReferenceRows::always);
    std::vector<Spectrum> all;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const auto sets =
            fitted_sets(campaign, model, model.unbinned[r], *ratios[r], ReferenceRows::always);
        RegionSpectra region(model, r, data.unbinned[r], bases);
        for (Spectrum& spectrum :
             region.spectra(feature_axes(source, *ratios[r], sets), source.threads, fit)) {
            all.push_back(std::move(spectrum));
        }
    }
    for (std::size_t r = 0; r < campaign.binned.size(); ++r) {
        all.push_back(binned_spectrum(model, campaign.binned[r], r, bases, fit));
        all.back().data = data.binned[r];
    }
    for (Spectrum& spectrum : all) spectrum.observed = fits_observed(campaign);
    return all;
}

}  // namespace ratiofarm
