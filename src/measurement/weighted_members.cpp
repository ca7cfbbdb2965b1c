#include <algorithm>
#include <cmath>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "fit/finite_mc/member_weights.hpp"
#include "fit/finite_mc/ratio_response.hpp"
#include "fit/search/local_fit.hpp"

#include "finite_mc_estimates.hpp"
#include "net_ratio_sums.hpp"

namespace ratiofarm {
namespace {

bool is_normalised(const UnbinnedRegion& region) { return region.shape_norm != ShapeNorm::none; }

/// The events that the weights of a region's members are fitted to: of the processes and of the
/// reference, each set once. \param ratios outlives the result
MemberEvents member_events(const Campaign& campaign, const RatioFile& ratios) {
    const RatioHeader& header = ratios.header();
    std::vector<FittedSet> sets;
    MemberEvents events;
    const auto index_of = [&](const std::string& sample) {
        const auto known = std::find_if(sets.begin(), sets.end(),
                                        [&](const FittedSet& set) { return set.sample == sample; });
        if (known != sets.end()) return static_cast<std::size_t>(known - sets.begin());
        const RatioSet& set = ratios.set(sample);
        sets.push_back({.sample = sample, .events = set.events});
        events.sets.push_back({set.events, set.sum_of_weights, 0.0});
        return sets.size() - 1;
    };
    for (const RatioProcess& process : header.processes) {
        events.numerator.push_back(index_of(campaign.process(process.name).events()));
    }
    for (const ReferenceComponent& component : header.reference) {
        events.sets[index_of(component.sample)].reference += component.fraction;
    }
    for (const std::uint32_t members : header.members) events.members.push_back(members);
    events.read = [sets, &ratios](Range range) {
        std::vector<std::uint64_t> sizes;
        for (const FittedSet& set : sets) sizes.push_back(set.events);
        MemberRows rows;
        for (const SetRows& part : rows_of_range(sizes, range)) {
            const auto weight = ratios.read_rows(sets[part.set].sample, part.rows).weight;
            rows.weight.insert(rows.weight.end(), weight.begin(), weight.end());
        }
        rows.log_r = net_ratios_of(ratios, sets, NetRatios::member, range);
        return rows;
    };
    return events;
}

/// One direction for the ratios of every member in a region, for the events of this rank.
RatioDirections member_directions(const mpi::Communicator& comm,
                                  const RatioFile& ratios,
                                  const std::vector<FittedSet>& sets) {
    RatioDirections directions;
    const auto& members = ratios.header().members;
    for (std::size_t j = 0; j < members.size(); ++j) {
        directions.process.insert(directions.process.end(), members[j], j);
    }
    std::uint64_t total = 0;
    for (const FittedSet& set : sets) total += set.events;
    const Range mine = events_of_rank(comm, total);
    const auto values = std::make_shared<const std::vector<float>>(
        net_ratios_of(ratios, sets, NetRatios::member, mine));
    directions.read = [values, mine, n = directions.process.size()](Range range) {
        RATIOFARM_EXPECT(range.first >= mine.first && range.last <= mine.last);
        std::vector<float> part;
        part.reserve(n * range.size());
        for (std::size_t d = 0; d < n; ++d) {
            const auto from = values->begin() + static_cast<std::ptrdiff_t>(
                                                    d * mine.size() + range.first - mine.first);
            part.insert(part.end(), from, from + static_cast<std::ptrdiff_t>(range.size()));
        }
        return part;
    };
    return directions;
}

/// ln r of the weighted members of a region.
NetRatioSums weighted_ratios(const RatioHeader& header,
                             const MemberWeights& weights,
                             bool normalised) {
    NetRatioSums sums = no_net_ratios(header, NetRatios::member);
    for (std::size_t j = 0; j < weights.processes.size(); ++j) {
        const WeightedMembers& process = weights.processes[j];
        sums.factor[j] = process.weight;
        sums.constant[j] = process.constant - (normalised ? process.log_z : 0.0);
    }
    return sums;
}

/// How the estimate answers to the parameters of the covariance: weights, constant and ln Z.
/// With normalised ratios the constant has no effect, and ln Z acts like a common factor of r.
std::vector<double> answers(const MemberWeights& weights,
                            std::span<const double> direction,
                            std::span<const double> constant,
                            bool normalised) {
    std::vector<double> a;
    std::size_t line = 0;
    for (std::size_t j = 0; j < weights.processes.size(); ++j) {
        for (std::size_t i = 0; i < weights.processes[j].weight.size(); ++i) {
            a.push_back(direction[line++]);
        }
        a.push_back(normalised ? 0.0 : constant[j]);
        a.push_back(normalised ? -constant[j] : 0.0);
    }
    return a;
}

/// C a, the part of it that moves the weights: of all changes with one effect on the parameter of
/// interest, the most likely one.
NetRatioSums likely_change(const RatioHeader& header,
                           const MemberWeights& weights,
                           std::span<const double> a) {
    NetRatioSums sums = no_net_ratios(header, NetRatios::member);
    std::size_t row = 0;
    const auto component = [&] {
        double sum = 0.0;
        for (std::size_t k = 0; k < a.size(); ++k)
            sum += weights.covariance[row * a.size() + k] * a[k];
        ++row;
        return sum;
    };
    for (std::size_t j = 0; j < sums.factor.size(); ++j) {
        for (double& factor : sums.factor[j]) factor = component();
        sums.constant[j] = component();
        component();  // ln Z: shapes are normalised
    }
    return sums;
}

void divide(NetRatioSums& sums, double by) {
    for (auto& factors : sums.factor) {
        for (double& factor : factors) factor /= by;
    }
    for (double& constant : sums.constant) constant /= by;
}

}  // namespace

WeightedMembersStudy weighted_members(const mpi::Communicator& comm,
                                      const FittedPoint& point,
                                      std::optional<double> ridge) {
    const std::size_t regions = point.ratios.size();
    WeightedMembersStudy study;
    study.fit.ratios.resize(regions);
    study.fit.determined.resize(regions);
    study.direction.resize(regions);
    std::vector<MemberWeights> weights(regions);
    std::vector<RatioDirections> directions(regions);
    LikelihoodData data =
        load_data(comm, point.campaign, point.model, point.ratios, ReferenceRows::always);
    const auto sets = sets_of(point, ReferenceRows::always);
    for (std::size_t r = 0; r < regions; ++r) {
        const RatioFile& ratios = *point.ratios[r];
        if (common_count(ratios.header(), NetRatios::member) < 2) continue;
        MemberEvents events;
        mpi::together(comm, [&] { events = member_events(point.campaign, ratios); });
        weights[r] = fit_member_weights(comm, events, ridge);
        study.fit.ratios[r] =
            weighted_ratios(ratios.header(), weights[r], is_normalised(point.model.unbinned[r]));
        mpi::together(comm, [&] {
            data.unbinned[r] =
                with_net_ratios(std::move(data.unbinned[r]), ratios, sets[r], study.fit.ratios[r]);
            directions[r] = member_directions(comm, ratios, sets[r]);
        });
        for (const WeightedMembers& process : weights[r].processes) {
            study.fit.determined[r].push_back(process.determined);
            study.fit.converged = study.fit.converged && process.converged;
        }
    }
    const Likelihood likelihood(point.model, data, comm, point.options);
    const LocalFit fit = local_fit(likelihood, point.u);
    study.fit.converged = study.fit.converged && fit.converged;
    study.fit.estimate = fit.value;
    study.fit.error = fit.error;
    study.u = fit.u;
    const RatioResponse response = ratio_response(point.model, data, comm, fit.u, directions);
    double variance = 0.0;
    for (std::size_t r = 0; r < regions; ++r) {
        if (directions[r].process.empty()) continue;
        const auto a = answers(weights[r], response.direction[r], response.constant[r],
                               is_normalised(point.model.unbinned[r]));
        variance += variance_along(weights[r].covariance, a);
        study.direction[r] = likely_change(point.ratios[r]->header(), weights[r], a);
    }
    study.fit.sigma = std::sqrt(variance);
    if (study.fit.sigma > 0.0) {  // C a moves the estimate by sigma^2
        for (NetRatioSums& region : study.direction) divide(region, study.fit.sigma);
    }
    return study;
}

}  // namespace ratiofarm
