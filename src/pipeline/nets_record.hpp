#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/ensemble_choice.hpp"
#include "store/journal.hpp"
#include "store/run_directory.hpp"

#include "tested_shapes.hpp"

namespace ratiofarm {

/// What nets.json says about an ensemble.
struct EnsembleRecord {
    std::string name;
    bool complete = false;
    std::uint64_t nets = 0;      ///< slots that have their net
    std::uint64_t replaced = 0;  ///< those of them whose net is a replacement
    double spread = 0.0;         ///< of the mean over the members; NaN if unknown
    std::vector<Exclusion> excluded;
    std::vector<std::string> failures;  ///< slots that stay empty for good
};

/// Publishes nets.json if it says something new: for people and for `status`, which may not read
/// all results. No stage reads it.
void record_nets(const RunDirectory& directory,
                 const std::vector<EnsembleChoice>& choices,
                 const std::vector<TestedShape>& shapes);

/// Nothing if the file does not exist. \throws DataError if it cannot be read
std::vector<EnsembleRecord> read_nets_record(const RunDirectory& directory);

/// The trained shapes of the same file. \throws DataError if it cannot be read
std::vector<TestedShape> read_shapes_record(const RunDirectory& directory);

/// How many nets of a campaign the journal knows; reads neither events nor results.
struct TrainedNets {
    std::uint64_t planned = 0;  ///< nets of the campaign
    std::uint64_t trained = 0;  ///< of them
    double seconds = 0.0;  ///< that all trainings took, replacements and unfinished ones among them
};

/// Goes by the identities of the tasks; lines of older versions, which have none, do not count
/// until identify() was told of their tasks. A campaign that trains nothing has no nets.
/// \param digests  of the campaign's tasks by name, as far as they are known: a net of another one
/// is
///                 of another campaign
TrainedNets count_trained_nets(const Campaign& campaign,
                               const JournalState& journal,
                               const std::map<std::string, Digest>& digests);

}  // namespace ratiofarm
