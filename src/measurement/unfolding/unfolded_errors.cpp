#include "unfolded_errors.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "unfolded_spectra.hpp"
#include "unfolding_metrics.hpp"

namespace ratiofarm {
namespace {

std::vector<std::vector<double>> as_rows(const Covariance& v, std::size_t bins) {
    std::vector<std::vector<double>> rows;
    for (std::size_t i = 0; i < bins; ++i) {
        const auto first = v.begin() + static_cast<std::ptrdiff_t>(i * bins);
        rows.emplace_back(first, first + static_cast<std::ptrdiff_t>(bins));
    }
    return rows;
}

Covariance outer(std::span<const double> a, std::span<const double> b) {
    Covariance v;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < a.size(); ++j) v.push_back((a[i] - b[i]) * (a[j] - b[j]));
    }
    return v;
}

class Errors {
public:
    Errors(UnfoldedSamples& samples,
           std::span<const ChainGroup> groups,
           std::vector<UnfoldedObservable>& observables)
        : samples_(samples),
          section_(samples.section()),
          groups_(groups),
          observables_(observables),
          totals_(observables.size()) {}

    void add() {
        const std::uint32_t last = section_.iterations;
        std::vector<std::vector<std::vector<double>>> data(observables_.size());
        auto mc = data, members = data;
        std::vector<std::map<std::string, std::vector<double>>> varied(observables_.size());
        for (const ChainGroup& group : groups_) {
            const UnfoldedSample& of = *samples_.of(group);
            const std::vector<double> weights = samples_.weights(group);
            const auto add = [&](std::span<const UnfoldedChain* const> chains, auto& to) {
                const auto nu = of.mean_nu(chains, last);
                for (std::size_t i = 0; i < to.size(); ++i) {
                    to[i].push_back(truth_bins(of, observables_[i], product(weights, nu)).contents);
                }
            };
            if (group.data_replica > 0) {
                add(group.members, data);
            } else if (group.mc_replica > 0) {
                add(group.members, mc);
            } else if (group.variation.empty()) {
                for (const UnfoldedChain* const& member : group.members) add({&member, 1}, members);
            } else {
                std::vector<std::vector<std::vector<double>>> one(observables_.size());
                add(group.members, one);
                for (std::size_t i = 0; i < one.size(); ++i) {
                    varied[i][group.variation] = std::move(one[i].front());
                }
            }
        }
        for (std::size_t i = 0; i < observables_.size(); ++i) {
            add_source(i, "data", data[i], 1.0);
            add_source(i, "mc", mc[i], 1.0);
            add_source(i, "members", members[i], static_cast<double>(members[i].size()));
            for (const auto& [name, contents] : varied[i]) add_variation(i, name, varied[i]);
        }
        for (std::size_t i = 0; i < observables_.size(); ++i) finish(i);
    }

private:
    void add_source(std::size_t i,
                    const std::string& source,
                    const std::vector<std::vector<double>>& replicas,
                    double divide) {
        if (replicas.size() < 2) return;
        Covariance v = covariance_of(replicas);
        for (double& each : v) each /= divide;
        add_covariance(i, source, static_cast<std::uint32_t>(replicas.size()), v);
    }

    /// Two sides NAME_up and NAME_down are one source: the mean of both.
    void add_variation(std::size_t i,
                       const std::string& name,
                       const std::map<std::string, std::vector<double>>& varied) {
        const auto& nominal = observables_[i].unfolded;
        Covariance v = outer(varied.at(name), nominal);
        std::string source = name;
        if (name.ends_with("_up") || name.ends_with("_down")) {
            const bool up = name.ends_with("_up");
            const std::string base = name.substr(0, name.rfind('_'));
            const auto other = varied.find(base + (up ? "_down" : "_up"));
            if (other != varied.end()) {
                if (up) return;  // with the other side, which comes first
                const Covariance second = outer(other->second, nominal);
                for (std::size_t k = 0; k < v.size(); ++k) v[k] = 0.5 * (v[k] + second[k]);
                source = base;
            }
        }
        add_covariance(i, source, 0, v);
    }

    void add_covariance(std::size_t i,
                        const std::string& source,
                        std::uint32_t replicas,
                        const Covariance& v) {
        UnfoldedObservable& to = observables_[i];
        const std::size_t bins = to.unfolded.size();
        to.covariances.push_back({source, replicas, as_rows(v, bins)});
        auto& sum = totals_[i];
        if (sum.empty()) sum.assign(v.size(), 0.0);
        for (std::size_t k = 0; k < v.size(); ++k) sum[k] += v[k];
    }

    void finish(std::size_t i) {
        UnfoldedObservable& to = observables_[i];
        const std::size_t bins = to.unfolded.size();
        const Covariance& total = totals_[i];
        constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
        for (std::size_t bin = 0; bin < bins; ++bin) {
            to.error.push_back(total.empty() ? unknown : std::sqrt(total[bin * (bins + 1)]));
        }
        std::vector<double> before = to.prior;
        for (UnfoldIteration& at : to.iterations) {
            double sum = 0.0;
            for (std::size_t bin = 0; bin < bins; ++bin) {
                const double pull = (at.contents[bin] - before[bin]) / to.error[bin];
                sum += pull * pull / static_cast<double>(bins);
            }
            at.change = std::sqrt(sum);
            before = at.contents;
        }
        if (total.empty() || section_.replicas_data == 0) {
            to.bottom_line.reset();
            if (total.empty()) return;
        }
        to.total = as_rows(total, bins);
        for (UnfoldComparison& other : to.compared) compare(to, total, other);
        if (!to.bottom_line) return;
        std::vector<double> difference = to.unfolded;
        for (std::size_t bin = 0; bin < bins; ++bin) difference[bin] -= to.prior[bin];
        to.bottom_line->truth = written_chi2(chi2_of(difference, total, section_.replicas_data));
    }

    void compare(const UnfoldedObservable& to, Covariance total, UnfoldComparison& other) const {
        std::vector<double> difference = to.unfolded;
        for (std::size_t bin = 0; bin < difference.size(); ++bin) {
            difference[bin] -= other.contents[bin];
            total[bin * (difference.size() + 1)] += other.error[bin] * other.error[bin];
        }
        other.chi2 = written_chi2(chi2_of(difference, total, section_.replicas_data));
    }

    UnfoldedSamples& samples_;
    const UnfoldingSection& section_;
    std::span<const ChainGroup> groups_;
    std::vector<UnfoldedObservable>& observables_;
    std::vector<Covariance> totals_;
};

}  // namespace

void add_unfolded_errors(UnfoldedSamples& samples,
                         std::span<const ChainGroup> groups,
                         std::vector<UnfoldedObservable>& observables) {
    if (!observables.empty()) Errors(samples, groups, observables).add();
}

}  // namespace ratiofarm
