#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/campaign.hpp"

#include "unfolded_chains.hpp"

namespace ratiofarm {

/// The events of a simulated sample that are published or compared with the data: those of the
/// inference part that pass a level. Events are counted from 0 among these.
class UnfoldedSample {
public:
    /// \throws DataError if there are none
    UnfoldedSample(const SampleInfo& info, const Split& split);

    const SampleInfo& info() const { return info_; }
    const MappedSample& mapped() const { return mapped_; }
    std::size_t size() const { return rows_.size(); }
    std::uint64_t id(std::size_t i) const { return mapped_.id()[rows_[i]]; }
    bool has_truth(std::size_t i) const { return mapped_.pass_truth()[rows_[i]] == 1; }
    bool has_reco(std::size_t i) const { return mapped_.pass_reco()[rows_[i]] == 1; }
    /// \param column by number, see truth_column(). \pre has_truth(i)
    double truth(std::size_t i, std::size_t column) const {
        return mapped_.truth()[rows_[i] * info_.columns.levels.names.size() + column];
    }
    /// \param column by number, see feature_column(). \pre has_reco(i)
    double feature(std::size_t i, std::size_t column) const {
        return mapped_.features()[rows_[i] * mapped_.columns() + column];
    }

    /// Scaled so that those with truth sum to what all events with truth do.
    /// \param column of further weights; empty: those of the sample. \param seed of counts; 0: none
    std::vector<double> weights(const std::string& column, std::uint64_t seed) const;

    /// Mean over members after an iteration. \throws DataError if a vector has another length
    std::vector<double> mean_nu(std::span<const UnfoldedChain* const> members,
                                std::uint32_t iteration) const;

private:
    const SampleInfo& info_;
    MappedSample mapped_;
    std::vector<std::uint64_t> rows_;
};

/// \pre the sample has it
std::size_t truth_column(const SampleInfo& sample, const std::string& name);
std::size_t feature_column(const SampleInfo& sample, const std::string& name);

std::vector<double> product(std::span<const double> a, std::span<const double> b);

/// The samples of an unfolding, opened as they are asked for, and what its chains weigh.
class UnfoldedSamples {
public:
    /// \param samples with mapped columns; both outlive this. \pre campaign.unfolding
    UnfoldedSamples(const Campaign& campaign, const std::vector<SampleInfo>& samples);

    const UnfoldingSection& section() const { return *campaign_.unfolding; }
    /// One that need not have levels.
    const SampleInfo& info(const std::string& name) const;
    const std::shared_ptr<const UnfoldedSample>& nominal() const { return nominal_; }
    std::shared_ptr<const UnfoldedSample> of(const ChainGroup& group);
    /// Of the events of of(group), without nu.
    std::vector<double> weights(const ChainGroup& group);

private:
    const UnfoldingSection::Variation* variation(const std::string& name) const;
    std::shared_ptr<const UnfoldedSample> open(const std::string& name);

    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    std::map<std::string, std::shared_ptr<const UnfoldedSample>> opened_;
    std::shared_ptr<const UnfoldedSample> nominal_;
};

}  // namespace ratiofarm
