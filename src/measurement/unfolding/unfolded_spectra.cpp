#include "unfolded_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "measurement/cancelled_weights.hpp"

namespace ratiofarm {
namespace {

class NominalSpectra {
public:
    NominalSpectra(const UnfoldedSamples& samples, const ChainGroup& group)
        : samples_(samples),
          section_(samples.section()),
          group_(group),
          nominal_(*samples.nominal()),
          weights_(nominal_.weights("", 0)) {}

    UnfoldedSpectra follow() {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (nominal_.has_truth(i)) generated_ += weights_[i];
        }
        for (const auto& observable : section_.observables) {
            UnfoldedObservable& to = found_.observables.emplace_back();
            to.column = observable.column;
            to.reco = observable.reco;
            to.edges = observable.edges;
            to.prior = truth_bins(nominal_, to, weights_).contents;
            begin_reco(to);
            for (const std::string& name : section_.compare) add_truth_of(name, to);
        }
        std::vector<double> before(weights_.size(), 1.0);
        for (std::uint32_t n = 1; n <= section_.iterations; ++n) {
            const std::vector<double> nu = nominal_.mean_nu(group_.members, n);
            add_progress(n, nu, before);
            for (UnfoldedObservable& to : found_.observables) add_iteration(to, n, nu, before);
            before = nu;
        }
        add_distribution(before);
        return std::move(found_);
    }

private:
    /// A sample without levels at the reconstruction.
    void add_reco(const std::string& name,
                  const UnfoldedObservable& observable,
                  WeightedBins& bins) const {
        const SampleInfo& info = samples_.info(name);
        const MappedSample mapped(info);
        const std::size_t column = feature_column(info, observable.reco);
        for (std::uint64_t row = 0; row < mapped.events(); ++row) {
            bins.add(observable.edges, mapped.features()[row * mapped.columns() + column],
                     mapped.weight()[row]);
        }
    }

    /// The simulation at the reconstruction, with background. \param nu of the rows
    WeightedBins fill_reco(const UnfoldedObservable& observable, std::span<const double> nu) const {
        const std::size_t bins = observable.edges.size() - 1;
        const std::size_t column = feature_column(nominal_.info(), observable.reco);
        WeightedBins before(bins), matched(bins), fakes(bins);
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (!nominal_.has_reco(i)) continue;
            const double x = nominal_.feature(i, column);
            if (nominal_.has_truth(i)) {
                before.add(observable.edges, x, weights_[i]);
                matched.add(observable.edges, x, weights_[i] * nu[i]);
            } else {
                fakes.add(observable.edges, x, weights_[i]);
            }
        }
        for (std::size_t bin = 0; bin < bins; ++bin) {
            const double follows = section_.fakes == Fakes::follow && before.contents[bin] > 0.0
                                       ? matched.contents[bin] / before.contents[bin]
                                       : 1.0;
            matched.contents[bin] += follows * fakes.contents[bin];
            matched.squares[bin] += follows * follows * fakes.squares[bin];
        }
        for (const std::string& name : section_.background) add_reco(name, observable, matched);
        return matched;
    }

    void begin_reco(UnfoldedObservable& to) {
        if (to.reco.empty()) return;
        WeightedBins data(to.edges.size() - 1);
        add_reco(section_.data, to, data);
        const WeightedBins simulation = fill_reco(to, std::vector<double>(weights_.size(), 1.0));
        to.data = data.contents;
        for (const double square : data.squares) to.data_error.push_back(std::sqrt(square));
        to.simulation = simulation.contents;
        to.bottom_line.emplace().reco = reco_chi2(to, simulation);
    }

    /// Of all events of a sample.
    void add_truth_of(const std::string& name, UnfoldedObservable& to) const {
        const SampleInfo& info = samples_.info(name);
        const MappedSample mapped(info);
        const std::size_t columns = info.columns.levels.names.size();
        const std::size_t column = truth_column(info, to.column);
        WeightedBins bins(to.edges.size() - 1);
        for (std::uint64_t row = 0; row < mapped.events(); ++row) {
            if (mapped.pass_truth()[row] != 1) continue;
            bins.add(to.edges, mapped.truth()[row * columns + column], mapped.weight()[row]);
        }
        UnfoldComparison& compared = to.compared.emplace_back();
        compared.sample = name;
        compared.contents = bins.contents;
        for (const double square : bins.squares) compared.error.push_back(std::sqrt(square));
    }

    /// Bins over all but a thousandth of the weight on either side.
    void add_distribution(std::span<const double> nu) {
        constexpr int bins = 40;
        std::vector<std::pair<double, double>> sorted;  // ln nu, weight
        for (std::size_t i = 0; i < nu.size(); ++i) {
            if (nominal_.has_truth(i)) sorted.emplace_back(std::log(nu[i]), weights_[i]);
        }
        std::ranges::sort(sorted);
        double below = 0.0, low = sorted.front().first, high = sorted.back().first;
        for (const auto& [value, weight] : sorted) {
            if (below < 0.001 * generated_) low = value;
            if (below < 0.999 * generated_) high = value;
            below += weight;
        }
        if (!(high > low)) high = low + 1e-3;
        NuDistribution& to = found_.ln_nu;
        for (int i = 0; i <= bins; ++i) to.edges.push_back(low + (high - low) * i / bins);
        to.shares.assign(bins, 0.0);
        for (const auto& [value, weight] : sorted) {
            const double place = std::clamp((value - low) / (high - low) * bins, 0.0, bins - 1.0);
            to.shares[static_cast<std::size_t>(place)] += weight / generated_;
        }
    }

    ChiSquare reco_chi2(const UnfoldedObservable& of, const WeightedBins& simulation) const {
        const std::size_t bins = of.data.size();
        std::vector<double> difference;
        Covariance v(bins * bins, 0.0);
        for (std::size_t bin = 0; bin < bins; ++bin) {
            difference.push_back(of.data[bin] - simulation.contents[bin]);
            v[bin * (bins + 1)] = of.data_error[bin] * of.data_error[bin] + simulation.squares[bin];
        }
        return written_chi2(chi2_of(difference, v, 0));
    }

    void add_progress(std::uint32_t n, std::span<const double> nu, std::span<const double> before) {
        UnfoldProgress& progress = found_.progress.emplace_back();
        progress.iteration = n;
        std::vector<double> published;
        for (std::size_t i = 0; i < nu.size(); ++i) {
            if (!nominal_.has_truth(i)) continue;
            published.push_back(weights_[i] * nu[i]);
            progress.yield += published.back();
            progress.change += weights_[i] * std::abs(nu[i] / before[i] - 1.0) / generated_;
        }
        progress.effective_events = effective_events(published);
    }

    void add_iteration(UnfoldedObservable& to,
                       std::uint32_t n,
                       std::span<const double> nu,
                       std::span<const double> nu_before) {
        const std::vector<double> now = product(weights_, nu);
        const std::vector<double> before = product(weights_, nu_before);
        const WeightedBins bins = truth_bins(nominal_, to, now);
        UnfoldIteration& at = to.iterations.emplace_back();
        at.iteration = n;
        at.contents = bins.contents;
        const auto& last = n == 1 ? to.prior : to.iterations[to.iterations.size() - 2].contents;
        at.discriminator = 1000.0 * triangular_discriminator(at.contents, last);
        at.wasserstein = distance(to, now, before);
        to.unfolded = bins.contents;
        to.below = bins.below;
        to.above = bins.above;
        if (to.reco.empty()) return;
        const WeightedBins refolded = fill_reco(to, nu);
        at.refolded = refolded.contents;
        at.refolding = 1000.0 * triangular_discriminator(refolded.contents, to.data);
        at.refolding_chi2 = reco_chi2(to, refolded);
    }

    double distance(const UnfoldedObservable& to,
                    std::span<const double> now,
                    std::span<const double> before) const {
        const std::size_t column = truth_column(nominal_.info(), to.column);
        std::vector<double> values, a, b;
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (!nominal_.has_truth(i)) continue;
            values.push_back(nominal_.truth(i, column));
            a.push_back(now[i]);
            b.push_back(before[i]);
        }
        std::vector<std::size_t> order(values.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
        return wasserstein_distance(values, order, a, b);
    }

    const UnfoldedSamples& samples_;
    const UnfoldingSection& section_;
    const ChainGroup& group_;
    const UnfoldedSample& nominal_;
    std::vector<double> weights_;
    double generated_ = 0.0;
    UnfoldedSpectra found_;
};

}  // namespace

WeightedBins truth_bins(const UnfoldedSample& of,
                        const UnfoldedObservable& observable,
                        std::span<const double> weights) {
    const std::size_t column = truth_column(of.info(), observable.column);
    WeightedBins bins(observable.edges.size() - 1);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (of.has_truth(i)) bins.add(observable.edges, of.truth(i, column), weights[i]);
    }
    return bins;
}

ChiSquare written_chi2(const Chi2& chi2) {
    return {chi2.value, chi2.rank, chi2.factor, chi2.p_value};
}

UnfoldedSpectra unfolded_spectra(const UnfoldedSamples& samples, const ChainGroup& nominal) {
    return NominalSpectra(samples, nominal).follow();
}

}  // namespace ratiofarm
