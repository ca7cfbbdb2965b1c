#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "campaign.hpp"

/// What the products of a run say about the campaign they were made from. One description serves
/// the files, which keep it, digests and comparisons, and messages, which name what differs.
namespace ratiofarm {

/// Resolved keys with their values, in the order of the resolved file: "process.S.yield", "60.0".
using MadeFrom = std::vector<std::pair<std::string, std::string>>;

/// With file names in place of paths: the same for every copy of a campaign and its run directory.
Campaign without_folders(Campaign campaign);

/// What decides ratios.h5. Every key counts unless it is known that no net and no ratio depends on
/// it: the fit takes numbers that are declared, the statistical model and Asimov data from the
/// campaign. Of a file only the name counts: content is compared by digests.
/// \param plain the campaign that is trained
MadeFrom ratios_made_from(const Campaign& plain);

/// What decides fit.json beside the content of its ratio files. What only nets depend on reaches
/// the fit through these.
MadeFrom fit_made_from(const Campaign& plain);

/// What decides an unfolding.
MadeFrom unfold_made_from(const Campaign& campaign);

/// Of all that decides a result of any kind. Of a file only the name counts.
Digest campaign_digest(const Campaign& campaign);

/// What differs, by key: "process.S.yield: 60.0 -> 30.0", "training.pack: (absent) -> 2",
/// "ratios.SR: other ratios, of other nets or events".
std::vector<std::string> differences(const MadeFrom& made, const MadeFrom& now);

/// The same for two campaigns, with absolute paths. Keys that change no result are left out.
std::vector<std::string> campaign_diff(const Campaign& old_campaign, const Campaign& new_campaign);

/// The first of them in one text, each after `before`; further ones are counted.
std::string first_of(const std::vector<std::string>& lines, std::string_view before);

/// One line a key, "process.S.yield = 60.0", and back.
std::string text_of(const MadeFrom& made_from);
MadeFrom parse_made_from(std::string_view text);

}  // namespace ratiofarm
