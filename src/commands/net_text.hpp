#pragma once

#include <string>
#include <vector>

#include "campaign/ensemble_choice.hpp"
#include "pipeline/nets_record.hpp"

namespace ratiofarm {

/// For `explain`: the fate of each net of a training, and its numbers with their limits. Empty
/// if it is not trained.
std::string nets_text(const Digest& training,
                      const std::vector<EnsembleChoice>& choices,
                      const Campaign& campaign);

/// For `status`: one line per excluded net and per place that stays empty.
std::string exclusions_text(const std::vector<EnsembleRecord>& ensembles);

/// For `status`: the shapes that are not significant, and the number of all shapes.
std::string insignificant_shapes_text(const std::vector<TestedShape>& shapes);

}  // namespace ratiofarm
