#include "unfolded_results.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "core/sealed_text.hpp"
#include "measurement/cancelled_weights.hpp"

#include "unfolded_errors.hpp"
#include "unfolded_spectra.hpp"
#include "unfolded_weights.hpp"

namespace ratiofarm {
namespace {

class Results {
public:
    Results(const Campaign& campaign,
            const std::vector<SampleInfo>& samples,
            std::span<const UnfoldedChain> chains)
        : campaign_(campaign),
          section_(*campaign.unfolding),
          samples_(campaign, samples),
          chains_(chains),
          groups_(group_chains(chains)),
          nominal_(*samples_.nominal()) {
        RATIOFARM_EXPECT(!groups_.empty() && groups_.front().variation.empty());
    }

    UnfoldedResults make() {
        describe();
        UnfoldedSpectra spectra = unfolded_spectra(samples_, groups_.front());
        record_.progress = std::move(spectra.progress);
        record_.yield = record_.progress.back().yield;
        record_.observables = std::move(spectra.observables);
        record_.ln_nu = std::move(spectra.ln_nu);
        add_unfolded_errors(samples_, groups_, record_.observables);
        add_steps();
        warn();
        UnfoldedTable table = unfolded_weights(campaign_, samples_, groups_, record_);
        return {std::move(record_), std::move(table)};
    }

private:
    void describe() {
        record_.campaign = campaign_.name;
        record_.misses = word_of(section_.misses);
        record_.fakes = word_of(section_.fakes);
        record_.iterations = section_.iterations;
        record_.members = section_.members;
        record_.replicas_data = section_.replicas_data;
        record_.replicas_mc = section_.replicas_mc;
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
        for (const std::string& name : section_.truth) {
            const std::size_t column = truth_column(nominal_.info(), name);
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
        const SampleInfo& info = samples_.info(section_.data);
        const MappedSample data(info);
        std::vector<char> outside(data.events(), 0);
        const MappedSample& simulated = nominal_.mapped();
        for (const std::string& name : campaign_.events.features) {
            const std::size_t there = feature_column(nominal_.info(), name);
            float low = std::numeric_limits<float>::infinity(), high = -low;
            for (std::uint64_t row = 0; row < simulated.events(); ++row) {
                if (simulated.pass_reco()[row] != 1) continue;
                const float x = simulated.features()[row * simulated.columns() + there];
                low = std::min(low, x);
                high = std::max(high, x);
            }
            const std::size_t here = feature_column(info, name);
            for (std::uint64_t row = 0; row < data.events(); ++row) {
                const float x = data.features()[row * data.columns() + here];
                if (x < low || x > high) outside[row] = 1;
            }
        }
        return static_cast<double>(std::ranges::count(outside, 1)) /
               static_cast<double>(data.events());
    }

    /// How the steps of all chains went.
    void add_steps() {
        for (const UnfoldedChain& chain : chains_) {
            for (std::size_t i = 0; i < chain.steps.size(); ++i) {
                const ChainStep& step = chain.steps[i];
                UnfoldProgress& at = record_.progress.at(i / 2);
                at.clipped_share = std::max(at.clipped_share, step.clipped_share);
                at.effective_share =
                    std::min(at.effective_share.value_or(1.0), step.effective_share);
                at.trained_again = at.trained_again.value_or(0) + (step.attempt > 0 ? 1 : 0);
            }
        }
    }

    /// A simulation that is not much larger than the data adds to what the result fluctuates by.
    void warn_of_simulation() {
        const MappedSample data(samples_.info(section_.data));
        const double worth = effective_events(data.weight());
        if (record_.generated_effective >= 10.0 * worth) return;
        record_.warnings.push_back(fmt::format(
            "errors and chi2 lack the statistics of the simulation, whose published part is worth "
            "{:.4g} events for {:.4g} of the data: unfolding.replicas_mc measures it",
            record_.generated_effective, worth));
    }

    /// The worst step of all chains, with a tenth of the effective events or less.
    void warn_of_steps() {
        constexpr double least = 0.1;
        const UnfoldedChain* worst = nullptr;
        std::size_t worst_step = 0, few = 0;
        double smallest = least;
        for (const UnfoldedChain& chain : chains_) {
            bool is_few = false;
            for (std::size_t i = 0; i < chain.steps.size(); ++i) {
                const double share = chain.steps[i].effective_share;
                is_few = is_few || share < least;
                if (share >= smallest) continue;
                smallest = share;
                worst = &chain;
                worst_step = i;
            }
            few += is_few ? 1 : 0;
        }
        if (worst == nullptr) return;
        record_.warnings.push_back(fmt::format(
            "in {} of {} chains a step leaves less than a tenth of the effective events; the least "
            "is {:.3g} of them, in step {} of iteration {} of {}: a few events carry the result "
            "(look at the data beyond the simulation, and at the nets)",
            few, chains_.size(), smallest, worst_step % 2 + 1, worst_step / 2 + 1,
            chain_name(*worst)));
    }

    void warn() {
        auto& warnings = record_.warnings;
        if (record_.beyond_matched > 1e-3) {
            warnings.push_back(
                fmt::format("{:.2g} % of the generated weight lies beyond all matched events: "
                            "there the weights "
                            "are extrapolated by the nets",
                            100.0 * record_.beyond_matched));
        }
        if (record_.data_outside > 1e-3) {
            warnings.push_back(fmt::format(
                "{:.2g} % of the data have a feature outside the range of the simulation",
                100.0 * record_.data_outside));
        }
        const UnfoldProgress& last = record_.progress.back();
        if (last.effective_events < 0.1 * record_.generated_effective) {
            warnings.push_back(fmt::format(
                "the unfolded events are worth {:.4g} events of equal weight, less than "
                "a tenth of the {:.4g} generated ones",
                last.effective_events, record_.generated_effective));
        }
        warn_of_steps();
        for (const UnfoldProgress& at : record_.progress) {
            if (at.clipped_share <= 1e-3) continue;
            warnings.push_back(fmt::format(
                "in iteration {} up to {:.2g} % of the weight of a chain has ratios that "
                "were clipped to exp(+-10)",
                at.iteration, 100.0 * at.clipped_share));
        }
        for (const UnfoldedObservable& to : record_.observables) {
            if (to.below + to.above <= 0.0) continue;
            warnings.push_back(
                fmt::format("the edges of '{}' leave out {:.4g} of {:.6g} unfolded events ({:.4g} "
                            "below, {:.4g} "
                            "above)",
                            to.column, to.below + to.above, record_.yield, to.below, to.above));
        }
        if (section_.ensemble == UnfoldingEnsemble::step && section_.members > 1) {
            warnings.push_back(
                "with unfolding.ensemble = \"step\" the error 'members' has the scatter of the "
                "last "
                "net only, about 0.4 of that of the result: repeat the unfolding with other values "
                "of campaign.seed to see that");
        }
        if (section_.replicas_data == 0) {
            warnings.push_back("without unfolding.replicas_data there is no statistical error");
        } else if (section_.replicas_mc == 0) {
            warn_of_simulation();
        }
    }

    const Campaign& campaign_;
    const UnfoldingSection& section_;
    UnfoldedSamples samples_;
    std::span<const UnfoldedChain> chains_;
    std::vector<ChainGroup> groups_;
    const UnfoldedSample& nominal_;
    std::vector<double> weights_;  ///< of the events of the nominal sample
    UnfoldRecord record_;
};

}  // namespace

UnfoldedResults unfolded_results(const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples,
                                 std::span<const UnfoldedChain> chains) {
    RATIOFARM_EXPECT(campaign.unfolding.has_value());
    UnfoldedResults results = Results(campaign, samples, chains).make();
    for (const SampleInfo& sample : samples) {
        results.record.samples.emplace_back(sample.name, sample.digest.hex());
    }
    return results;
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
