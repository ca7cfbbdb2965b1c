#pragma once

#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

#include "binning.hpp"
#include "sample_events.hpp"

namespace ratiofarm {

/// One sample of a ratio file in memory, columns apart.
struct InferenceSample {
    std::string name;
    double fraction = 0.0;                      ///< of the reference, over its components
    std::vector<double> weight;                 ///< [n]
    std::vector<std::vector<float>> log_ratio;  ///< [process][n], normalised
    std::vector<std::vector<float>> spread;     ///< [process][n]; empty if the file has none
    std::vector<std::vector<float>> feature;    ///< [feature][n]; empty if the events are missing
    std::vector<std::uint64_t> row;             ///< [n] in the events file; empty if unknown
    const SampleInfo* info = nullptr;           ///< of the events file; null if it is missing
};

/// The events of a ratio file as the diagnostics need them.
class InferenceEvents {
public:
    /// \param names    samples to load
    /// \param samples  of the events file; outlives this
    /// \param features columns to load if the events are available
    /// \throws DataError if the ratio file is damaged
    InferenceEvents(const RatioFile& ratios,
                    const std::vector<std::string>& names,
                    std::span<const SampleInfo> samples,
                    const std::vector<std::string>& features);

    const std::vector<InferenceSample>& samples() const { return samples_; }

    /// Index of a sample. \pre it was loaded
    std::size_t index_of(const std::string& name) const;

    /// True if features were loaded for every sample.
    bool has_features() const;

    /// The events as seen by one process; no feature.
    std::vector<SampleEvents> of_process(std::size_t process) const;

    /// The events as seen by one process, with the values of a feature.
    std::vector<SampleEvents> of_process(std::size_t process, std::size_t feature) const;

    /// Bins of a feature that resolve the reference.
    Binning feature_binning(std::size_t feature) const;

private:
    std::vector<InferenceSample> samples_;
};

}  // namespace ratiofarm
