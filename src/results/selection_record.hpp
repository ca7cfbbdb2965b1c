#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "campaign/campaign.hpp"
#include "campaign/selection/selection_sums.hpp"

namespace ratiofarm {

/// Weights of the events of a sample in bins of the score, whatever region they are in.
struct ScoreHistogram {
    std::string sample;
    std::vector<double> weights;  ///< [score_bins]
    bool operator==(const ScoreHistogram&) const = default;
};

inline constexpr double score_limit = 15.0;  ///< scores beyond it are in the outermost bins
inline constexpr std::size_t score_bins = 300;

/// Bin of a score; one that is not a number is in the first.
std::size_t score_bin(double score);

/// What the selection of events found: selection.json.
struct SelectionRecord {
    std::string campaign;                ///< name
    Digest inputs;                       ///< of everything it was made from
    Digest rules;                        ///< only of its part of the campaign
    std::vector<SampleSums> sums;        ///< as empty_sums() names them
    std::vector<ScoreHistogram> scores;  ///< without a preselection none
    bool operator==(const SelectionRecord&) const = default;
};

/// The text of selection.json: the record and, for people, the names of the regions and
/// the share of every sample in each of them. \param campaign as written, that it was made for
std::string selection_json(const SelectionRecord& record, const Campaign& campaign);

/// \throws DataError if the text is not such a record, or of another version
SelectionRecord parse_selection_json(std::string_view text);

/// The record as a few lines: per region and process how many events, what share of the weights,
/// what yield; what was moved because the reference is thin, and what is nowhere.
std::string selection_text(const SelectionRecord& record, const Campaign& campaign);

}  // namespace ratiofarm
