#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/partition.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// What the nets of an ensemble learn and how they are used.
enum class EnsembleRole : std::uint8_t {
    nominal,   ///< r_j = p_j / p_ref; its members are averaged
    replicas,  ///< r_j again, each net with bootstrap weights of its own; kept apart
    up,        ///< g_j = p_j(x | alpha = +1) / p_j(x); its members are averaged
    down,      ///< g_j at alpha = -1
    classes,   ///< probabilities of the classes of [preselection]; its members are averaged
};

/// Events of one sample as a part of a class.
struct SamplePart {
    std::string sample;
    std::string weight;     ///< column of /<sample>/weights; empty: the weights of the sample
    double fraction = 1.0;  ///< of the class, > 0; those of a class sum to 1
    bool operator==(const SamplePart&) const = default;
};

/// One class of a classifier.
struct ClassParts {
    std::string name;
    std::vector<SamplePart> parts;  ///< by sample
    bool operator==(const ClassParts&) const = default;
};

/// The nets of one density ratio, or of a classifier, before they are cut into tasks.
struct EnsembleSpec {
    std::string name;  ///< "S", "S/replicas", "S/scale/up"; names its file, too
    EnsembleRole role = EnsembleRole::nominal;
    std::string process;    ///< empty for a classifier
    std::string parameter;  ///< of a systematic, "alpha_scale"; empty for the others
    std::vector<SamplePart> numerator;
    std::vector<SamplePart> denominator;  ///< by sample: the order in the file does not matter
    std::uint32_t members = 1;            ///< nets, of each fold
    std::string warm_start;               ///< ensemble whose nets they begin as; empty: only seeds
    double rate_factor = 1.0;             ///< of training.learning_rate
    std::string base = {};  ///< that its nets are named after, if not after the ensemble: "S" of
                            ///< "S/replicas"
    std::vector<ClassParts> classes = {};  ///< of a classifier; it has no numerator, no denominator
    bool halves = false;  ///< its nets learn from halves of the training events, see half_of_net()
    bool operator==(const EnsembleSpec&) const = default;
};

/// A process in the names of ensembles, nets and files: its own name, but "%2F" for each slash.
/// So "a/member" names neither a folder nor what belongs to a process "a".
std::string file_word(std::string_view process);

/// All ensembles of a campaign: the nominal one of every process and, if there are any, its
/// replicas; then those of the shapes of the systematics, up before down.
/// \pre expect_trainable(campaign)
std::vector<EnsembleSpec> ensemble_specs(const Campaign& campaign);

/// Which half of the training events a net learns from, 1 or 2 in turn; 0: all of them. What the
/// two halves disagree on is noise.
std::uint32_t half_of_net(const EnsembleSpec& ensemble, std::uint32_t member);

/// Network, training and features of the nets of an ensemble.
struct NetSettings {
    std::vector<std::string> features;  ///< columns that they see
    Network network;
    TrainingOptions training;
    Combine combine = Combine::mean_log_ratio;
};

/// Those of [preselection] for a classifier, without the calibration and the written-out step that
/// [training] may ask for; of the campaign for others.
NetSettings net_settings(const Campaign& campaign, EnsembleRole role);

/// A per-event ratio g that is trained: a column of log_g_up and log_g_down.
struct TrainedShape {
    std::string process;
    std::string parameter;
    std::string up;  ///< names of its ensembles
    std::string down;
    bool operator==(const TrainedShape&) const = default;
};

/// In the order of the columns of a ratio file: by systematic, then as its section names processes.
std::vector<TrainedShape> trained_shapes(const Campaign& campaign);

/// "S/member 3", "S/fold 1/member 3", "S/replica 17", "S/scale/up/member 0": names the net's seeds.
/// \param folds 0: none
std::string net_name(const EnsembleSpec& ensemble,
                     std::uint32_t folds,
                     std::uint32_t fold,
                     std::uint32_t member);

/// "S/members 0..7", both ends included, of the nets of one task; a single net has its own name.
/// \param members not empty
std::string pack_name(const EnsembleSpec& ensemble,
                      std::uint32_t folds,
                      std::uint32_t fold,
                      Range members);

/// Nets of one task where training.pack is 0: one on a CPU, which has its cores to itself. On a GPU
/// the largest power of two up to 32 whose step takes at most 2^35 floating-point operations
/// (forward and backward pass of one batch in each net): enough to fill the device, a pure function
/// of network and batch, never of the device in use.
std::uint32_t automatic_pack(const Network& network,
                             std::uint32_t batch,
                             std::string_view device_class);

}  // namespace ratiofarm
