#include "finite_mc_estimates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/seeds.hpp"
#include "fit/finite_mc/ratio_response.hpp"
#include "fit/search/local_fit.hpp"

#include "net_ratio_sums.hpp"

namespace ratiofarm {
namespace {

NetRatioSums net_number(const RatioHeader& header, NetRatios lines, std::uint32_t number) {
    NetRatioSums sums = no_net_ratios(header, lines);
    for (auto& factor : sums.factor) factor[number] = 1.0;
    return sums;
}

/// ln of the mean ratio of each process over the reference; with bootstrap weights of a replica, if
/// it is given and the events have ids.
std::vector<double> log_means(const RatioFile& ratios,
                              const NetRatioSums& sums,
                              std::optional<std::uint64_t> replica) {
    const std::size_t width = sums.factor.size();
    std::vector<double> z(width);
    double total = 0.0;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const RatioSet& set = ratios.set(component.sample);
        const Range all{0, set.events};
        const std::vector<double> values = summed_net_ratios(ratios, set.name, sums);
        const std::vector<double> weight = ratios.read_rows(set.name, all).weight;
        const bool resampled = replica && set.has_columns;
        const auto id =
            resampled ? ratios.read_columns(set.name, all).id : std::vector<std::uint64_t>{};
        for (std::uint64_t i = 0; i < set.events; ++i) {
            double w = component.fraction / set.sum_of_weights * weight[i];
            if (resampled) w *= bootstrap_count(id[i], *replica);
            total += w;
            for (std::size_t j = 0; j < width; ++j) z[j] += w * std::exp(values[i * width + j]);
        }
    }
    for (double& value : z) value = std::log(value / total);
    return z;
}

/// The events of a source, with bootstrap weights in the sums over the reference.
EventSource with_reference_counts(EventSource source,
                                  const std::shared_ptr<const RatioFile>& ratios,
                                  const std::vector<FittedSet>& sets,
                                  std::uint64_t replica) {
    std::vector<std::uint64_t> sizes;
    std::vector<std::vector<std::uint64_t>> ids;
    for (const FittedSet& set : sets) {
        sizes.push_back(set.events);
        const bool needed = set.reference != 0.0 && ratios->set(set.sample).has_columns;
        ids.push_back(needed ? ratios->read_columns(set.sample, {0, set.events}).id
                             : std::vector<std::uint64_t>{});
    }
    source.read = [read = std::move(source.read), sizes, ids = std::move(ids),
                   replica](Range range) {
        EventSet events = read(range);
        std::uint64_t i = 0;
        for (const SetRows& part : rows_of_range(sizes, range)) {
            for (std::uint64_t row = part.rows.first; row < part.rows.last; ++row, ++i) {
                if (ids[part.set].empty() || events.reference.empty()) continue;
                events.reference[i] *= bootstrap_count(ids[part.set][row], replica);
            }
        }
        return events;
    };
    return source;
}

/// Events with the ratios of one net number.
LikelihoodData data_of_net(const FittedPoint& point,
                           const std::vector<std::vector<FittedSet>>& sets,
                           NetRatios lines,
                           std::uint32_t number) {
    LikelihoodData data = point.data;
    std::optional<std::uint64_t> replica;
    if (lines == NetRatios::replica) {
        replica = replica_seed(point.campaign.seed, number);
    }
    for (std::size_t r = 0; r < point.ratios.size(); ++r) {
        const auto& ratios = point.ratios[r];
        if (common_count(ratios->header(), lines) < 2) continue;
        NetRatioSums sums = net_number(ratios->header(), lines, number);
        if (point.model.unbinned[r].shape_norm != ShapeNorm::none) {
            sums.constant = log_means(*ratios, sums, replica);
            for (double& constant : sums.constant) constant = -constant;
        }
        data.unbinned[r] = with_net_ratios(std::move(data.unbinned[r]), *ratios, sets[r], sums);
        if (replica) {
            data.unbinned[r] =
                with_reference_counts(std::move(data.unbinned[r]), ratios, sets[r], *replica);
        }
    }
    return data;
}

}  // namespace

std::vector<std::vector<FittedSet>> sets_of(const FittedPoint& point, ReferenceRows rows) {
    std::vector<std::vector<FittedSet>> sets;
    for (std::size_t r = 0; r < point.ratios.size(); ++r) {
        sets.push_back(fitted_sets(point.campaign, point.model, point.model.unbinned[r],
                                   *point.ratios[r], rows));
    }
    return sets;
}

EstimateSpread estimate_spread(const mpi::Communicator& comm,
                               const FittedPoint& point,
                               NetRatios lines) {
    std::uint32_t nets = std::numeric_limits<std::uint32_t>::max();
    for (const auto& file : point.ratios) {
        const std::uint32_t count = common_count(file->header(), lines);
        if (count >= 2) nets = std::min(nets, count);
    }
    const auto sets = sets_of(point, ReferenceRows::where_needed);
    EstimateSpread spread;
    for (std::uint32_t number = 0; number < nets; ++number) {
        LikelihoodData data;
        mpi::together(comm, [&] { data = data_of_net(point, sets, lines, number); });
        const Likelihood likelihood(point.model, data, comm, point.options);
        const LocalFit fit = local_fit(likelihood, point.u);
        if (!fit.converged) {
            ++spread.not_converged;
            continue;
        }
        spread.nets.push_back(number);
        spread.estimates.push_back(fit.value);
        spread.newton_difference =
            std::max(spread.newton_difference, std::abs(fit.newton - fit.value));
    }
    set_spread(spread);
    return spread;
}

std::vector<NetRatioSums> direction_of(const RatioFiles& ratios, const EstimateSpread& replicas) {
    const auto n = static_cast<double>(replicas.estimates.size());
    std::vector<NetRatioSums> direction;
    for (const auto& file : ratios) {
        if (common_count(file->header(), NetRatios::replica) < 2) {
            direction.emplace_back();
            continue;
        }
        NetRatioSums sums = no_net_ratios(file->header(), NetRatios::replica);
        for (auto& factor : sums.factor) {
            for (std::size_t b = 0; b < replicas.estimates.size(); ++b) {
                factor[replicas.nets[b]] =
                    (replicas.estimates[b] - replicas.mean) / ((n - 1.0) * replicas.sigma);
            }
        }
        direction.push_back(std::move(sums));
    }
    return direction;
}

double response_to(const mpi::Communicator& comm,
                   const FittedPoint& point,
                   const LikelihoodData& data,
                   const std::vector<NetRatioSums>& direction) {
    const auto sets = sets_of(point, ReferenceRows::always);
    std::vector<RatioDirections> directions(direction.size());
    mpi::together(comm, [&] {
        for (std::size_t r = 0; r < direction.size(); ++r) {
            if (direction[r].factor.empty()) continue;
            for (std::size_t j = 0; j < direction[r].factor.size(); ++j) {
                directions[r].process.push_back(j);
            }
            const EventSource shapes =
                with_net_shapes(data.unbinned[r], *point.ratios[r], sets[r], direction[r]);
            const std::size_t before = data.unbinned[r].shapes.size();
            directions[r].read = [shapes, before](Range range) {
                const EventSet events = shapes.read(range);
                std::vector<float> values;
                for (std::size_t c = before; c < events.shapes.size(); ++c) {
                    const auto up =
                        events.log_g.begin() + static_cast<std::ptrdiff_t>(2 * c * range.size());
                    values.insert(values.end(), up, up + static_cast<std::ptrdiff_t>(range.size()));
                }
                return values;
            };
        }
    });
    const RatioResponse response = ratio_response(point.model, data, comm, point.u, directions);
    double sum = 0.0;
    for (const auto& region : response.direction) {
        for (const double value : region) sum += value;
    }
    return sum;
}

}  // namespace ratiofarm
