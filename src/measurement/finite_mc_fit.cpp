#include "finite_mc_fit.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "net_ratio_sums.hpp"

namespace ratiofarm {
namespace {

/// \throws DataError if the method of the campaign has nothing to work on
void check_net_ratios(const FiniteMcSection& section, const RatioFiles& ratios) {
    const bool replicas = section.method == FiniteMcMethod::replicas;
    if (has_net_ratios(ratios, replicas ? NetRatios::replica : NetRatios::member)) return;
    throw DataError(
        fmt::format("[finite_mc] method = \"{}\": the ratio file has no {} of every process; {}",
                    word_of(section.method), replicas ? "two replicas" : "two members",
                    replicas ? "set ensemble.replicas" : "set ensemble.keep_members = true"));
}

void scale(std::vector<NetRatioSums>& direction, double factor) {
    for (NetRatioSums& region : direction) {
        for (auto& line : region.factor) {
            for (double& value : line) value *= factor;
        }
        for (double& value : region.constant) value *= factor;
    }
}

/// The part of the uncertainty that shapes can carry becomes the nuisance parameter `alpha_mc`.
/// Shapes are normalised, so they cannot carry errors of the normalisation: those inflate t.
void set_direction(const mpi::Communicator& comm,
                   const FittedPoint& point,
                   std::vector<NetRatioSums> direction,
                   FiniteMcRecord& record) {
    const LikelihoodData data =
        finite_mc_data(comm, point.campaign, point.model, point.ratios, record);
    const double moved = response_to(comm, point, data, direction);
    if (moved > 1e-3 * record.sigma) {
        record.direction_sigma = std::min(moved, record.sigma);
        scale(direction, record.direction_sigma / moved);
        record.direction = std::move(direction);
    } else {
        record.warnings.push_back(
            fmt::format("the shapes of the nuisance parameter would move the estimate by only "
                        "{:.2g}: it is left out, and t is inflated",
                        moved));
    }
    const double rest = std::pow(record.sigma, 2) - std::pow(record.direction_sigma, 2);
    record.inflation =
        1.0 + rest / (std::pow(record.fit_error, 2) + std::pow(record.direction_sigma, 2));
}

/// Collective over comm. Both estimates as far as there are lines for them; the number of the
/// method. \param point moves to the fit that is used \return the direction of the method
std::vector<NetRatioSums> estimate(const mpi::Communicator& comm,
                                   FittedPoint& point,
                                   FiniteMcRecord& record) {
    const FiniteMcSection& section = point.campaign.finite_mc;
    if (has_net_ratios(point.ratios, NetRatios::replica)) {
        record.replicas = estimate_spread(comm, point, NetRatios::replica);
    }
    WeightedMembersStudy study;
    if (has_net_ratios(point.ratios, NetRatios::member)) {
        record.members = estimate_spread(comm, point, NetRatios::member);
        study = weighted_members(comm, point);
        record.wifi = study.fit;
    }
    if (section.method == FiniteMcMethod::replicas) {
        record.sigma = record.replicas->sigma;
        return direction_of(point.ratios, *record.replicas);
    }
    record.sigma = record.wifi->sigma;
    if (section.use != FiniteMcUse::report) {  // its uncertainty is that of its ratios
        record.ratios = record.wifi->ratios;
        record.fit_value = record.wifi->estimate;
        record.fit_error = record.wifi->error;
        point.u = std::move(study.u);
    }
    return std::move(study.direction);
}

/// Weights that mean little, or too much.
void add_weight_warnings(const RatioFiles& ratios, double fit_error, FiniteMcRecord& record) {
    constexpr double large = 5.0;       // equal weights are below 1; members differ by small errors
    constexpr double noticeable = 0.2;  // of the error, by the mean over the members
    const WeightedMembersFit& wifi = *record.wifi;
    std::vector<std::string> equal;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        for (std::size_t j = 0; j < wifi.determined[r].size(); ++j) {
            const std::string& name = ratios[r]->header().processes[j].name;
            if (wifi.determined[r][j] == 0.0) equal.push_back("'" + name + "'");
            double most = 0.0;
            for (const double w : wifi.ratios[r].factor[j]) most = std::max(most, std::abs(w));
            if (most <= large) continue;
            record.warnings.push_back(fmt::format(
                "the members of process '{}' have weights of up to {:.1f}, which magnify small "
                "differences between them: compare with method = \"replicas\"",
                name, most));
        }
    }
    // Members that are alike may well have equal weights.
    const EstimateSpread& members = *record.members;
    const double of_mean = members.sigma / std::sqrt(static_cast<double>(members.estimates.size()));
    if (equal.empty() || !(of_mean > noticeable * fit_error)) return;
    record.warnings.push_back(
        fmt::format("fits with single members scatter by {:.3g}, and the inference events do not "
                    "tell which members of {} are better, so that they keep equal weights: train "
                    "more members",
                    members.sigma, fmt::join(equal, ", ")));
}

/// What should be looked at before the number is believed.
void add_finite_mc_warnings(const FittedParameter& poi,
                            const RatioFiles& ratios,
                            FiniteMcRecord& record) {
    const auto add = [&](std::string text) { record.warnings.push_back(std::move(text)); };
    if (record.replicas) {
        const EstimateSpread& spread = *record.replicas;
        if (spread.estimates.size() < 10) {
            add(fmt::format("{} replicas determine their spread only to {:.0f} %",
                            spread.estimates.size(), 100.0 * spread.sigma_error / spread.sigma));
        }
        const double shift = std::abs(spread.mean - poi.value);
        const auto n = static_cast<double>(spread.estimates.size());
        if (shift > 3.0 * spread.sigma / std::sqrt(n) + 0.1 * poi.error) {
            add(fmt::format("the mean of the replicas is {:.3g} away from the fit", shift));
        }
        if (spread.newton_difference > 0.5 * spread.sigma) {
            add("a replica is far from the fit: one Newton step does not reach it");
        }
    }
    if (!record.wifi) return;
    add_weight_warnings(ratios, poi.error, record);
    if (!record.wifi->converged) add("the weights of the members did not converge");
    const double away = std::abs(record.wifi->estimate - poi.value);
    if (away > poi.error) add("the fit with weighted members is more than one error away");
    if (record.method == FiniteMcMethod::wifi && record.use == FiniteMcUse::report &&
        away > 2.0 * record.sigma) {
        add(fmt::format(
            "the fit with weighted members is {:.3g} away, but sigma = {:.3g} is that of "
            "their ratios: use = \"inflation\" or \"nuisance\" fits with them",
            away, record.sigma));
    }
}

}  // namespace

std::optional<FiniteMcRecord> finite_mc_record(const mpi::Communicator& comm,
                                               const FittedPoint& point,
                                               const FitResult& result,
                                               const Log& log) {
    const FiniteMcSection& section = point.campaign.finite_mc;
    if (section.method == FiniteMcMethod::none || point.ratios.empty()) return std::nullopt;
    mpi::together(comm, [&] { check_net_ratios(section, point.ratios); });
    const FittedParameter& poi = *find_fitted(result, result.poi);
    if (!result.converged || !(poi.error > 0.0)) {
        log.warning(
            "no uncertainty from the finite number of simulated events: the parameter of "
            "interest has no error");
        return std::nullopt;
    }
    FiniteMcRecord record{.method = section.method,
                          .use = section.use,
                          .fit_value = poi.value,
                          .fit_error = poi.error};
    FittedPoint used = point;
    std::vector<NetRatioSums> direction = estimate(comm, used, record);
    record.total_error = std::hypot(record.fit_error, record.sigma);
    if (!(record.sigma > 0.0)) {
        record.warnings.emplace_back("it could not be estimated: too few fits converged");
    } else if (section.use == FiniteMcUse::inflation) {
        record.inflation = 1.0 + std::pow(record.sigma / record.fit_error, 2);
    } else if (section.use == FiniteMcUse::nuisance) {
        set_direction(comm, used, std::move(direction), record);
    }
    add_finite_mc_warnings(poi, point.ratios, record);
    log.info(
        "uncertainty from the finite number of simulated events",
        {{"method", word_of(record.method)}, {"sigma", record.sigma}, {"error", record.fit_error}});
    for (const auto& warning : record.warnings) log.warning(warning);
    return record;
}

bool changes_fit(const std::optional<FiniteMcRecord>& record) {
    return record && !(record->ratios.empty() && record->direction.empty());
}

StatisticalModel finite_mc_model(StatisticalModel model,
                                 const std::optional<FiniteMcRecord>& record) {
    if (!record || record->direction.empty()) return model;
    const std::string name(finite_mc_parameter);
    model.parameters.push_back({.name = name,
                                .start = 0.0,
                                .low = -5.0,
                                .high = 5.0,
                                .constraint = {.kind = Constraint::Kind::gaussian}});
    for (std::size_t r = 0; r < model.unbinned.size(); ++r) {
        if (record->direction[r].factor.empty()) continue;
        for (ProcessModel& process : model.unbinned[r].processes) {
            process.systematics.push_back(
                {.parameter = name, .shape = true, .shape_code = Interpolation::code1});
        }
    }
    return model;
}

LikelihoodData finite_mc_data(const mpi::Communicator& comm,
                              const Campaign& campaign,
                              const StatisticalModel& model,
                              const RatioFiles& ratios,
                              const std::optional<FiniteMcRecord>& record,
                              ReferenceRows rows) {
    // Shapes are normalised on the reference; without any, its rows are of no use.
    if (record && record->use == FiniteMcUse::nuisance) rows = ReferenceRows::always;
    LikelihoodData data = load_data(comm, campaign, model, ratios, rows);
    if (!record) return data;
    mpi::together(comm, [&] {
        for (std::size_t r = 0; r < ratios.size(); ++r) {
            const auto sets = fitted_sets(campaign, model, model.unbinned[r], *ratios[r], rows);
            EventSource& source = data.unbinned[r];
            if (!record->ratios.empty() && !record->ratios[r].factor.empty()) {
                source = with_net_ratios(std::move(source), *ratios[r], sets, record->ratios[r]);
            }
            if (!record->direction.empty() && !record->direction[r].factor.empty()) {
                source = with_net_shapes(std::move(source), *ratios[r], sets, record->direction[r]);
            }
        }
    });
    return data;
}

void inflate(const Likelihood& likelihood, double inflation, FitResult& result) {
    if (inflation == 1.0) return;
    for (ScanPoint& point : result.scan) point.t /= inflation;
    const Interval ends = interval(likelihood, result, inflation);
    for (FittedParameter& parameter : result.parameters) {
        if (parameter.name != result.poi) continue;
        parameter.error_low = parameter.error_high = std::nullopt;
        if (ends.low) parameter.error_low = std::max(0.0, parameter.value - *ends.low);
        if (ends.high) parameter.error_high = std::max(0.0, *ends.high - parameter.value);
        parameter.interval_failed = !ends.converged;
    }
}

}  // namespace ratiofarm
