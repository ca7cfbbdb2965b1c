#pragma once

#include <string>
#include <vector>

#include "campaign/ensemble_choice.hpp"
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

}  // namespace ratiofarm
