#include "plain_campaign.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "campaign/file/section_readers.hpp"
#include "campaign/file/toml_writer.hpp"

#include "counted_effects.hpp"
#include "filled_regions.hpp"

namespace ratiofarm {
namespace {

/// Makes the plain campaign part by part, and collects what is wrong.
class PlainCampaignBuilder {
public:
    PlainCampaignBuilder(const Campaign& written, const std::vector<SampleSums>& sums)
        : written_(written), sums_(sums), regions_(selection_regions(written)) {
        result_.campaign = written;
        result_.campaign.preselection.reset();
        result_.campaign.simulate.reset();
        result_.campaign.reference.max_ratio = 0.0;
        for (UnbinnedRegionSection& region : result_.campaign.unbinned) region.where.clear();
    }

    void build() {
        for (std::size_t r = 0; r < regions_.size(); ++r) {
            switch (regions_[r].kind) {
                case SelectionRegion::Kind::trained: add_trained(r); break;
                case SelectionRegion::Kind::thin: add_thin(r); break;
                case SelectionRegion::Kind::binned: add_binned(r); break;
            }
        }
        tell_lost_data();
        if (trained_region(written_) == nullptr) leave_out_training();
    }

    PlainCampaign finish(const std::string& events_file) {
        if (!problems_.empty()) throw DataError(mistakes_text(problems_, "the selected events"));
        if (result_.campaign.has_events()) result_.campaign.events.file = events_file;
        const std::filesystem::path& folder = written_.folder;
        // As a campaign file that is read: shares of the reference follow the new yields.
        result_.campaign = in_context("the resolved campaign", [&] {
            return parse_campaign(campaign_toml(result_.campaign), folder, "selected.toml");
        });
        return std::move(result_);
    }

private:
    /// Yields of processes and of systematics inside the trained region.
    void add_trained(std::size_t r) {
        Campaign& campaign = result_.campaign;
        std::vector<std::vector<SystematicSection::Yield>> yields(campaign.systematics.size());
        for (std::size_t j = 0; j < written_.processes.size(); ++j) {
            const ProcessSection& process = written_.processes[j];
            const SampleSums& nominal = find_sums(sums_, process.events());
            const double share = share_in(nominal, r, "process '" + process.name + "'");
            if (!(share > 0.0)) continue;
            campaign.processes[j].yield = share * total_yield(process, sums_);
            for (const ProcessEffect& effect : counted_effects(written_, sums_, process)) {
                Anchors factors = effect.total;
                if (effect.shape != nullptr) {
                    const std::string who =
                        "systematic '" + written_.systematics[effect.owner].name + "'";
                    const auto [up, down] = varied_sums(sums_, process, effect);
                    factors.up *= share_in(up, r, who) / share;
                    factors.down *= share_in(down, r, who) / share;
                }
                yields[effect.owner].push_back({process.name, factors});
            }
        }
        for (std::size_t s = 0; s < yields.size(); ++s) {
            auto& said = campaign.systematics[s].yields;
            if (said || !yields[s].empty()) said = std::move(yields[s]);
        }
    }

    /// The efficiency of a sample, or 0 with a problem.
    double share_in(const SampleSums& sums, std::size_t r, const std::string& who) {
        const double share = sums.sum != 0.0 ? efficiency(written_, sums, r) : 0.0;
        if (share > 0.0) return share;
        const RegionSums& region = sums.regions[r];
        problems_.push_back(
            "region '" + regions_[r].name + "', " + who + ": " + std::to_string(region.events) +
            " of " + std::to_string(sums.events) + " events of sample '" + sums.sample + "'" +
            (sums.weights.empty() ? "" : " (weights '" + sums.weights + "')") +
            " are in it, a share of " + toml_text(share) +
            " of its weights (must be > 0; widen the region, or look at the observables it is "
            "cut on)");
        return 0.0;
    }

    void add_thin(std::size_t r) {
        BinnedRegionSection section;
        section.region.name = regions_[r].name;
        FilledRegion filled = fill_region(written_, sums_, r, section);
        tell_thin(r);
        if (!filled.section.region.samples.empty()) {
            add(std::move(filled), result_.campaign.binned.emplace_back());
            return;
        }
        const std::uint64_t lost = data_in(r);
        if (lost == 0) return;
        const std::string text = "region '" + regions_[r].name + "': " + std::to_string(lost) +
                                 " data events lie where the reference is too thin, but no "
                                 "simulated event for inference does";
        if (written_.data.outside == OutsideSupport::drop) {
            result_.warnings.push_back(text + "; they are left out");
        } else {
            problems_.push_back(text +
                                " (raise reference.max_ratio, or leave them out, counted, with "
                                "[data] outside = \"drop\")");
        }
    }

    void add_binned(std::size_t r) {
        const auto target = std::ranges::find(
            result_.campaign.binned, regions_[r].name,
            [](const BinnedRegionSection& section) { return section.region.name; });
        FilledRegion filled = fill_region(written_, sums_, r, *target);
        if (filled.section.region.samples.empty()) {
            problems_.push_back("region '" + regions_[r].name +
                                "' is empty: no event for inference of any process is in it "
                                "(widen it, or look at the observables it is cut on)");
            return;
        }
        add(std::move(filled), *target);
    }

    void add(FilledRegion filled, BinnedRegionSection& target) {
        Campaign& campaign = result_.campaign;
        const auto append = [](auto& to, auto& from) {
            to.insert(to.end(), from.begin(), from.end());
        };
        target = std::move(filled.section);
        append(campaign.parameters, filled.stat_parameters);
        append(campaign.labels.parameters, filled.labels);
        append(problems_, filled.problems);
        append(result_.warnings, filled.warnings);
    }

    std::uint64_t data_in(std::size_t r) const {
        const std::string sample = written_.data.fitted_sample();
        return sample.empty() ? 0 : find_sums(sums_, sample).regions[r].events;
    }

    void tell_thin(std::size_t r) {
        std::string text;
        for (const ProcessSection& process : written_.processes) {
            const RegionSums& region = find_sums(sums_, process.events()).regions[r];
            if (region.events == 0) continue;
            text += (text.empty() ? "" : ", ") + process.name + " " + std::to_string(region.events);
        }
        if (text.empty()) return;
        result_.warnings.push_back(
            "the reference is thin (max_ratio above " + toml_text(written_.reference.max_ratio) +
            ") for some events of region '" + trained_region(written_)->name +
            "', which are counted in region '" + regions_[r].name + "': " + text);
    }

    void tell_lost_data() {
        const std::string sample = written_.data.fitted_sample();
        if (sample.empty()) return;
        const SampleSums& data = find_sums(sums_, sample);
        const std::string of = " of " + std::to_string(data.events) + " data events are ";
        if (data.nowhere > data.outside) {
            result_.warnings.push_back(std::to_string(data.nowhere - data.outside) + of +
                                       "in no region");
        }
        if (data.outside > 0) {
            result_.warnings.push_back(std::to_string(data.outside) + of +
                                       "outside the support of the reference and left out");
        }
    }

    /// Nothing is trained: what only nets and unbinned regions need is left out.
    void leave_out_training() {
        Campaign& campaign = result_.campaign;
        campaign.events = {};
        campaign.search.reset();
        if (!campaign.unbinned.empty()) return;
        campaign.processes.clear();
        campaign.systematics.clear();
        campaign.reference = {};
        campaign.data.sample.clear();
        for (Injection& injection : campaign.data.injections) injection.sample.clear();
        for (Parameter& parameter : campaign.parameters) {
            if (parameter.fixed || depends_on(campaign, parameter.name)) continue;
            parameter.fixed = true;
            result_.warnings.push_back("nothing depends on parameter '" + parameter.name +
                                       "' in the binned regions: it is fixed");
        }
    }

    const Campaign& written_;
    const std::vector<SampleSums>& sums_;
    std::vector<SelectionRegion> regions_;
    PlainCampaign result_;
    std::vector<std::string> problems_;
};

}  // namespace

bool counts_inference_only(const Campaign& campaign) {
    return campaign.split.folds == 0 && RegionCuts(campaign).needs_scores();
}

double efficiency(const Campaign& campaign, const SampleSums& sums, std::size_t region) {
    const RegionSums& inside = sums.regions[region];
    return counts_inference_only(campaign) ? inside.inference_sum() / sums.inference_sum
                                           : inside.sum / sums.sum;
}

PlainCampaign plain_campaign(const Campaign& campaign,
                             const std::vector<SampleSums>& sums,
                             const std::string& events_file) {
    PlainCampaignBuilder builder(campaign, sums);
    builder.build();
    return builder.finish(events_file);
}

}  // namespace ratiofarm
