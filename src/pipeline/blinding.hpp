#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "campaign/campaign.hpp"
#include "results/unblinding.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Who looked at the data of a blind campaign; none if there is no record. \throws DataError if it
/// is damaged, with what to do
std::vector<Unblinding> read_unblindings(const RunDirectory& directory);

/// Opens a blind campaign where it was unblinded on record: data.blind is false from then on. For
/// commands that only read a run directory.
/// \param written as a user wrote it, before the plain campaign is found
/// \throws DataError if the record is damaged
std::optional<Blinding> open_if_unblinded(Campaign& written, const RunDirectory& directory);

/// Like open_if_unblinded(), for commands that hold the lock; records --unblind first if given
/// (in place of a damaged record, if there is one), and a look at the data by blind = false in the
/// campaign, before or after blind = true. \param reason of --unblind \throws ConfigError if there
/// is nothing to unblind, no reason, or no blind fit of the same measurement that could have been
/// looked at
std::optional<Blinding> settle_blinding(const std::optional<std::string>& reason,
                                        Campaign& written,
                                        const RunDirectory& directory,
                                        const Log& log);

}  // namespace ratiofarm
