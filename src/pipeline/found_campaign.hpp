#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "results/selection_record.hpp"
#include "store/run_directory.hpp"

/// From the campaign that a user wrote to the plain one that is trained and fitted: its regions are
/// filled with events by the select stage. What was selected lies in selection.json (counts) and
/// selected.h5 (events); the plain campaign is made from them whenever it is needed, so that a
/// changed yield or network asks for no other selection. selected.toml is a copy of it for people.
namespace ratiofarm {

/// What has to be made before the plain campaign exists.
enum class Unresolved : std::uint8_t {
    nothing,
    selection,  ///< 'ratiofarm select'
    search,     ///< 'ratiofarm search'
};

/// A campaign as far as the files of its run directory go.
struct FoundCampaign {
    Unresolved missing = Unresolved::nothing;
    Campaign campaign;  ///< plain; while something is missing the one that was written
    std::vector<std::string> warnings;
};

/// The events that a written campaign is selected from.
struct SourceEvents {
    std::vector<SampleInfo> samples;  ///< of samples_to_read(), with digests of the features that
                                      ///< nets see: those of the preselection, if there is one
    Digest observables;  ///< of all columns that cuts and bins look at; zero without a selection
};

/// The events file of a campaign as trainers map it: a copy in the folder, made once, if bytes of
/// the file itself cannot be mapped. Not collective.
std::filesystem::path mapped_events(const Campaign& written,
                                    const std::filesystem::path& folder,
                                    const Log& log);

/// Reads and checks the samples of a campaign. Not collective.
/// \param file the events, or a copy of them
/// \throws DataError with every problem of the events file
SourceEvents read_source_events(const Campaign& written, const std::filesystem::path& file);

/// Digest of what a selection does to any events: regions, score, split, samples.
Digest selection_rules(const Campaign& written);

/// Digest of everything that a selection is made from. \pre needs_selection(written)
Digest selection_inputs(const Campaign& written,
                        const SourceEvents& source,
                        std::string_view device_class);

/// selection.json, if it exists. \throws DataError if it is damaged or of another version
std::optional<SelectionRecord> find_selection(const RunDirectory& directory);

/// \param inputs selection_inputs(), or nothing if the events are not available: then the rules
/// decide \throws DataError of find_selection() and plain_campaign()
FoundCampaign find_plain_campaign(const Campaign& written,
                                  const RunDirectory& directory,
                                  const std::optional<Digest>& inputs);

/// The copy of the campaign in a run directory, blind if it was written so. \throws DataError if it
/// is damaged, with what to do
Campaign copied_campaign(const RunDirectory& directory);

/// The campaign of a run directory as it was written, for commands that take no lock; no more blind
/// than the run directory is. \throws DataError if the copy of the campaign there is damaged, or
/// the record of unblindings
Campaign written_campaign(const RunDirectory& directory);

/// The campaign of a run directory as far as it goes, for commands that take no lock and look at no
/// events. What is damaged, or a selection that no campaign follows from, counts as missing; the
/// warnings say why.
FoundCampaign find_campaign_of_run(const RunDirectory& directory);

/// \throws DataError "run 'ratiofarm select' first" if something is missing
void expect_plain(Unresolved missing, const RunDirectory& directory);

}  // namespace ratiofarm
