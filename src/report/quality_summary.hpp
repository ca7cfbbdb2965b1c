#pragma once

#include <vector>

#include "collect_report_inputs.hpp"

namespace ratiofarm {

/// The nets of every ensemble with their gates: of files, or of what is trained so far.
/// \throws DataError if a file is damaged
std::vector<EnsembleQuality> collect_quality(const ReportSources& sources);

/// Losses of an ensemble that is not gathered, by net, those that were excluded among them.
EnsembleSummary summarise_training(const EnsembleChoice& choice, Combine combine);

/// "mean log ratio"
const char* word_for(Combine combine);

}  // namespace ratiofarm
