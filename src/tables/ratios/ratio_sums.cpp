#include "ratio_sums.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

namespace ratiofarm {

namespace {

/// Places inside the sums of a block.
constexpr std::size_t w = 0;
constexpr std::size_t w2 = 1;
constexpr std::size_t wr(std::uint64_t process) { return 2 + 3 * process; }
constexpr std::size_t w2r(std::uint64_t process) { return 3 + 3 * process; }
constexpr std::size_t w2r2(std::uint64_t process) { return 4 + 3 * process; }
std::size_t wi(const ReferenceMixture& mixture) { return 2 + 3 * mixture.processes; }
std::size_t wi2(const ReferenceMixture& mixture) { return 3 + 3 * mixture.processes; }
std::size_t width(const ReferenceMixture& mixture) { return 4 + 3 * mixture.processes; }

std::uint64_t set_of_sample(const RatioInput& input, const std::string& sample) {
    std::vector<std::string> names;
    for (std::uint64_t set = 0; set < input.sets.size(); ++set) {
        names.push_back(input.sets[set].sample.name);
        if (names.back() == sample) return set;
    }
    throw ConfigError("the reference needs sample '" + sample + "', which is not evaluated" +
                      did_you_mean(sample, names));
}

}  // namespace

ReferenceMixture reference_mixture(const RatioInput& input) {
    ReferenceMixture mixture;
    mixture.processes = input.header.processes.size();
    mixture.fraction_of_set.assign(input.sets.size(), 0.0);
    for (const ReferenceComponent& component : input.header.reference) {
        RATIOFARM_EXPECT(component.fraction > 0.0);
        mixture.components.push_back(
            {input.header.column_of(component.process), component.fraction});
        mixture.fraction_of_set[set_of_sample(input, component.sample)] += component.fraction;
    }
    return mixture;
}

std::vector<double> block_sums(const RatioBlockRows& block, const ReferenceMixture& mixture) {
    const std::uint64_t processes = mixture.processes;
    std::vector<double> sums(width(mixture), 0.0);
    std::vector<double> ratio(processes);
    for (std::size_t event = 0; event < block.weight.size(); ++event) {
        const double weight = block.weight[event];
        sums[w] += weight;
        sums[w2] += weight * weight;
        for (std::uint64_t process = 0; process < processes; ++process) {
            const double r = std::exp(double{block.log_r[event * processes + process]});
            ratio[process] = r;
            sums[wr(process)] += weight * r;
            sums[w2r(process)] += weight * weight * r;
            sums[w2r2(process)] += weight * weight * r * r;
        }
        double identity = -1.0;
        for (const auto& [process, fraction] : mixture.components) {
            identity += fraction * ratio[process];
        }
        sums[wi(mixture)] += weight * identity;
        sums[wi2(mixture)] += weight * identity * identity;
    }
    return sums;
}

std::vector<std::vector<double>> add_in_order(const mpi::Communicator& comm,
                                              std::span<const BlockPlace> places,
                                              std::span<const double> mine,
                                              const ReferenceMixture& mixture) {
    const std::vector<double> all = mpi::all_gather(comm, mine);
    const std::size_t size = width(mixture);
    RATIOFARM_EXPECT(all.size() == places.size() * size);
    std::vector<std::vector<double>> sums(mixture.fraction_of_set.size(),
                                          std::vector<double>(size, 0.0));
    for (std::size_t place = 0; place < places.size(); ++place) {
        for (std::size_t sum = 0; sum < size; ++sum) {
            sums[places[place].set][sum] += all[place * size + sum];
        }
    }
    return sums;
}

Excess excess_of(const std::vector<std::vector<double>>& sums, const ReferenceMixture& mixture) {
    Excess excess;
    for (std::uint64_t process = 0; process < mixture.processes; ++process) {
        double mean = 0.0;
        double variance = 0.0;
        for (std::size_t set = 0; set < sums.size(); ++set) {
            if (!mixture.contains(set)) continue;
            const std::vector<double>& sum = sums[set];
            const double fraction = mixture.fraction_of_set[set];
            const double in_set = sum[wr(process)] / sum[w];
            const double squares =
                sum[w2r2(process)] - 2.0 * in_set * sum[w2r(process)] + in_set * in_set * sum[w2];
            mean += fraction * in_set;
            variance += fraction * fraction * std::max(0.0, squares) / (sum[w] * sum[w]);
        }
        excess.mean.push_back(mean - 1.0);
        excess.error.push_back(std::sqrt(variance));
    }
    return excess;
}

MeanAndSpread identity_of(const std::vector<std::vector<double>>& sums,
                          const ReferenceMixture& mixture) {
    double mean = 0.0;
    double square = 0.0;
    for (std::size_t set = 0; set < sums.size(); ++set) {
        if (!mixture.contains(set)) continue;
        const double scale = mixture.fraction_of_set[set] / sums[set][w];
        mean += scale * sums[set][wi(mixture)];
        square += scale * sums[set][wi2(mixture)];
    }
    return {mean, std::sqrt(std::max(0.0, square - mean * mean))};
}

}  // namespace ratiofarm
