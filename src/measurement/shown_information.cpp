#include "shown_information.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "campaign/simulation_outlook.hpp"
#include "fit/events/mixture_values.hpp"
#include "fit/events/region_layout.hpp"
#include "fit/finite_mc/estimate_row.hpp"
#include "mpi/value_on_root.hpp"

#include "event_sums.hpp"
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

/// Of a region: both sides of a step, and its middle.
struct RegionStep {
    std::array<MixtureAt, 2> sides;
    MixtureAt middle;
};

/// psi at every event, 0 where the mixture is below the floor.
std::vector<double> scores(const RegionStep& step, const EventSet& events) {
    const std::vector<double> above = mixture_values(step.sides[1], events);
    const std::vector<double> below = mixture_values(step.sides[0], events);
    std::vector<double> psi(events.size());
    for (std::size_t i = 0; i < psi.size(); ++i) {
        if (!(above[i] > 0.0) || !(below[i] > 0.0)) continue;
        psi[i] = std::log(above[i] / below[i]) / (2.0 * small_step);
    }
    return psi;
}

/// The rate of one process at each event over p_ref. \param events without ratios
std::vector<double> own_rates(MixtureAt mixture, std::size_t process, const EventSet& events) {
    for (std::size_t j = 0; j < mixture.rates.size(); ++j) {
        if (j != process) mixture.rates[j] = 0.0;
    }
    return mixture_values(mixture, events);
}

/// psi becomes psi (l - psi) of the events of one process, times its rate.
/// \param events without ratios
void subtract_shown(const RegionStep& step,
                    std::size_t process,
                    const EventSet& events,
                    std::vector<double>& psi) {
    const std::vector<double> above = own_rates(step.sides[1], process, events);
    const std::vector<double> below = own_rates(step.sides[0], process, events);
    const std::vector<double> own = own_rates(step.middle, process, events);
    for (std::size_t i = 0; i < psi.size(); ++i) {
        psi[i] *= (above[i] - below[i]) / (2.0 * small_step) - own[i] * psi[i];
    }
}

/// Of a region: enough for a share within a few percent, and a small part of a fit of more.
constexpr double most_events = 200'000.0;

/// A parameter that nothing constrains, and what moves with its estimate.
struct Watched {
    ShownInformation shown;
    Direction direction;
};

/// Squares of what the finite numbers of events do to an estimate, in units of its error.
struct NoiseSquares {
    std::optional<double> training = 0.0;
    std::optional<double> inference = 0.0;

    void unknown() { training = inference = std::nullopt; }
};

/// What is looked at in a pass.
struct WatchedFit {
    std::vector<Watched> parameters;
    std::optional<std::size_t> poi;  ///< place in `parameters`
    NoiseSquares noise;              ///< of the poi
};

/// Number of events for inference over that of those that train the nets of a file; nothing where
/// its ratios are not of nets that this program trained.
std::optional<double> inference_per_training(const RatioHeader& header) {
    const bool foreign = std::ranges::any_of(
        header.processes, [](const RatioProcess& process) { return process.ensemble == Digest{}; });
    const Split& split = header.split;
    if (foreign || !(split.train > 0.0)) return std::nullopt;
    if (split.folds > 0) return (split.train + split.validation) / split.train;
    return split.inference / split.train;
}

/// Not collective. Whether two processes are of the same events, as where one is made of the other
/// by weights: their noise is not independent. Such samples have as many events, as the part of an
/// event follows from its id.
bool share_events(const RatioFile& ratios, std::span<const FittedSet> sets) {
    constexpr std::uint64_t enough = 100;
    for (auto one = sets.begin(); one != sets.end(); ++one) {
        for (auto other = sets.begin(); other != one; ++other) {
            if (one->sample == other->sample) return true;
            if (one->events != other->events) continue;
            const Range first{0, std::min(enough, one->events)};
            const std::vector<std::uint64_t> ids = ratios.read_columns(one->sample, first).id;
            if (!ids.empty() && ids == ratios.read_columns(other->sample, first).id) return true;
        }
    }
    return false;
}

/// Collective over comm.
bool any_shared_events(const mpi::Communicator& comm,
                       const RatioFile& ratios,
                       std::span<const FittedSet> sets) {
    bool shared = false;
    mpi::together(comm, [&] {
        if (comm.is_root()) shared = share_events(ratios, sets);
    });
    return mpi::value_on_root(comm, shared) != 0;
}

void add_noise(const RatioHeader& header,
               std::span<const SumsOfSets> sets,
               double part,
               NoiseSquares& noise) {
    double square = 0.0;
    for (const SumsOfSets& of : sets) {
        if (of.w > 0.0) square += part * std::max(0.0, of.variance()) / (of.w * of.w);
    }
    if (noise.inference) *noise.inference += square;
    const auto per_training = inference_per_training(header);
    if (!per_training) noise.training.reset();
    if (noise.training) *noise.training += square * *per_training;
}

/// Its samples with their weights as they are, whatever it fits.
Campaign of_samples(Campaign campaign, const StatisticalModel& model) {
    campaign.data = {};
    campaign.data.source = AsimovSource::samples;
    for (const Parameter& parameter : model.parameters) {
        campaign.data.asimov.emplace_back(parameter.name, 0.0);
    }
    return campaign;
}

std::vector<RegionStep> steps_of(const std::vector<Watched>& all,
                                 const StatisticalModel& model,
                                 const UnbinnedRegion& region,
                                 const NamedLayout& named) {
    const auto at = [&](const SidePoint& point) { return mixture_at(model, region, named, point); };
    std::vector<RegionStep> steps;
    for (const Watched& one : all) {
        steps.push_back(
            {{at(one.direction.sides[0]), at(one.direction.sides[1])}, at(one.direction.middle)});
    }
    return steps;
}

/// What is not shown of every step, and of the poi also psi as often as events are expected.
std::vector<std::vector<double>> numbers_of(const std::vector<RegionStep>& steps,
                                            std::optional<std::size_t> poi,
                                            std::size_t process,
                                            EventSet& events) {
    std::vector<std::vector<double>> values;
    for (const RegionStep& step : steps) values.push_back(scores(step, events));
    std::ranges::fill(events.log_r, 0.0);
    std::vector<double> weighted;
    if (poi) {
        weighted = own_rates(steps[*poi].middle, process, events);
        for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= values[*poi][i];
    }
    for (std::size_t k = 0; k < steps.size(); ++k) {
        subtract_shown(steps[k], process, events, values[k]);
    }
    if (poi) values.push_back(std::move(weighted));
    return values;
}

void add_share(std::span<const SumsOfSets> sets, ShownInformation& shown) {
    double variance = 0.0;
    for (const SumsOfSets& of : sets) {
        if (!(of.w > 0.0)) continue;
        shown.share += of.mean();
        variance += of.variance() / (of.w * of.w);
    }
    shown.share_error = std::hypot(shown.share_error, std::sqrt(std::max(0.0, variance)));
}

/// Collective over the likelihood's communicator. What one region adds to each share of 1, and to
/// the noise of the simulation. Of the first events of every shard where there are more than
/// enough.
void add_region(const Campaign& campaign,
                const RatioFiles& ratios,
                std::size_t r,
                const Likelihood& likelihood,
                WatchedFit& fit) {
    const StatisticalModel& model = likelihood.model();
    const UnbinnedRegion& region = model.unbinned[r];
    const auto sets = sets_of_processes(campaign, region, *ratios[r]);
    if (sets.empty()) return fit.noise.unknown();
    const mpi::Communicator& comm = likelihood.communicator();
    if (any_shared_events(comm, *ratios[r], sets)) fit.noise.unknown();
    const Campaign samples = of_samples(campaign, model);
    const EventSource source = region_source(comm, {samples, model, region, ratios[r], sets});
    const NamedLayout named = region_layout(region, model, source);
    const std::vector<RegionStep> steps = steps_of(fit.parameters, model, region, named);
    const EventNumbers numbers{steps.size() + (fit.poi ? 1 : 0),
                               [&](const FittedSet& set, EventSet& events) {
                                   return numbers_of(steps, fit.poi, set.process, events);
                               }};
    const double part = std::min(1.0, most_events / static_cast<double>(source.total));
    const auto sums = event_sums(comm, source, sets, numbers, part);
    if (fit.poi) add_noise(ratios[r]->header(), sums.back(), part, fit.noise);
    for (std::size_t k = 0; k < fit.parameters.size(); ++k) {
        add_share(sums[k], fit.parameters[k].shown);
    }
}

/// \param error of the poi
std::optional<SimulationNoise> noise_of(const NoiseSquares& squares,
                                        double error,
                                        bool asimov_of_samples) {
    const auto times_error = [&](double square) { return std::sqrt(square) * error; };
    SimulationNoise noise;
    if (squares.training) noise.training = times_error(*squares.training);
    if (asimov_of_samples && squares.inference) noise.asimov = times_error(*squares.inference);
    if (!noise.training && !noise.asimov) return std::nullopt;
    return noise;
}

bool is_free(const Parameter& parameter, const FittedParameter& fitted) {
    return parameter.constraint.kind == Constraint::Kind::none && !fitted.fixed &&
           fitted.no_error == NoError::none;
}

}  // namespace

HeldOut held_out_events(const Campaign& campaign,
                        const RatioFiles& ratios,
                        const Likelihood& likelihood,
                        const FitResult& fitted) {
    WatchedFit watched;
    const StatisticalModel& model = likelihood.model();
    if (ratios.empty() || !fitted.converged) return {};
    const auto u = likelihood.coordinates().to_internal(best_values(fitted));
    const Evaluation minimum = likelihood.evaluate(u);
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const FittedParameter& parameter = fitted.parameters[a];
        if (!is_free(model.parameters[a], parameter) || !likelihood.in_coefficient(a)) continue;
        auto direction = direction_along(likelihood, fitted, u, minimum, a);
        if (!direction) continue;
        const double error = direction->error;
        if (parameter.name == fitted.poi) watched.poi = watched.parameters.size();
        watched.parameters.push_back({{parameter.name, error}, *std::move(direction)});
    }
    for (std::size_t r = 0; r < ratios.size() && !watched.parameters.empty(); ++r) {
        add_region(campaign, ratios, r, likelihood, watched);
    }
    HeldOut found;
    for (const Watched& one : watched.parameters) found.information.push_back(one.shown);
    if (watched.poi) {
        found.noise = noise_of(watched.noise, watched.parameters[*watched.poi].direction.error,
                               is_asimov_of_samples(campaign.data));
    }
    return found;
}

std::optional<std::string> noisy_simulation(const Campaign& campaign, const FitRecord& record) {
    const FittedParameter* poi = find_fitted(record.fit, record.fit.poi);
    if (!record.simulation || !record.simulation->training || poi == nullptr) return std::nullopt;
    const double noise = *record.simulation->training;
    if (campaign.finite_mc.method != FiniteMcMethod::none) return std::nullopt;
    if (!(poi->error > 0.0) || !(noise > noisy_part * poi->error)) return std::nullopt;
    return fmt::format(
        "the finite number of training events moves {0} by about {1:.2g}, {2:.2g} of its error of "
        "{3:.3g}, which does not hold it: expect about {4:.2g} in all, also for intervals, limits "
        "and significance. To do: more simulated events (four times as many halve it), all of "
        "them by 'folds = 2' in [split], or [finite_mc], which measures it and takes it in",
        poi->name, noise, noise / poi->error, poi->error, std::hypot(noise, poi->error));
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
                "held-out events hold {} of the information on {} (1 / error^2) that the fit takes "
                "from the ratios: the nets learned only a part of what separates the processes, "
                "and "
                "{} is off where the rates are not those of the training. To do: train longer, "
                "larger nets, or on more events",
                numbers, shown.parameter, shown.parameter));
            continue;
        }
        const bool any = shown.share > 2.0 * shown.share_error && shown.share > 0.0;
        warnings.push_back(fmt::format(
            "held-out events confirm only {} of the information on {} (1 / error^2) that the fit "
            "takes from the ratios: the rest is noise of the nets, which separates what is alike, "
            "or the ratios belong to other densities. {}. To do: train on more events or average "
            "more members; where processes are alike, fix or constrain one of their rates, or "
            "measure their sum",
            numbers, shown.parameter,
            any ? fmt::format("Its error of {:.3g} is too small: expect about {:.2g}", shown.error,
                              shown.error / shown.share)
                : fmt::format("Do not use its value, its error of {:.3g} or its limits",
                              shown.error)));
    }
    return warnings;
}

}  // namespace ratiofarm
