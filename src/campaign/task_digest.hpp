#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "protocol/trainer_protocol.hpp"

#include "campaign.hpp"
#include "task_graph.hpp"

namespace ratiofarm {

/// Digest of everything that determines the weights of a training: its classes by content (of the
/// features in use, in their order; not where they are stored), split, fold, network, options
/// except the time between checkpoints, its nets with their seeds and the nets they begin as,
/// training_algorithm, device class. Not names, paths or places of bytes.
Digest train_digest(const TrainRequest& request,
                    const EnsembleSpec& ensemble,
                    const GraphInputs& inputs);

/// The bytes that the digests of all trainings of an ensemble and fold begin with.
/// \param request  its nets do not count
std::vector<std::byte> train_digest_prefix(const TrainRequest& request,
                                           const EnsembleSpec& ensemble,
                                           const GraphInputs& inputs);

/// train_digest() of a request with these nets, whose prefix is known.
Digest train_digest(std::span<const std::byte> prefix,
                    const TrainRequest& request,
                    const std::vector<NetRequest>& nets,
                    std::string_view device_class);

/// Digest of a finished ensemble: of its trainings, and of the rules by which some nets are left
/// out, replaced or added.
Digest ensemble_digest(const PlannedEnsemble& ensemble, const Campaign& campaign);

/// Digest of an evaluation: of everything that determines its result.
Digest infer_digest(const InferRequest& request,
                    const Digest& ensemble,
                    const SampleInfo& sample,
                    std::string_view device_class);

/// Digest of a step of an unfolding: of the events it reads, what is done with them, the nets of
/// all attempts and the tasks whose results it begins with.
/// \param samples  digests of the events it reads, with their weights
Digest unfold_digest(const UnfoldRequest& request,
                     std::span<const Digest> samples,
                     std::string_view device_class);

/// A number as its bits.
Hasher& add_number(Hasher& hasher, double value);

/// Digest of everything in a campaign file that decides what is measured and how: model, nets,
/// regions and which data. Who has seen the data of one measurement has not seen those of another.
/// Not in it are what is asked besides the measurement ([data].asimov and injections, the points of
/// the scan), how fast it is done and how things are drawn; of files only names count.
Digest measurement_digest(const Campaign& campaign);

/// The same with the path of the events file, as records of unblindings have it that say nothing of
/// the data themselves.
Digest measurement_digest_by_path(const Campaign& campaign);

}  // namespace ratiofarm
