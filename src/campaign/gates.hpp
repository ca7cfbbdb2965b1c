#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/protocol/net_quality.hpp"
#include "ratiofarm/protocol/trained_net.hpp"

/// Which trained nets an ensemble is made of. A net that a gate excludes is replaced by one with
/// the next seed; everything here is a pure function of the trained nets, so that the choice is the
/// same after any interruption and whoever makes it (training, gathering, status, report).
namespace ratiofarm {

/// Limits for a single net on its validation events; 0 turns a gate off. Each limit is widened by
/// what chance can reach. Nets that diverged or give logits that are not finite are excluded
/// whatever the limits are. Keys of the campaign's [gates].
struct GatesSection {
    double excess = 0.1;        ///< |E_ref[r] - 1|
    double sc_rms = 0.1;        ///< deviation of the reweighted denominator in bins of the logit
    double closure = 0.1;       ///< deviation in bins of any feature
    double slope = 0.2;         ///< |calibration slope - 1|
    double overtraining = 0.1;  ///< distance between training and validation events
    double saturated = 0.01;    ///< share of the validation events with |logit| > 15, where other
                                ///< nets have less
    double constant = 1e-6;     ///< least standard deviation of the logit
    double loss_outlier = 8.0;  ///< validation loss above the median of the ensemble, in units of
                                ///< its members' scatter
    bool operator==(const GatesSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GatesSection>& value) {
    constexpr Key limit{.number = {.low = 0.0, .high = 1e6, .hint = "; 0 turns the gate off"}};
    constexpr Key share{.number = {.low = 0.0, .high = 1.0, .hint = "; 0 turns the gate off"}};
    visit("excess", value.excess, limit);
    visit("sc_rms", value.sc_rms, limit);
    visit("closure", value.closure, limit);
    visit("slope", value.slope, limit);
    visit("overtraining", value.overtraining, share);
    visit("saturated", value.saturated, share);
    visit("constant", value.constant, limit);
    visit("loss_outlier", value.loss_outlier, limit);
}

/// One number of a net, with its limit.
struct GateCheck {
    std::string gate;  ///< key of [gates], or "failure", "not_finite"
    double value = 0.0;
    double allowed = 0.0;  ///< the limit, or what chance reaches; the least value for `constant`
    bool passed = true;
    std::optional<std::size_t> feature = {};  ///< number of that which `closure` is about
};

/// The gates that look at a single net, in the order in which they are applied; those that are off
/// are left out. What chance reaches:
///
/// - excess: its error also counts the training events, 3 e sqrt(1 + validation / training events);
/// - sc_rms, closure: limit and noise added in quadrature; closure is the feature farthest beyond;
/// - slope: 3 errors, and slopes that move the logit by less than the limit do not matter:
///   |slope - 1| <= max(limit, 3 errors, limit / spread of the logit), so that nets that learned
///   that there is nothing to learn pass;
/// - overtraining: the distance that chance exceeds once in 1000.
std::vector<GateCheck> gate_checks(const TrainedNet& net, const GatesSection& gates);

/// Where a trained net lies.
struct NetPlace {
    Digest task;            ///< whose result file holds it
    std::uint32_t net = 0;  ///< within it
    bool operator==(const NetPlace&) const = default;
};

/// A net that was trained for a slot of an ensemble: the planned one or a replacement.
struct TriedNet {
    std::string name;  ///< "S/member 3", "S/member 3 replacement 1"
    NetPlace place;
    /// Weights and curves are not looked at and may be empty.
    std::shared_ptr<const TrainedNet> result;
};

/// One place of an ensemble: a member or a replica, of a fold.
struct NetSlot {
    std::string name;  ///< "S/member 3"
    std::uint32_t fold = 0;
    std::uint32_t wave = 0;       ///< 0: planned; 1, 2, ...: members that were added later
    bool replica = false;         ///< judged only by whether it trained and is finite
    std::vector<TriedNet> tried;  ///< in order: planned, replacement 1, ...; those trained so far
};

/// Why a net is not in its ensemble.
struct Exclusion {
    std::string net;  ///< name of the net
    std::string
        gate;  ///< "failure", "not_finite", "excess", ...: the key of [gates], if it has one
    double value = 0.0;
    double allowed = 0.0;
    std::string text;                     ///< for people: value, limit and what it means
    std::vector<std::string> gates = {};  ///< all that it does not pass
    bool operator==(const Exclusion&) const = default;

    bool is_by(std::string_view name) const {
        return std::ranges::find(gates, name) != gates.end();
    }
};

/// The net of one slot, or what it waits for.
struct SlotChoice {
    enum class State : std::uint8_t {
        chosen,     ///< tried[index] is the slot's net
        untrained,  ///< tried[index] has to be trained first; index = tried.size()
        waiting,    ///< for other nets of the ensemble: nothing can be said about tried[index] yet
        exhausted,  ///< every net that may be tried is excluded
    };
    State state = State::untrained;
    std::uint32_t index = 0;            ///< number of replacements before it
    std::vector<Exclusion> exclusions;  ///< of tried[0], tried[1], ...
    bool operator==(const SlotChoice&) const = default;
};

/// Applies the gates to an ensemble round by round: first to all planned nets; when all of them are
/// trained, to the replacements of those that were excluded, together; and so on for each further
/// wave. A net is compared with the nets of its fold that were accepted before or came with it, so
/// a later net never changes a decision. With three nets or more, excess, sc_rms, closure, slope,
/// overtraining and saturated exclude no net within three times their median: another seed would
/// not help. With fewer, saturated excludes none: where a density is really zero, |ln r| is large.
///
/// The gate of the loss is (loss - median) / scatter <= gates.loss_outlier. The scatter is 1.4826
/// times the median absolute deviation, but at least a twentieth of the gain of the median net over
/// a constant net (whose loss is ln 2, or the logarithm of the number of classes of a classifier)
/// and at least 0.1 / sqrt(validation events). The median of two middle values is the lower one.
///
/// \param replacements  most of them for one slot
/// \param features      names of the inputs, for the texts of exclusions
/// \return one choice per slot, in their order
std::vector<SlotChoice> choose_nets(std::span<const NetSlot> slots,
                                    const GatesSection& gates,
                                    std::uint32_t replacements,
                                    std::span<const std::string> features = {});

/// True if every slot has its net.
bool complete(std::span<const SlotChoice> choices);

/// min(r, 1): how much an event of the reference counts in a spread of ln r. Where a process has
/// next to no events, beside a narrow peak, ln r is far below 0, nets agree on nothing but that,
/// and nothing depends on it.
double weight_of_spread(double log_ratio);

/// How well the mean over the chosen members is known, without replicas: rms over reference events,
/// by weight_of_spread(), and folds of (standard deviation of the logit over the members of a fold)
/// / sqrt(members). NaN if a fold has fewer than two.
double mean_spread(std::span<const NetSlot> slots, std::span<const SlotChoice> choices);

}  // namespace ratiofarm
