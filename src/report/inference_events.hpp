#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

namespace ratiofarm {

/// The inference-split events of one sample k, as the diagnostics of one process j see them.
///
/// The samples are independent of each other, and the reference is made of them:
/// p_ref = sum_k pi_k p_k. The events of sample j are therefore on both sides of every
/// comparison of p_j with p_ref r_j. The diagnostics add up the *difference* of both sides event by
/// event and take its scatter over the events of each sample, which is right with and without
/// such an overlap.
struct SampleEvents {
    double fraction = 0.0;               ///< pi_k; 0 if the sample is no part of the reference
    std::span<const double> weight;      ///< [n], signed; only proportions matter, the sum is > 0
    std::span<const float> log_ratio;    ///< [n], log p_j/p_ref
    std::span<const float> feature;      ///< [n], the binned quantity; may be empty where none is
    std::span<const float> spread = {};  ///< [n], of ln p_j/p_ref over single nets; or empty
};

/// Whether the mean of r_j over the reference is taken as it comes or divided out first.
enum class RatioScale {
    as_given,
    normalised,  ///< r_j / E_ref[r_j]; the scatter of that mean is part of the errors
};

/// Fewer effective entries of the target than this make the estimated error of a bin unreliable.
inline constexpr double enough_entries = 50.0;

/// Sum of the weights of a sample.
/// \throws DataError if it is not positive
double total_weight(std::span<const double> weights);

/// E_ref[r_j] = sum_k pi_k sum_i u_ki r_j(x_ki), u = weight / total weight of the sample.
double reference_mean(std::span<const SampleEvents> samples);

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
                    std::vector<std::string> features);

    const std::vector<std::string>& features() const { return features_; }
    const std::vector<InferenceSample>& samples() const { return samples_; }

    /// Index of a sample. \pre it was loaded
    std::size_t index_of(const std::string& name) const;

    /// True if features were loaded for every sample.
    bool has_features() const;

    /// The events as seen by one process; no feature.
    std::vector<SampleEvents> of_process(std::size_t process) const;

    /// The events as seen by one process, with the values of a feature.
    std::vector<SampleEvents> of_process(std::size_t process, std::size_t feature) const;

private:
    std::vector<std::string> features_;
    std::vector<InferenceSample> samples_;
};

}  // namespace ratiofarm
