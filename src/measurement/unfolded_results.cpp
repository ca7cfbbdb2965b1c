#include "unfolded_results.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <tuple>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/find_sample.hpp"
#include "core/sealed_text.hpp"
#include "core/seeds.hpp"

#include "cancelled_weights.hpp"
#include "unfolding_metrics.hpp"

namespace ratiofarm {
namespace {

/// Chains that differ by their member only.
struct ChainGroup {
    std::string variation;
    std::uint32_t data_replica = 0;
    std::uint32_t mc_replica = 0;
    std::vector<const UnfoldedChain*> members;
};

std::vector<ChainGroup> groups_of(std::span<const UnfoldedChain> chains) {
    std::vector<ChainGroup> groups;
    for (const UnfoldedChain& chain : chains) {
        const auto same = [&](const ChainGroup& group) {
            return group.variation == chain.variation && group.data_replica == chain.data_replica &&
                   group.mc_replica == chain.mc_replica;
        };
        const auto known = std::ranges::find_if(groups, same);
        ChainGroup& group = known != groups.end()
                                ? *known
                                : groups.emplace_back(ChainGroup{
                                      chain.variation, chain.data_replica, chain.mc_replica, {}});
        group.members.push_back(&chain);
    }
    return groups;
}

/// A simulated sample with the events that are published or compared.
class UnfoldedSample {
public:
    UnfoldedSample(const SampleInfo& info, const Split& split) : info_(info), mapped_(info) {
        for (std::uint64_t row = 0; row < mapped_.events(); ++row) {
            const bool passes = mapped_.pass_reco()[row] == 1 || mapped_.pass_truth()[row] == 1;
            const bool part = split_part(mapped_.id()[row], split) == SplitPart::inference;
            if (passes && part) rows_.push_back(row);
        }
        if (rows_.empty()) {
            throw DataError("sample '" + info.name +
                            "' has no event of the inference part to publish: raise "
                            "split.inference");
        }
    }

    const MappedSample& mapped() const { return mapped_; }
    const SampleInfo& info() const { return info_; }
    const std::vector<std::uint64_t>& rows() const { return rows_; }
    bool has_truth(std::size_t i) const { return mapped_.pass_truth()[rows_[i]] == 1; }
    bool has_reco(std::size_t i) const { return mapped_.pass_reco()[rows_[i]] == 1; }

    double truth(std::size_t i, std::size_t column) const {
        return mapped_.truth()[rows_[i] * info_.columns.levels.names.size() + column];
    }
    double feature(std::size_t i, std::size_t column) const {
        return mapped_.features()[rows_[i] * mapped_.columns() + column];
    }

    /// Of `rows`, scaled so that those with truth sum to what all events with truth do.
    /// \param column of further weights; empty: those of the sample. \param seed of counts; 0: none
    std::vector<double> weights(const std::string& column, std::uint64_t seed) const {
        const MappedFile file(info_.columns.file);
        const auto own = column.empty() ? mapped_.weight()
                                        : file.values<double>(find_weights(info_, column).offset,
                                                              info_.columns.events);
        const auto weight = [&](std::uint64_t row) {
            return seed == 0 ? own[row] : own[row] * bootstrap_count(mapped_.id()[row], seed);
        };
        double all = 0.0;
        for (std::uint64_t row = 0; row < mapped_.events(); ++row) {
            if (mapped_.pass_truth()[row] == 1) all += weight(row);
        }
        std::vector<double> weights;
        double some = 0.0;
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            weights.push_back(weight(rows_[i]));
            if (has_truth(i)) some += weights.back();
        }
        if (!(some > 0.0)) {
            throw DataError("sample '" + info_.name + "': the published events weigh " +
                            std::to_string(some) + " in all, must be > 0");
        }
        for (double& each : weights) each *= all / some;
        return weights;
    }

    /// Mean over members, of `rows`.
    std::vector<double> mean_nu(std::span<const UnfoldedChain* const> members,
                                std::uint32_t iteration) const {
        std::vector<double> nu(rows_.size(), 0.0);
        for (const UnfoldedChain* chain : members) {
            const std::vector<float> ln_nu = chain->ln_nu(iteration);
            if (ln_nu.size() != mapped_.events()) {
                throw DataError("a chain of the unfolding has " + std::to_string(ln_nu.size()) +
                                " weights, sample '" + info_.name + "' has " +
                                std::to_string(mapped_.events()) + " events");
            }
            for (std::size_t i = 0; i < rows_.size(); ++i) {
                nu[i] += std::exp(static_cast<double>(ln_nu[rows_[i]])) /
                         static_cast<double>(members.size());
            }
        }
        return nu;
    }

private:
    const SampleInfo& info_;
    MappedSample mapped_;
    std::vector<std::uint64_t> rows_;
};

std::size_t place_of(const std::vector<std::string>& names, const std::string& name) {
    const auto found = std::ranges::find(names, name);
    RATIOFARM_EXPECT(found != names.end());
    return static_cast<std::size_t>(found - names.begin());
}

std::vector<double> product(std::span<const double> a, std::span<const double> b) {
    std::vector<double> both(a.begin(), a.end());
    for (std::size_t i = 0; i < both.size(); ++i) both[i] *= b[i];
    return both;
}

std::vector<std::vector<double>> as_rows(const Covariance& v, std::size_t bins) {
    std::vector<std::vector<double>> rows;
    for (std::size_t i = 0; i < bins; ++i) {
        const auto first = v.begin() + static_cast<std::ptrdiff_t>(i * bins);
        rows.emplace_back(first, first + static_cast<std::ptrdiff_t>(bins));
    }
    return rows;
}

ChiSquare written(const Chi2& chi2) { return {chi2.value, chi2.rank, chi2.factor, chi2.p_value}; }

Covariance outer(std::span<const double> a, std::span<const double> b) {
    Covariance v;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < a.size(); ++j) v.push_back((a[i] - b[i]) * (a[j] - b[j]));
    }
    return v;
}

class Results {
public:
    Results(const Campaign& campaign,
            const std::vector<SampleInfo>& samples,
            std::span<const UnfoldedChain> chains)
        : campaign_(campaign),
          unfolding_(*campaign.unfolding),
          samples_(samples),
          groups_(groups_of(chains)),
          nominal_(sample(unfolding_.simulation)) {
        RATIOFARM_EXPECT(!groups_.empty() && groups_.front().variation.empty());
    }

    UnfoldedResults make() {
        describe();
        for (const auto& observable : unfolding_.observables) {
            UnfoldedObservable& to = record_.observables.emplace_back();
            to.column = observable.column;
            to.reco = observable.reco;
            to.edges = observable.edges;
        }
        follow_iterations();
        if (!unfolding_.observables.empty()) add_errors();
        for (std::size_t i = 0; i < record_.observables.size(); ++i) finish(i);
        warn();
        return {std::move(record_), make_table()};
    }

private:
    const UnfoldedSample& sample(const std::string& name) {
        auto& entry = opened_[name];
        if (!entry) {
            entry = std::make_shared<UnfoldedSample>(find_sample(samples_, name), campaign_.split);
        }
        return *entry;
    }

    const UnfoldingSection::Variation* variation(const std::string& name) const {
        const auto found =
            std::ranges::find(unfolding_.variations, name, &UnfoldingSection::Variation::name);
        return found == unfolding_.variations.end() ? nullptr : &*found;
    }

    const UnfoldedSample& sample_of(const ChainGroup& group) {
        const auto* varied = variation(group.variation);
        return varied == nullptr || varied->simulation.empty() ? nominal_
                                                               : sample(varied->simulation);
    }

    /// Weights of the simulation in a group, without nu.
    std::vector<double> weights_of(const ChainGroup& group) {
        const auto* varied = variation(group.variation);
        return sample_of(group).weights(varied == nullptr ? "" : varied->weight,
                                        group.members.front()->mc_seed);
    }

    void describe() {
        record_.campaign = campaign_.name;
        record_.misses = word_of(unfolding_.misses);
        record_.fakes = word_of(unfolding_.fakes);
        record_.iterations = unfolding_.iterations;
        record_.members = unfolding_.members;
        record_.replicas_data = unfolding_.replicas_data;
        record_.replicas_mc = unfolding_.replicas_mc;
        record_.made_from = unfold_made_from(campaign_);
        weights_ = nominal_.weights("", 0);
        std::vector<double> published;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (nominal_.has_truth(i)) published.push_back(weights_[i]);
        }
        record_.events = published.size();
        record_.generated = std::accumulate(published.begin(), published.end(), 0.0);
        record_.generated_effective = effective_events(published);
        record_.beyond_matched = beyond_matched();
        record_.data_outside = data_outside();
    }

    /// Share of the truth's weight in misses that lie beyond all matched events in some column.
    double beyond_matched() const {
        double beyond = 0.0;
        std::vector<char> is_beyond(weights_.size(), 0);
        for (const std::string& name : unfolding_.truth) {
            const std::size_t column = place_of(nominal_.info().columns.levels.names, name);
            double low = std::numeric_limits<double>::infinity(), high = -low;
            for (std::size_t i = 0; i < weights_.size(); ++i) {
                if (!nominal_.has_truth(i) || !nominal_.has_reco(i)) continue;
                low = std::min(low, nominal_.truth(i, column));
                high = std::max(high, nominal_.truth(i, column));
            }
            for (std::size_t i = 0; i < weights_.size(); ++i) {
                if (!nominal_.has_truth(i)) continue;
                const double t = nominal_.truth(i, column);
                if (t < low || t > high) is_beyond[i] = 1;
            }
        }
        for (std::size_t i = 0; i < weights_.size(); ++i) beyond += is_beyond[i] * weights_[i];
        return beyond / record_.generated;
    }

    /// Share of the data events that have a feature outside the range of the simulation.
    double data_outside() {
        const SampleInfo& info = find_sample(samples_, unfolding_.data);
        const MappedSample data(info);
        std::vector<char> outside(data.events(), 0);
        const MappedSample& simulated = nominal_.mapped();
        for (const std::string& name : campaign_.events.features) {
            const std::size_t there = place_of(nominal_.info().column_names, name);
            float low = std::numeric_limits<float>::infinity(), high = -low;
            for (std::uint64_t row = 0; row < simulated.events(); ++row) {
                if (simulated.pass_reco()[row] != 1) continue;
                const float x = simulated.features()[row * simulated.columns() + there];
                low = std::min(low, x);
                high = std::max(high, x);
            }
            const std::size_t here = place_of(info.column_names, name);
            for (std::uint64_t row = 0; row < data.events(); ++row) {
                const float x = data.features()[row * data.columns() + here];
                if (x < low || x > high) outside[row] = 1;
            }
        }
        return static_cast<double>(std::ranges::count(outside, 1)) /
               static_cast<double>(data.events());
    }

    WeightedBins fill(const UnfoldedSample& of,
                      const UnfoldedObservable& observable,
                      std::span<const double> weights) const {
        const std::size_t column = place_of(of.info().columns.levels.names, observable.column);
        WeightedBins bins(observable.edges.size() - 1);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (of.has_truth(i)) bins.add(observable.edges, of.truth(i, column), weights[i]);
        }
        return bins;
    }

    /// A sample without levels at the reconstruction.
    void add_reco(const std::string& name,
                  const UnfoldedObservable& observable,
                  WeightedBins& bins) const {
        const SampleInfo& info = find_sample(samples_, name);
        const MappedSample mapped(info);
        const std::size_t column = place_of(info.column_names, observable.reco);
        for (std::uint64_t row = 0; row < mapped.events(); ++row) {
            bins.add(observable.edges, mapped.features()[row * mapped.columns() + column],
                     mapped.weight()[row]);
        }
    }

    /// The simulation at the reconstruction, with background. \param nu of the rows
    WeightedBins fill_reco(const UnfoldedObservable& observable, std::span<const double> nu) const {
        const std::size_t bins = observable.edges.size() - 1;
        const std::size_t column = place_of(nominal_.info().column_names, observable.reco);
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
            const double follows = unfolding_.fakes == Fakes::follow && before.contents[bin] > 0.0
                                       ? matched.contents[bin] / before.contents[bin]
                                       : 1.0;
            matched.contents[bin] += follows * fakes.contents[bin];
            matched.squares[bin] += follows * follows * fakes.squares[bin];
        }
        for (const std::string& name : unfolding_.background) add_reco(name, observable, matched);
        return matched;
    }

    void begin_reco(UnfoldedObservable& to) {
        if (to.reco.empty()) return;
        WeightedBins data(to.edges.size() - 1);
        add_reco(unfolding_.data, to, data);
        const WeightedBins simulation = fill_reco(to, std::vector<double>(weights_.size(), 1.0));
        to.data = data.contents;
        for (const double square : data.squares) to.data_error.push_back(std::sqrt(square));
        to.simulation = simulation.contents;
        to.bottom_line.emplace().reco = reco_chi2(to, simulation);
    }

    ChiSquare reco_chi2(const UnfoldedObservable& of, const WeightedBins& simulation) const {
        const std::size_t bins = of.data.size();
        std::vector<double> difference;
        Covariance v(bins * bins, 0.0);
        for (std::size_t bin = 0; bin < bins; ++bin) {
            difference.push_back(of.data[bin] - simulation.contents[bin]);
            v[bin * (bins + 1)] = of.data_error[bin] * of.data_error[bin] + simulation.squares[bin];
        }
        return written(chi2_of(difference, v, 0));
    }

    void follow_iterations() {
        const ChainGroup& group = groups_.front();
        std::vector<double> before(weights_.size(), 1.0);
        for (UnfoldedObservable& to : record_.observables) {
            to.prior = fill(nominal_, to, weights_).contents;
            begin_reco(to);
        }
        for (std::uint32_t n = 1; n <= unfolding_.iterations; ++n) {
            const std::vector<double> nu = nominal_.mean_nu(group.members, n);
            add_progress(n, nu, before);
            for (UnfoldedObservable& to : record_.observables) add_iteration(to, n, nu, before);
            before = nu;
        }
        record_.yield = record_.progress.back().yield;
    }

    void add_progress(std::uint32_t n, std::span<const double> nu, std::span<const double> before) {
        UnfoldProgress& progress = record_.progress.emplace_back();
        progress.iteration = n;
        std::vector<double> published;
        for (std::size_t i = 0; i < nu.size(); ++i) {
            if (!nominal_.has_truth(i)) continue;
            published.push_back(weights_[i] * nu[i]);
            progress.yield += published.back();
            progress.change += weights_[i] * std::abs(nu[i] / before[i] - 1.0) / record_.generated;
        }
        progress.effective_events = effective_events(published);
        for (const UnfoldedChain* chain : groups_.front().members) {
            if (chain->clipped_share.size() < n) continue;
            progress.clipped_share = std::max(progress.clipped_share, chain->clipped_share[n - 1]);
        }
    }

    void add_iteration(UnfoldedObservable& to,
                       std::uint32_t n,
                       std::span<const double> nu,
                       std::span<const double> nu_before) {
        const std::vector<double> now = product(weights_, nu);
        const std::vector<double> before = product(weights_, nu_before);
        const WeightedBins bins = fill(nominal_, to, now);
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
        const std::size_t column = place_of(nominal_.info().columns.levels.names, to.column);
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

    /// Contents of every group, and from them a covariance for each source.
    void add_errors() {
        const std::uint32_t last = unfolding_.iterations;
        std::vector<std::vector<std::vector<double>>> data(record_.observables.size());
        auto mc = data, members = data;
        std::vector<std::map<std::string, std::vector<double>>> varied(record_.observables.size());
        for (const ChainGroup& group : groups_) {
            const UnfoldedSample& of = sample_of(group);
            const std::vector<double> weights = weights_of(group);
            const auto add = [&](std::span<const UnfoldedChain* const> chains, auto& to) {
                const auto nu = of.mean_nu(chains, last);
                for (std::size_t i = 0; i < to.size(); ++i) {
                    to[i].push_back(
                        fill(of, record_.observables[i], product(weights, nu)).contents);
                }
            };
            if (group.data_replica > 0) {
                add(group.members, data);
            } else if (group.mc_replica > 0) {
                add(group.members, mc);
            } else if (group.variation.empty()) {
                for (const UnfoldedChain* const& member : group.members) add({&member, 1}, members);
            } else {
                std::vector<std::vector<std::vector<double>>> one(record_.observables.size());
                add(group.members, one);
                for (std::size_t i = 0; i < one.size(); ++i) {
                    varied[i][group.variation] = std::move(one[i].front());
                }
            }
        }
        for (std::size_t i = 0; i < record_.observables.size(); ++i) {
            add_source(i, "data", data[i], 1.0);
            add_source(i, "mc", mc[i], 1.0);
            add_source(i, "members", members[i], static_cast<double>(members[i].size()));
            for (const auto& [name, contents] : varied[i]) add_variation(i, name, varied[i]);
        }
    }

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
        const auto& nominal = record_.observables[i].unfolded;
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
        UnfoldedObservable& to = record_.observables[i];
        const std::size_t bins = to.unfolded.size();
        to.covariances.push_back({source, replicas, as_rows(v, bins)});
        auto& sum = totals_[i];
        if (sum.empty()) sum.assign(v.size(), 0.0);
        for (std::size_t k = 0; k < v.size(); ++k) sum[k] += v[k];
    }

    void finish(std::size_t i) {
        UnfoldedObservable& to = record_.observables[i];
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
        if (total.empty() || unfolding_.replicas_data == 0) {
            to.bottom_line.reset();
            if (total.empty()) return;
        }
        to.total = as_rows(total, bins);
        if (!to.bottom_line) return;
        std::vector<double> difference = to.unfolded;
        for (std::size_t bin = 0; bin < bins; ++bin) difference[bin] -= to.prior[bin];
        to.bottom_line->truth = written(chi2_of(difference, total, unfolding_.replicas_data));
    }

    void warn() {
        const auto percent = [](double share) { return std::to_string(100.0 * share) + " %"; };
        auto& warnings = record_.warnings;
        if (record_.beyond_matched > 1e-3) {
            warnings.push_back(percent(record_.beyond_matched) +
                               " of the generated weight lies beyond all matched events: there "
                               "the weights are extrapolated by the nets");
        }
        if (record_.data_outside > 1e-3) {
            warnings.push_back(percent(record_.data_outside) +
                               " of the data have a feature outside the range of the simulation");
        }
        const UnfoldProgress& last = record_.progress.back();
        if (last.effective_events < 0.1 * record_.generated_effective) {
            warnings.push_back("the unfolded events are worth " +
                               std::to_string(last.effective_events) +
                               " events of equal weight, less than a tenth of the " +
                               std::to_string(record_.generated_effective) + " generated ones");
        }
        if (last.clipped_share > 1e-3) {
            warnings.push_back(percent(last.clipped_share) +
                               " of the weight has ratios that were clipped to exp(+-10)");
        }
        for (const UnfoldedObservable& to : record_.observables) {
            const double beyond = to.below + to.above;
            if (beyond <= 0.0) continue;
            warnings.push_back("the edges of '" + to.column + "' leave out " +
                               std::to_string(beyond) + " of " + std::to_string(record_.yield) +
                               " unfolded events (" + std::to_string(to.below) + " below, " +
                               std::to_string(to.above) + " above)");
        }
        if (unfolding_.replicas_data == 0) {
            warnings.push_back("without unfolding.replicas_data there is no statistical error");
        }
    }

    UnfoldedTable make_table() {
        UnfoldedTable table;
        table.columns = nominal_.info().columns.levels.names;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (!nominal_.has_truth(i)) continue;
            table.id.push_back(nominal_.mapped().id()[nominal_.rows()[i]]);
            table.weight_mc.push_back(weights_[i]);
            for (std::size_t column = 0; column < table.columns.size(); ++column) {
                table.truth.push_back(static_cast<float>(nominal_.truth(i, column)));
            }
        }
        table.texts = {{"campaign", campaign_.name},
                       {"misses", record_.misses},
                       {"fakes", record_.fakes},
                       {"iterations", std::to_string(record_.iterations)},
                       {"members", std::to_string(record_.members)},
                       {"ensemble", word_of(unfolding_.ensemble)},
                       {"unit", "that of the simulation's weights"},
                       {"made_from", text_of(record_.made_from)}};
        const std::shared_ptr<const UnfoldedSample> of = opened_.at(unfolding_.simulation);
        const auto add = [&](const std::string& path, const std::string& rule,
                             std::vector<double> weights, std::uint32_t iteration,
                             std::vector<const UnfoldedChain*> members) {
            table.weights.push_back(
                {path, rule,
                 [of, weights = std::move(weights), iteration, members = std::move(members)] {
                     const auto nu = of->mean_nu(members, iteration);
                     std::vector<double> values;
                     for (std::size_t i = 0; i < nu.size(); ++i) {
                         if (of->has_truth(i)) values.push_back(weights[i] * nu[i]);
                     }
                     return values;
                 }});
        };
        const std::string mean = "mean of nu over the members";
        const std::uint32_t last = unfolding_.iterations;
        for (const ChainGroup& group : groups_) {
            if (&sample_of(group) != of.get()) continue;  // weights of other events
            std::string name = group.variation.empty() ? "nominal" : group.variation;
            if (group.data_replica > 0) {
                name = "bootstrap_data_" + std::to_string(group.data_replica - 1);
            } else if (group.mc_replica > 0) {
                name = "bootstrap_mc_" + std::to_string(group.mc_replica - 1);
            }
            add("/weights/" + name, mean, weights_of(group), last, group.members);
            if (name != "nominal") continue;
            for (std::size_t k = 0; group.members.size() > 1 && k < group.members.size(); ++k) {
                add("/weights/ensemble_" + std::to_string(k), "one member", weights_, last,
                    {group.members[k]});
            }
            for (std::uint32_t n = 1; n <= last; ++n) {
                add("/iterations/" + std::to_string(n), mean, weights_, n, group.members);
            }
        }
        return table;
    }

    const Campaign& campaign_;
    const UnfoldingSection& unfolding_;
    const std::vector<SampleInfo>& samples_;
    std::map<std::string, std::shared_ptr<const UnfoldedSample>> opened_;
    std::vector<ChainGroup> groups_;
    const UnfoldedSample& nominal_;
    std::vector<double> weights_;  ///< of the rows of the nominal sample
    UnfoldRecord record_;
    std::map<std::size_t, Covariance> totals_;
};

}  // namespace

UnfoldedResults unfolded_results(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 std::span<const UnfoldedChain> chains) {
    RATIOFARM_EXPECT(campaign.unfolding.has_value());
    return Results(campaign, samples, chains).make();
}

void write_unfolded(const Campaign& campaign,
                    const std::vector<SampleInfo>& samples,
                    std::span<const UnfoldedChain> chains,
                    const RunDirectory& directory,
                    const Log& log) {
    const UnfoldedResults results = unfolded_results(campaign, samples, chains);
    write_unfolded_table(directory.unfolded(), results.table);
    publish_sealed(directory.unfold_json(), unfold_json(results.record));
    for (const std::string& warning : results.record.warnings) log.warning(warning, {});
    log.info("unfolded", {{"events", results.record.yield},
                          {"generated", results.record.generated},
                          {"iterations", std::uint64_t{results.record.iterations}}});
}

}  // namespace ratiofarm
