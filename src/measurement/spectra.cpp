#include "spectra.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "ratiofarm/mpi/together.hpp"

#include "fit/binned_sample.hpp"
#include "protocol/list_quantities.hpp"
#include "tables/events/event_rows.hpp"

#include "region_spectra.hpp"

namespace ratiofarm {
namespace {

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
                     const MovedPoint& base) {
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
                         const std::array<MovedPoint, 2>& bases,
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
    finish_spectrum(model, fit, bases,
                    {moved_contents(model, coordinates, samples, bases[0]),
                     moved_contents(model, coordinates, samples, bases[1])},
                    spectrum);
    return spectrum;
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
    for (const std::string& feature :
         shown_columns(source.campaign.events.features, source.samples)) {
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
    const std::array<MovedPoint, 2> bases{before_fit(model), after_fit(model, fit)};
    const mpi::Communicator alone;
    const LikelihoodData data = load_data(alone, campaign, model, ratios, ReferenceRows::always);
    std::vector<Spectrum> all;
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const auto sets =
            fitted_sets(campaign, model, model.unbinned[r], *ratios[r], ReferenceRows::always);
        for (Spectrum& spectrum :
             region_spectra(model, r, data.unbinned[r], bases,
                            feature_axes(source, *ratios[r], sets), source.threads, fit)) {
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
