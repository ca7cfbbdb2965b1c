#include "process_summary.hpp"

#include <algorithm>
#include <cmath>

#include "campaign/gates.hpp"
#include "tables/events/event_rows.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t calibration_bins = 20;
constexpr std::size_t ratio_bins = 50;
constexpr double outside_ratios = 0.0005;  // of the events, beyond each end of the plot of log r

/// Counts the events that a comparison of the target with the reference takes, and those with r =
/// 0.
void count_zero_ratios(const std::vector<SampleEvents>& events,
                       std::size_t target,
                       ProcessSummary& summary) {
    for (std::size_t k = 0; k < events.size(); ++k) {
        if (k != target && events[k].fraction == 0.0) continue;
        summary.seen_events += events[k].log_ratio.size();
        summary.zero_ratios += static_cast<std::uint64_t>(std::ranges::count_if(
            events[k].log_ratio, [](float log_ratio) { return !std::isfinite(log_ratio); }));
    }
}

/// Bins of equal content in log r over reference and target together.
Binning score_binning(const std::vector<SampleEvents>& events, std::size_t target) {
    std::vector<float> values;
    std::vector<double> weights;
    for (std::size_t k = 0; k < events.size(); ++k) {
        const double share = events[k].fraction + (k == target ? 1.0 : 0.0);
        if (share == 0.0) continue;
        const double scale = share / total_weight(events[k].weight);
        values.insert(values.end(), events[k].log_ratio.begin(), events[k].log_ratio.end());
        for (const double weight : events[k].weight) weights.push_back(scale * weight);
    }
    return Binning::quantiles(values, weights, calibration_bins);
}

Closure closure_in_ratio(std::vector<SampleEvents> events,
                         std::size_t target,
                         RatioScale scale,
                         std::size_t nets) {
    for (SampleEvents& sample : events) sample.feature = sample.log_ratio;
    const Binning binning =
        score_binning(events, target)
            .without_sparse_bins(events[target].feature, events[target].weight, enough_entries);
    return closure(events, target, binning, scale, nets);
}

FeatureClosure closure_in_feature(const std::vector<SampleEvents>& events,
                                  std::size_t target,
                                  RatioScale scale,
                                  std::size_t nets) {
    constexpr std::size_t about = 24;  // bins
    const Binning binning =
        Binning::halved(events[target].feature, events[target].weight, about, enough_entries);
    const auto& edges = binning.edges();
    const bool has_middle =
        binning.bins() > 4;  // then the outer bins, up to the extremes, are not drawn
    return {.feature = {},
            .closure = closure(events, target, binning, scale, nets),
            .plot_low = has_middle ? edges[1] : edges.front(),
            .plot_high = has_middle ? edges[edges.size() - 2] : edges.back()};
}

/// The check as it was before log r was lowered by log_z.
NormalisationCheck before_normalisation(const NormalisationCheck& check, double log_z) {
    const double z = std::exp(log_z);
    return make_normalisation_check(z * (1.0 + check.deviation) - 1.0, z * check.error);
}

/// Exact ln p_j/p_ref of the events of one sample.
std::optional<std::vector<double>> exact_ratios_of(const InferenceSample& sample,
                                                   const DensityName& process,
                                                   const RatioHeader& header) {
    if (sample.info == nullptr || sample.row.size() != sample.weight.size()) return std::nullopt;
    const auto density = read_log_density(sample.info->columns.file, sample.name);
    if (!density) return std::nullopt;
    return exact_log_ratios(*density, sample.row, process, header.reference);
}

}  // namespace

ProcessSummary summarise_process(const InferenceEvents& events,
                                 std::size_t process,
                                 std::size_t target,
                                 const RatioHeader& header,
                                 const RatioSummary& summary,
                                 const std::vector<std::string>& features,
                                 std::size_t nets) {
    const std::vector<SampleEvents> seen = events.of_process(process);
    const RatioScale scale =
        header.shape_norm == ShapeNorm::reference ? RatioScale::normalised : RatioScale::as_given;
    ProcessSummary result;
    result.events = seen[target].weight.size();
    result.log_z = process < summary.log_z.size() ? summary.log_z[process] : 0.0;
    result.normalisation = before_normalisation(check_normalisation(seen), result.log_z);
    result.calibration = calibration(seen, target, calibration_bins);
    count_zero_ratios(seen, target, result);
    if (result.zero_ratios < result.seen_events) {
        result.ratios = ratio_distribution(seen, target,
                                           ratio_binning(seen, target, ratio_bins, outside_ratios));
        result.score_closure = closure_in_ratio(seen, target, scale, nets);
    }
    if (!events.has_features()) return result;
    for (std::size_t f = 0; f < features.size(); ++f) {
        FeatureClosure feature =
            closure_in_feature(events.of_process(process, f), target, scale, nets);
        feature.feature = features[f];
        result.closures.push_back(std::move(feature));
    }
    return result;
}

std::optional<RatioAccuracy> exact_accuracy(const InferenceEvents& events,
                                            std::size_t process,
                                            const std::string& sample,
                                            const RatioHeader& header) {
    std::vector<float> learned;
    std::vector<double> exact;
    std::vector<double> weights;
    for (const InferenceSample& part : events.samples()) {
        if (part.fraction == 0.0) continue;
        const auto values = exact_ratios_of(part, {sample, header.processes[process].name}, header);
        if (!values) return std::nullopt;
        const double scale = part.fraction / total_weight(part.weight);
        const std::vector<float>& column = part.log_ratio[process];
        learned.insert(learned.end(), column.begin(), column.end());
        exact.insert(exact.end(), values->begin(), values->end());
        for (std::size_t i = 0; i < part.weight.size(); ++i) {
            const double larger = std::max((*values)[i], double{column[i]});
            weights.push_back(scale * part.weight[i] * weight_of_spread(larger));
        }
    }
    if (learned.empty()) return std::nullopt;
    return check_accuracy(learned, exact, weights);
}

IdentityCheck identity_of(const InferenceEvents& events, const RatioHeader& header) {
    std::vector<double> sums;
    std::vector<double> weights;
    for (const InferenceSample& sample : events.samples()) {
        if (sample.fraction == 0.0) continue;
        const double scale = sample.fraction / total_weight(sample.weight);
        const std::size_t first = sums.size();
        sums.resize(first + sample.weight.size(), 0.0);
        for (const ReferenceComponent& component : header.reference) {
            const auto& log_ratio = sample.log_ratio[header.column_of(component.process)];
            for (std::size_t i = 0; i < log_ratio.size(); ++i) {
                sums[first + i] += component.fraction * std::exp(static_cast<double>(log_ratio[i]));
            }
        }
        for (const double weight : sample.weight) weights.push_back(scale * weight);
    }
    return check_identity(sums, weights);
}

double reference_spread(const InferenceEvents& events, std::size_t process) {
    double square = 0.0;
    double weights = 0.0;
    for (const InferenceSample& sample : events.samples()) {
        if (sample.fraction == 0.0 || sample.spread.empty()) continue;
        const double scale = sample.fraction / total_weight(sample.weight);
        for (std::size_t i = 0; i < sample.weight.size(); ++i) {
            const double spread = sample.spread[process][i];
            if (!std::isfinite(sample.log_ratio[process][i])) continue;  // it counts as r = 0
            const double weight =
                scale * sample.weight[i] * weight_of_spread(double{sample.log_ratio[process][i]});
            square += weight * spread * spread;
            weights += weight;
        }
    }
    return weights > 0.0 ? std::sqrt(std::max(0.0, square / weights)) : 0.0;
}

}  // namespace ratiofarm
