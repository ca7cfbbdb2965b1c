// Binned regions from the events that are counted in them.
#include "filled_regions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "campaign/file/section_readers.hpp"
#include "campaign/file/toml_writer.hpp"

#include "counted_effects.hpp"

namespace ratiofarm {
namespace {

double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

/// Expected events per bin: the events for inference, scaled to the yield of the whole sample.
std::vector<double> contents_of(const SampleSums& sums, std::size_t r, double yield) {
    std::vector<double> contents = sums.regions[r].bins;
    const double scale = sums.inference_sum != 0.0 ? yield / sums.inference_sum : 0.0;
    for (double& content : contents) content *= scale;
    return contents;
}

/// Their variances, those of sums of weights.
std::vector<double> variances_of(const SampleSums& sums, std::size_t r, double yield) {
    std::vector<double> variances = sums.regions[r].squares;
    const double scale = sums.inference_sum != 0.0 ? yield / sums.inference_sum : 0.0;
    for (double& variance : variances) variance *= scale * scale;
    return variances;
}

std::vector<double> scaled(std::vector<double> values, double factor) {
    for (double& value : values) value *= factor;
    return values;
}

/// Equal up to rounding.
bool is_same(const std::vector<double>& a, const std::vector<double>& b) {
    constexpr double rounding = 1e-12;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::abs(a[i] - b[i]) > rounding * std::abs(b[i])) return false;
    }
    return true;
}

/// The part of an effect that changes the sum of the bins, and the rest. They are one where a sum
/// is not positive, so that no factor can be said.
void add_effect(BinnedSample& sample,
                const SystematicSection& owner,
                const ProcessEffect& effect,
                std::vector<double> up,
                std::vector<double> down) {
    const double nominal = sum_of(sample.contents);
    const double sum_up = sum_of(up);
    const double sum_down = sum_of(down);
    if (nominal > 0.0 && sum_up > 0.0 && sum_down > 0.0) {
        const Anchors factors{.up = sum_up / nominal, .down = sum_down / nominal};
        if (!is_same({factors.up, factors.down}, {1.0, 1.0})) {
            sample.yields.push_back({effect.parameter, factors, owner.yield_code});
        }
        if (sample.contents.size() == 1) return;
        up = scaled(std::move(up), nominal / sum_up);
        down = scaled(std::move(down), nominal / sum_down);
    }
    if (is_same(up, sample.contents) && is_same(down, sample.contents)) return;
    sample.shapes.push_back({effect.parameter, std::move(up), std::move(down)});
}

BinnedSample filled_sample(const Campaign& campaign,
                           const std::vector<SampleSums>& sums,
                           const ProcessSection& process,
                           std::size_t r) {
    const double yield = total_yield(process, sums);
    BinnedSample sample{.name = process.name,
                        .contents = contents_of(find_sums(sums, process.events()), r, yield),
                        .coefficient = process.coefficient};
    for (const ProcessEffect& effect : counted_effects(campaign, sums, process)) {
        const SystematicSection& owner = campaign.systematics[effect.owner];
        if (effect.shape == nullptr) {
            sample.yields.push_back({effect.parameter, effect.total, owner.yield_code});
            continue;
        }
        const auto [up, down] = varied_sums(sums, process, effect);
        add_effect(sample, owner, effect, contents_of(up, r, yield * effect.total.up),
                   contents_of(down, r, yield * effect.total.down));
    }
    return sample;
}

std::string bin_text(const BinnedRegionSection& section, std::size_t b) {
    if (section.edges.size() < 2) return "its bin";
    return "bin " + std::to_string(b) + " (" + section.observable + " from " +
           toml_text(section.edges[b]) + " to " + toml_text(section.edges[b + 1]) + ")";
}

/// What is expected in each bin at the start values, with its variance.
struct Totals {
    std::vector<double> expected;
    std::vector<double> variance;
};

Totals totals_of(const Campaign& campaign,
                 const std::vector<SampleSums>& sums,
                 const BinnedRegion& region,
                 std::size_t r) {
    Totals totals{std::vector<double>(region.n_bins()), std::vector<double>(region.n_bins())};
    for (std::size_t j = 0; j < region.samples.size(); ++j) {
        const ProcessSection& process = campaign.processes[j];
        const double f = coefficient_at_start(process.coefficient, campaign);
        const std::vector<double> variances =
            variances_of(find_sums(sums, process.events()), r, total_yield(process, sums));
        for (std::size_t b = 0; b < region.n_bins(); ++b) {
            totals.expected[b] += f * region.samples[j].contents[b];
            totals.variance[b] += f * f * variances[b];
        }
    }
    return totals;
}

void check_bins(const Totals& totals, FilledRegion& filled) {
    const BinnedRegion& region = filled.section.region;
    for (std::size_t b = 0; b < region.n_bins(); ++b) {
        std::string parts;
        for (const BinnedSample& sample : region.samples) {
            parts +=
                (parts.empty() ? "" : ", ") + sample.name + " " + toml_text(sample.contents[b]);
            if (sample.contents[b] >= 0.0) continue;
            filled.warnings.push_back("region '" + region.name + "', " +
                                      bin_text(filled.section, b) + ": the weights of process '" +
                                      sample.name + "' give " + toml_text(sample.contents[b]) +
                                      " expected events; it is kept, so that sums stay right");
        }
        if (totals.expected[b] > 0.0) continue;
        filled.problems.push_back("region '" + region.name + "', " + bin_text(filled.section, b) +
                                  ": " + toml_text(totals.expected[b]) +
                                  " events are expected at the start values (must be > 0; "
                                  "contents where the coefficient is 1: " +
                                  parts + "); join it with another bin, or leave it out");
    }
}

/// Names of parameters consist only of letters, digits and _.
std::string stat_name(const std::string& region, std::size_t b, const Campaign& campaign) {
    std::string name = "stat_" + region + "_" + std::to_string(b);
    std::ranges::replace_if(
        name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; }, '_');
    while (find_parameter(campaign, name) != nullptr) name += "_mc";
    return name;
}

void add_stat(const Campaign& campaign, const Totals& totals, FilledRegion& filled) {
    BinnedRegion& region = filled.section.region;
    constexpr double smallest_gamma = 1e-10;
    constexpr double large = 0.3;
    BinFactors factors;
    for (std::size_t b = 0; b < region.n_bins(); ++b) {
        const double delta = std::sqrt(totals.variance[b]) / std::abs(totals.expected[b]);
        factors.parameters.emplace_back();
        if (!(delta >= least_stat)) continue;
        const std::string name = stat_name(region.name, b, campaign);
        factors.parameters.back() = name;
        filled.stat_parameters.push_back({.name = name,
                                          .start = 1.0,
                                          .low = smallest_gamma,
                                          .high = 10.0,
                                          .constraint = {Constraint::Kind::gaussian, 1.0, delta},
                                          .group = "mc_stat"});
        filled.labels.emplace_back(name, "stat_" + region.name + "[" + std::to_string(b) + "]");
        if (delta < large) continue;
        filled.warnings.push_back(
            "region '" + region.name + "', " + bin_text(filled.section, b) +
            ": the simulated events determine its expectation only to " + toml_text(delta) +
            " of itself, which a Gaussian factor describes poorly; join it with another bin");
    }
    if (filled.stat_parameters.empty()) return;
    for (BinnedSample& sample : region.samples) sample.factors.push_back(factors);
}

/// Counts of the data sample, if there is one to be looked at.
void observe(const Campaign& campaign,
             const std::vector<SampleSums>& sums,
             std::size_t r,
             BinnedRegionSection& section) {
    const std::string sample = campaign.data.fitted_sample();
    if (sample.empty()) return;
    const auto& counts = find_sums(sums, sample).regions[r].in_bin;
    section.observed = std::vector<double>(counts.begin(), counts.end());
}

}  // namespace

FilledRegion fill_region(const Campaign& campaign,
                         const std::vector<SampleSums>& sums,
                         std::size_t r,
                         BinnedRegionSection section) {
    FilledRegion filled{.section = std::move(section),
                        .stat_parameters = {},
                        .labels = {},
                        .problems = {},
                        .warnings = {}};
    BinnedRegionSection& own = filled.section;
    const bool has_stat = own.mc_stat;
    own.from_events = false;
    own.where.clear();
    own.mc_stat = true;
    observe(campaign, sums, r, own);
    const bool empty = std::ranges::all_of(campaign.processes, [&](const auto& process) {
        return find_sums(sums, process.events()).regions[r].inference_events() == 0;
    });
    if (empty) return filled;
    for (const ProcessSection& process : campaign.processes) {
        own.region.samples.push_back(filled_sample(campaign, sums, process, r));
    }
    const Totals totals = totals_of(campaign, sums, own.region, r);
    check_bins(totals, filled);
    if (has_stat && filled.problems.empty()) add_stat(campaign, totals, filled);
    return filled;
}

}  // namespace ratiofarm
