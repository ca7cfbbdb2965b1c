#include "shown_information.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/mixture_values.hpp"
#include "fit/events/region_layout.hpp"
#include "fit/finite_mc/estimate_row.hpp"

#include "region_source.hpp"

namespace ratiofarm {
namespace {

constexpr double small_step = 1e-3;  // of the error of the parameter

/// The parameters moved along a direction, to one side.
struct SidePoint {
    std::vector<double> theta;
    std::vector<ShapeNormalisation> z;
};

/// Both sides and the middle of a step along which an estimate moves by `error`.
struct Direction {
    std::array<SidePoint, 2> sides;
    SidePoint middle;
    double error = 0.0;
};

SidePoint point_at(const Likelihood& likelihood, std::vector<double> u) {
    auto z = likelihood.normalisations(u);
    return {likelihood.coordinates().to_external(u), std::move(z)};
}

/// Those that can move; the parameter itself also where it is at the end of its range.
std::vector<std::size_t> moving(const FitResult& fitted, std::size_t parameter) {
    std::vector<std::size_t> free;
    for (std::size_t b = 0; b < fitted.parameters.size(); ++b) {
        const FittedParameter& other = fitted.parameters[b];
        const bool held = other.fixed || other.at_bound || other.no_error != NoError::none;
        if (b == parameter || !held) free.push_back(b);
    }
    return free;
}

/// Collective over the likelihood's communicator.
/// \param at of the likelihood at u, the minimum
std::optional<Direction> direction_along(const Likelihood& likelihood,
                                         const FitResult& fitted,
                                         const std::vector<double>& u,
                                         const Evaluation& at,
                                         std::size_t parameter) {
    const auto& coordinates = likelihood.coordinates();
    const std::vector<double> row =
        estimate_row(likelihood, u, at, moving(fitted, parameter), parameter);
    const double variance = coordinates.gradient(parameter, u[parameter]) * row[parameter];
    if (!(variance > 0.0)) return std::nullopt;
    const double error = std::sqrt(variance);
    std::vector<double> middle = u;
    const auto moved_by = [&](double by) {
        std::vector<double> to = middle;
        for (std::size_t b = 0; b < to.size(); ++b) {
            to[b] = std::clamp(to[b] + by * row[b] / error, coordinates.low()[b],
                               coordinates.high()[b]);
        }
        return to;
    };
    const double room = std::abs(row[parameter]) / error * small_step;
    middle[parameter] = std::clamp(middle[parameter], coordinates.low()[parameter] + room,
                                   coordinates.high()[parameter] - room);
    return Direction{
        {point_at(likelihood, moved_by(-small_step)), point_at(likelihood, moved_by(small_step))},
        point_at(likelihood, middle),
        error};
}

/// The sets of simulated events of all processes, each of sum 1; nothing if some are missing.
std::vector<FittedSet> sets_of_processes(const Campaign& campaign,
                                         const UnbinnedRegion& region,
                                         const RatioFile& ratios) {
    std::vector<FittedSet> sets;
    for (std::size_t j = 0; j < region.processes.size(); ++j) {
        const std::string sample = campaign.process(region.processes[j].name).events();
        const auto set = std::ranges::find(ratios.sets(), sample, &RatioSet::name);
        if (set == ratios.sets().end() || !(set->sum_of_weights > 0.0)) return {};
        sets.push_back({sample, set->events, 1.0 / set->sum_of_weights, 0.0, j});
    }
    return sets;
}

MixtureAt mixture_at(const StatisticalModel& model,
                     const UnbinnedRegion& region,
                     const NamedLayout& named,
                     const SidePoint& point) {
    MixtureAt mixture{named.layout, rates_at(model, region, point.theta), {}};
    for (const std::size_t a : named.shape_parameters) mixture.alpha.push_back(point.theta[a]);
    for (std::size_t j = 0; j < mixture.rates.size(); ++j) {
        for (const ShapeNormalisation& z : point.z) {
            if (z.region != region.name || z.process != region.processes[j].name) continue;
            mixture.rates[j] /= z.z;
        }
    }
    return mixture;
}

/// The rate of one process at each event over p_ref, and without its ratio.
std::vector<double> own_rates(MixtureAt mixture, std::size_t process, EventSet events) {
    for (std::size_t j = 0; j < mixture.rates.size(); ++j) {
        if (j != process) mixture.rates[j] = 0.0;
    }
    std::fill(events.log_r.begin(), events.log_r.end(), 0.0);
    return mixture_values(mixture, events);
}

/// psi (l - psi) of the events of one process, times its rate.
std::vector<double> unshown(const std::array<MixtureAt, 2>& sides,
                            const MixtureAt& middle,
                            std::size_t process,
                            const EventSet& events) {
    const std::vector<double> above = mixture_values(sides[1], events);
    const std::vector<double> below = mixture_values(sides[0], events);
    const std::vector<double> own_above = own_rates(sides[1], process, events);
    const std::vector<double> own_below = own_rates(sides[0], process, events);
    const std::vector<double> own = own_rates(middle, process, events);
    std::vector<double> values(events.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!(above[i] > 0.0) || !(below[i] > 0.0)) continue;  // below the floor
        const double psi = std::log(above[i] / below[i]) / (2.0 * small_step);
        values[i] = psi * ((own_above[i] - own_below[i]) / (2.0 * small_step) - own[i] * psi);
    }
    return values;
}

/// Of a region: enough for a share within a few percent, and a small part of a fit of more.
constexpr double most_events = 200'000.0;

/// Sums over the events of one process: w, w y, w^2, w^2 y, w^2 y^2.
constexpr std::size_t sums_of_process = 5;

/// Collective over comm. Of the first events of every shard where there are more than enough.
/// \return [processes, sums_of_process]
std::vector<double> sums_of_region(const mpi::Communicator& comm,
                                   const EventSource& source,
                                   std::span<const FittedSet> sets,
                                   const std::array<MixtureAt, 2>& sides,
                                   const MixtureAt& middle) {
    std::vector<std::uint64_t> sizes;
    for (const FittedSet& set : sets) sizes.push_back(set.events);
    const double taken = std::min(1.0, most_events / static_cast<double>(source.total));
    mpi::ExactSums mine(sums_of_process * sets.size());
    mpi::together(comm, [&] {
        for (const Range& shard : shards_of_rank(comm, source.total)) {
            std::vector<double> sums(sums_of_process * sets.size());
            std::uint64_t first = shard.first;
            for (const SetRows& part : rows_of_range(sizes, shard)) {
                const auto n = static_cast<std::uint64_t>(
                    std::ceil(taken * static_cast<double>(part.rows.size())));
                const EventSet events = source.read({first, first + n});
                first += part.rows.size();
                const auto y = unshown(sides, middle, sets[part.set].process, events);
                double* of = sums.data() + sums_of_process * part.set;
                for (std::size_t i = 0; i < y.size(); ++i) {
                    const double w = events.weight[i];
                    const std::array terms{w, w * y[i], w * w, w * w * y[i], w * w * y[i] * y[i]};
                    for (std::size_t k = 0; k < sums_of_process; ++k) of[k] += terms[k];
                }
            }
            mine.add(sums);
        }
    });
    return mpi::exact_sum(comm, std::move(mine));
}

/// Collective over the likelihood's communicator. What one region adds to a share of 1.
void add_region(const Campaign& campaign,
                const RatioFiles& ratios,
                std::size_t r,
                const Likelihood& likelihood,
                const Direction& direction,
                ShownInformation& to) {
    const StatisticalModel& model = likelihood.model();
    const UnbinnedRegion& region = model.unbinned[r];
    const auto sets = sets_of_processes(campaign, region, *ratios[r]);
    if (sets.empty()) return;
    Campaign of_samples = campaign;
    of_samples.data = {};
    of_samples.data.source = AsimovSource::samples;
    for (const Parameter& parameter : model.parameters) {
        of_samples.data.asimov.emplace_back(parameter.name, 0.0);
    }
    const mpi::Communicator& comm = likelihood.communicator();
    const EventSource source = region_source(comm, {of_samples, model, region, ratios[r], sets});
    const NamedLayout named = region_layout(region, model, source);
    const std::array sides{mixture_at(model, region, named, direction.sides[0]),
                           mixture_at(model, region, named, direction.sides[1])};
    const auto sums = sums_of_region(comm, source, sets, sides,
                                     mixture_at(model, region, named, direction.middle));
    double variance = 0.0;
    for (std::size_t j = 0; j < sets.size(); ++j) {
        const double* of = sums.data() + sums_of_process * j;
        if (!(of[0] > 0.0)) continue;
        const double mean = of[1] / of[0];
        to.share += mean;
        variance += (of[4] - 2.0 * mean * of[3] + mean * mean * of[2]) / (of[0] * of[0]);
    }
    to.share_error = std::hypot(to.share_error, std::sqrt(std::max(0.0, variance)));
}

bool is_free(const Parameter& parameter, const FittedParameter& fitted) {
    return parameter.constraint.kind == Constraint::Kind::none && !fitted.fixed &&
           fitted.no_error == NoError::none;
}

}  // namespace

std::vector<ShownInformation> shown_information(const Campaign& campaign,
                                                const RatioFiles& ratios,
                                                const Likelihood& likelihood,
                                                const FitResult& fitted) {
    std::vector<ShownInformation> all;
    const StatisticalModel& model = likelihood.model();
    if (ratios.empty() || !fitted.converged) return all;
    const auto u = likelihood.coordinates().to_internal(best_values(fitted));
    const Evaluation minimum = likelihood.evaluate(u);
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const FittedParameter& parameter = fitted.parameters[a];
        if (!is_free(model.parameters[a], parameter) || !likelihood.in_coefficient(a)) continue;
        const auto direction = direction_along(likelihood, fitted, u, minimum, a);
        if (!direction) continue;
        ShownInformation shown{parameter.name, direction->error};
        for (std::size_t r = 0; r < ratios.size(); ++r) {
            add_region(campaign, ratios, r, likelihood, *direction, shown);
        }
        all.push_back(shown);
    }
    return all;
}

std::vector<std::string> warnings_of(const std::vector<ShownInformation>& all) {
    constexpr double far = 0.2;
    constexpr double by_chance = 3.0;
    std::vector<std::string> warnings;
    for (const ShownInformation& shown : all) {
        const double most = std::max(far, by_chance * shown.share_error);
        if (!(std::abs(shown.share - 1.0) > most)) continue;
        const std::string numbers =
            fmt::format("{:.0f} +- {:.0f} %", 100.0 * shown.share, 100.0 * shown.share_error);
        if (shown.share > 1.0) {
            warnings.push_back(fmt::format(
                "events that trained no net show {} of what the fit takes from the ratios about "
                "{}: the nets learned only a part of what separates the processes, and {} is off "
                "where their rates are not those of the training. Train longer, larger nets, or "
                "on more events",
                numbers, shown.parameter, shown.parameter));
            continue;
        }
        const bool any = shown.share > 2.0 * shown.share_error && shown.share > 0.0;
        warnings.push_back(fmt::format(
            "events that trained no net show only {} of what the fit takes from the ratios about "
            "{} (of 1 / error^2): the rest is noise of the nets, which separates what is alike, or "
            "the ratios are those of other densities. {}. Train on more events or average more "
            "members; where processes are alike, fix or constrain one of their rates, or measure "
            "their sum",
            numbers, shown.parameter,
            any ? fmt::format("Its error of {:.3g} is too small, more like {:.2g}", shown.error,
                              shown.error / shown.share)
                : fmt::format("Its value, its error ({:.3g}) and its limits mean nothing",
                              shown.error)));
    }
    return warnings;
}

}  // namespace ratiofarm
