#include "unfolded_sample.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/mapped_file.hpp"

#include "campaign/find_sample.hpp"
#include "core/seeds.hpp"

namespace ratiofarm {
namespace {

std::size_t number_of(const std::vector<std::string>& names, const std::string& name) {
    const auto found = std::ranges::find(names, name);
    RATIOFARM_EXPECT(found != names.end());
    return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

UnfoldedSample::UnfoldedSample(const SampleInfo& info, const Split& split)
    : info_(info), mapped_(info) {
    for (std::uint64_t row = 0; row < mapped_.events(); ++row) {
        const bool passes = mapped_.pass_reco()[row] == 1 || mapped_.pass_truth()[row] == 1;
        const bool part = split_part(mapped_.id()[row], split) == SplitPart::inference;
        if (passes && part) rows_.push_back(row);
    }
    if (rows_.empty()) {
        throw DataError("sample '" + info.name +
                        "' has no event of the inference part to publish: raise split.inference");
    }
}

std::vector<double> UnfoldedSample::weights(const std::string& column, std::uint64_t seed) const {
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

std::vector<double> UnfoldedSample::mean_nu(std::span<const UnfoldedChain* const> members,
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

std::size_t truth_column(const SampleInfo& sample, const std::string& name) {
    return number_of(sample.columns.levels.names, name);
}

std::size_t feature_column(const SampleInfo& sample, const std::string& name) {
    return number_of(sample.column_names, name);
}

std::vector<double> product(std::span<const double> a, std::span<const double> b) {
    std::vector<double> both(a.begin(), a.end());
    for (std::size_t i = 0; i < both.size(); ++i) both[i] *= b[i];
    return both;
}

UnfoldedSamples::UnfoldedSamples(const Campaign& campaign, const std::vector<SampleInfo>& samples)
    : campaign_(campaign), samples_(samples), nominal_(open(campaign.unfolding->simulation)) {}

const SampleInfo& UnfoldedSamples::info(const std::string& name) const {
    return find_sample(samples_, name);
}

std::shared_ptr<const UnfoldedSample> UnfoldedSamples::open(const std::string& name) {
    auto& entry = opened_[name];
    if (!entry) entry = std::make_shared<UnfoldedSample>(info(name), campaign_.split);
    return entry;
}

const UnfoldingSection::Variation* UnfoldedSamples::variation(const std::string& name) const {
    const auto& all = section().variations;
    const auto found = std::ranges::find(all, name, &UnfoldingSection::Variation::name);
    return found == all.end() ? nullptr : &*found;
}

std::shared_ptr<const UnfoldedSample> UnfoldedSamples::of(const ChainGroup& group) {
    const auto* varied = variation(group.variation);
    return varied == nullptr || varied->simulation.empty() ? nominal_ : open(varied->simulation);
}

std::vector<double> UnfoldedSamples::weights(const ChainGroup& group) {
    const auto* varied = variation(group.variation);
    return of(group)->weights(varied == nullptr ? "" : varied->weight,
                              group.members.front()->mc_seed);
}

}  // namespace ratiofarm
