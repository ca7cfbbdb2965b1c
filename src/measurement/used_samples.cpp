#include "used_samples.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <fmt/format.h>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/sample_weights.hpp"

#include "reference_means.hpp"
#include "support.hpp"

namespace ratiofarm {
namespace {

/// Simulated sets of a region, each once.
std::vector<std::string> simulated_sets(const Campaign& campaign,
                                        const StatisticalModel& model,
                                        std::size_t region,
                                        const RatioFile& ratios) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    if (!fits_observed(campaign)) {
        for (const FittedSet& set : fitted_sets(campaign, model, model.unbinned[region], ratios)) {
            add(set.sample);
        }
    }
    for (const ReferenceComponent& component : ratios.header().reference) add(component.sample);
    return names;
}

WeightSums facts_of(const RatioFile& ratios, const std::string& sample) {
    constexpr std::uint64_t step = 1 << 20;
    WeightSums facts;
    const std::uint64_t events = ratios.set(sample).events;
    for (std::uint64_t first = 0; first < events; first += step) {
        std::uint64_t row = first;
        for (const double w :
             ratios.read_weights(sample, {first, std::min(first + step, events)})) {
            facts.add(row++, w);
        }
    }
    const double said = ratios.set(sample).sum_of_weights;
    constexpr double rounding = 1e-9;
    if (!(std::abs(said - facts.sum) <= rounding * facts.absolute)) {
        throw DataError(fmt::format(
            "'{}': the weights of sample '{}' sum to {:.9g}, but its attribute sum_of_weights, by "
            "which rates are scaled, is {:.9g}: delete the attribute, or make the file again",
            ratios.path().string(), sample, facts.sum, said));
    }
    return facts;
}

/// A mean of the ratios that is far from 1 says that they are wrong, also where it is divided out.
void add_normalisation_warnings(const UnbinnedRegion& region,
                                const RatioFile& ratios,
                                std::vector<std::string>& warnings) {
    constexpr double far = 5.0;     // standard deviations
    constexpr double large = 0.03;  // nets that learned their density are closer
    const bool lacks = lacks_normalisation(region, ratios);
    ReferenceMeans means{ratios.summary().excess, ratios.summary().excess_error};  // minus 1
    if (lacks) {
        means = reference_means(mpi::Communicator(), ratios);
        for (double& mean : means.mean) mean -= 1.0;
    }
    for (std::size_t j = 0; j < means.mean.size(); ++j) {
        const double excess = means.mean[j];
        if (std::abs(excess) < std::max(large, far * means.error[j])) continue;
        warnings.push_back(fmt::format(
            "region '{}': the ratios of process '{}' average to {:.4f} +- {:.4f} over the "
            "reference, {:.0f} standard deviations from 1: such ratios are not those of its "
            "density{}; look at the closure",
            region.name, ratios.header().processes[j].name, 1.0 + excess, means.error[j],
            std::abs(excess) / means.error[j],
            lacks ? ". Fits of events use them as the file has them, Asimov data from the "
                    "reference, limits and toys divide by the mean"
                  : ""));
    }
}

/// A ratio is known only where the reference has events.
void add_support_warnings(const Campaign& campaign,
                          const RatioFile& ratios,
                          std::vector<std::string>& warnings) {
    const auto& reference = ratios.header().reference;
    for (const RatioProcess& process : ratios.header().processes) {
        const std::string sample = campaign.process(process.name).events();
        const bool inside = std::ranges::find(reference, process.name,
                                              &ReferenceComponent::process) != reference.end();
        const auto set = std::ranges::find(ratios.sets(), sample, &RatioSet::name);
        const bool has_events = set != ratios.sets().end() && set->sum_of_weights > 0.0;
        if (inside || reference.empty() || !has_events) continue;
        const std::string warning =
            support_warning(process.name, support_of(ratios, process.name, sample));
        if (!warning.empty()) warnings.push_back(warning);
    }
}

/// How many of the first events of a set have the ratios of another one before them: 8 bytes of
/// each are held, not its ratios.
std::uint64_t count_copies(const RatioFile& ratios, const std::string& sample, std::uint64_t n) {
    constexpr std::uint64_t block = 65536;
    const std::size_t width = ratios.header().processes.size();
    std::vector<std::uint64_t> rows;
    rows.reserve(n);
    for (std::uint64_t first = 0; first < n; first += block) {
        const auto log_r = ratios.read_rows(sample, {first, std::min(n, first + block)}).log_r;
        for (std::size_t at = 0; at < log_r.size(); at += width) {
            rows.push_back(xxh3(std::as_bytes(std::span(log_r).subspan(at, width))));
        }
    }
    std::ranges::sort(rows);
    const auto copies = std::ranges::unique(rows);
    return copies.size();
}

/// Data with more events that are equal than a simulation of their number has: copies.
void add_copies_warning(const Campaign& campaign,
                        const UnbinnedRegion& region,
                        const RatioFile& ratios,
                        std::vector<std::string>& warnings) {
    const std::string sample = campaign.data.fitted_sample();
    if (sample.empty() || !fits_observed(campaign)) return;
    const std::uint64_t n = ratios.set(sample).events;
    const std::uint64_t copies = count_copies(ratios, sample, n);
    constexpr std::uint64_t few = 10;
    constexpr double share = 0.01;
    constexpr double by_chance = 3.0;
    if (copies < few || static_cast<double>(copies) < share * static_cast<double>(n)) return;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const std::uint64_t m = std::min(n, ratios.set(component.sample).events);
        const double scale = static_cast<double>(n) / static_cast<double>(m);
        const auto usual = static_cast<double>(count_copies(ratios, component.sample, m));
        if (static_cast<double>(copies) < by_chance * usual * scale * scale) return;
    }
    if (ratios.header().reference.empty()) return;
    warnings.push_back(fmt::format(
        "region '{}': {} of the {} events of sample '{}' have exactly the ratios of another one, "
        "which simulated events do not: were files read twice? Each copy counts as an event",
        region.name, copies, n, sample));
}

}  // namespace

UsedSamples used_samples(const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFiles& ratios) {
    UsedSamples used;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const RatioFile& file = *ratios[r];
        const std::string& region = model.unbinned[r].name;
        for (const std::string& sample : simulated_sets(campaign, model, r, file)) {
            const WeightSums facts = facts_of(file, sample);
            used.samples.push_back(
                {region, sample, facts.events, facts.negative, facts.effective_events()});
            for (std::string& doubt : weight_doubts("sample '" + sample + "'", facts)) {
                used.warnings.push_back(fmt::format("region '{}', {}", region, doubt));
            }
        }
        add_normalisation_warnings(model.unbinned[r], file, used.warnings);
        add_support_warnings(campaign, file, used.warnings);
        add_copies_warning(campaign, model.unbinned[r], file, used.warnings);
    }
    return used;
}

}  // namespace ratiofarm
