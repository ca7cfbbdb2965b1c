#include "gates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/list_quantities.hpp"

namespace ratiofarm {
namespace {

/// Error of the excess, of validation and training events.
double excess_noise(const TrainedNet& net) {
    const auto validation = static_cast<double>(net.validation_events);
    const auto training = static_cast<double>(std::max<std::uint64_t>(net.training_events, 1));
    return 3.0 * net.quality.excess_error * std::sqrt(1.0 + validation / training);
}

double slope_allowed(const NetQuality& quality, double limit) {
    return std::max({limit, 3.0 * quality.slope_error, limit / quality.logit_spread});
}

/// The feature farthest beyond what it may show.
GateCheck worst_closure(const NetQuality& quality, double limit) {
    GateCheck worst{"closure", 0.0, limit, true};
    for (std::size_t i = 0; i < quality.closure.size(); ++i) {
        const double allowed = std::hypot(limit, quality.closure_noise[i]);
        if (quality.closure[i] - allowed <= worst.value - worst.allowed) continue;
        worst.value = quality.closure[i];
        worst.allowed = allowed;
        worst.feature = i;
        if (std::isnan(worst.value)) break;
    }
    return worst;
}

/// A NaN does not pass.
GateCheck at_most(std::string gate, double value, double allowed) {
    return {std::move(gate), value, allowed, value <= allowed};
}

void add_measures(const NetQuality& quality,
                  const GatesSection& gates,
                  std::vector<GateCheck>& checks) {
    if (gates.sc_rms > 0.0) {
        checks.push_back(
            at_most("sc_rms", quality.sc_rms, std::hypot(gates.sc_rms, quality.sc_noise)));
    }
    if (gates.closure > 0.0) {
        checks.push_back(worst_closure(quality, gates.closure));
        checks.back().passed = checks.back().value <= checks.back().allowed;  // NaN does not
    }
    // A constant net has no slope; that is for the gate of its own.
    if (gates.slope > 0.0 && !std::isnan(quality.calibration_slope)) {
        checks.push_back(at_most("slope", std::abs(quality.calibration_slope - 1.0),
                                 slope_allowed(quality, gates.slope)));
    }
    if (gates.overtraining > 0.0) {
        checks.push_back(at_most("overtraining", quality.overtraining,
                                 std::max(gates.overtraining, quality.overtraining_noise)));
    }
}

/// What it means that a net does not pass.
std::string_view meaning_of(std::string_view gate) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> meanings{{
        {"excess", "the mean of its ratio over the reference is not 1"},
        {"sc_rms", "reference events weighted by it do not give the process in bins of its output"},
        {"closure", "reference events weighted by it do not give the process in this feature"},
        {"slope", "its ratios are too steep or too flat"},
        {"overtraining", "it sees more in its training events than in others"},
        {"saturated", "its ratios are extreme far more often than those of the other nets"},
        {"constant", "it has learned nothing: its output does not vary"},
        {"loss_outlier", "its loss is far above that of the other nets"},
    }};
    const auto found = std::ranges::find(meanings, gate, [](const auto& one) { return one.first; });
    return found == meanings.end() ? std::string_view() : found->second;
}

std::string check_text(const TriedNet& net,
                       const GateCheck& check,
                       std::span<const std::string> features) {
    if (check.gate == "failure") return net.result->failure;
    if (check.gate == "not_finite") {
        return fmt::format("{} logits are NaN or infinite", check.value);
    }
    std::string what = check.gate;
    const std::string of = check.feature ? closure_name(features, *check.feature) : "";
    if (!of.empty()) what += " in '" + of + "'";
    return fmt::format("{} = {:.4g}, at {} {:.4g} is allowed (gates.{}): {}", what, check.value,
                       check.gate == "constant" ? "least" : "most", check.allowed, check.gate,
                       meaning_of(check.gate));
}

/// \param beyond  the gates that a net does not pass: the first one decides, all are told
Exclusion exclusion(const TriedNet& net,
                    std::span<const GateCheck> beyond,
                    std::span<const std::string> features) {
    std::string text = net.name + ": ";
    for (const GateCheck& check : beyond) {
        text += (&check == beyond.data() ? "" : "; ") + check_text(net, check, features);
    }
    const GateCheck& first = beyond.front();
    std::vector<std::string> gates;
    for (const GateCheck& check : beyond) gates.emplace_back(check.gate);
    return {net.name, first.gate, first.value, first.allowed, std::move(text), std::move(gates)};
}

/// The lower one of two middle values. \param values not empty
double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Nets of one fold, and what is typical of them.
class Peers {
public:
    Peers(std::vector<const TrainedNet*> nets, const GatesSection& gates)
        : nets_(std::move(nets)), gates_(gates) {}

    /// Of the finite values of a gate; nothing if there are fewer than three.
    std::optional<double> median_of(const std::string& gate) {
        const auto [known, is_new] = medians_.try_emplace(gate);
        if (!is_new) return known->second;
        std::vector<double> values;
        for (const TrainedNet* net : nets_) {
            for (const GateCheck& check : gate_checks(*net, gates_)) {
                if (check.gate == gate && std::isfinite(check.value)) values.push_back(check.value);
            }
        }
        constexpr std::size_t enough = 3;
        if (values.size() >= enough) known->second = median(std::move(values));
        return known->second;
    }

private:
    std::vector<const TrainedNet*> nets_;
    const GatesSection& gates_;
    std::map<std::string, std::optional<double>> medians_;
};

/// Another seed helps against an outlier, not against what training and events make of every net:
/// of at least three nets, those within three times the median value of a gate are not excluded by
/// it. Saturation is the truth where a density is zero: by itself it says nothing.
bool is_typical(const GateCheck& check, Peers& peers) {
    constexpr double alike = 3.0;
    for (const char* alone : {"failure", "not_finite", "constant"}) {
        if (check.gate == alone) return false;
    }
    const std::optional<double> typical = peers.median_of(check.gate);
    return typical ? check.value <= alike * *typical : check.gate == "saturated";
}

/// By the gates that a net does not pass. \param peers  nets of its fold, itself among them
std::optional<Exclusion> failed_gates(const TriedNet& net,
                                      bool replica,
                                      Peers& peers,
                                      const GatesSection& gates,
                                      std::span<const std::string> features) {
    std::vector<GateCheck> beyond;
    for (const GateCheck& check : gate_checks(*net.result, gates)) {
        const bool always = check.gate == "failure" || check.gate == "not_finite";
        if (check.passed || (replica && !always) || is_typical(check, peers)) continue;
        beyond.push_back(check);
    }
    if (beyond.empty()) return std::nullopt;
    return exclusion(net, beyond, features);
}

/// Losses of the nets of a fold that a new one is compared with.
struct LossRange {
    double median = 0.0;
    double scatter = 0.0;
};

LossRange loss_range(const std::vector<const TrainedNet*>& nets) {
    std::vector<double> losses;
    double events = 1.0;
    for (const TrainedNet* net : nets) {
        losses.push_back(net->best_validation_loss);
        events = std::max(events, static_cast<double>(net->validation_events));
    }
    LossRange range{median(losses), 0.0};
    for (double& loss : losses) loss = std::abs(loss - range.median);
    const double gain = std::max(0.0, nets.front()->quality.constant_loss - range.median);
    range.scatter = std::max({1.4826 * median(losses), 0.05 * gain, 0.1 / std::sqrt(events)});
    return range;
}

/// One round of choose_nets().
class Round {
public:
    Round(std::span<const NetSlot> slots,
          std::vector<SlotChoice>& choices,
          std::span<const std::string> features,
          std::uint32_t wave,
          std::uint32_t index)
        : slots_(slots), choices_(choices), features_(features), wave_(wave), index_(index) {}

    /// Slots that this round is about.
    bool concerns(std::size_t slot) const {
        return slots_[slot].wave == wave_ && choices_[slot].index == index_ &&
               choices_[slot].state == SlotChoice::State::untrained;
    }

    /// False, and the choices say who waits, if nets of this round are not trained.
    bool can_be_judged() {
        bool missing = false;
        bool any = false;
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            if (!concerns(slot)) continue;
            any = true;
            missing = missing || slots_[slot].tried.size() <= index_;
        }
        if (!any || !missing) return any;
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            if (concerns(slot) && slots_[slot].tried.size() > index_) {
                choices_[slot].state = SlotChoice::State::waiting;
            }
        }
        return false;
    }

    void judge(const GatesSection& gates, std::uint32_t replacements) {
        std::vector<std::optional<Exclusion>> excluded(slots_.size());
        std::map<std::uint32_t, Peers> folds;
        for (auto& [fold, nets] : peers(excluded)) folds.try_emplace(fold, std::move(nets), gates);
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            if (!concerns(slot)) continue;
            excluded[slot] = failed_gates(slots_[slot].tried[index_], slots_[slot].replica,
                                          folds.at(slots_[slot].fold), gates, features_);
        }
        if (gates.loss_outlier > 0.0) compare_losses(gates.loss_outlier, excluded);
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            if (!concerns(slot)) continue;
            decide(choices_[slot], excluded[slot], all_show_it(slot, excluded) ? 0 : replacements);
        }
    }

private:
    /// The net of a slot that others are compared with, if there is one.
    const TriedNet* peer(std::size_t slot,
                         const std::vector<std::optional<Exclusion>>& excluded) const {
        const bool accepted = choices_[slot].state == SlotChoice::State::chosen;
        const bool new_one = concerns(slot) && !excluded[slot];
        if (!accepted && !new_one) return nullptr;
        return &slots_[slot].tried[choices_[slot].index];
    }

    /// The nets of each fold that others are compared with.
    std::map<std::uint32_t, std::vector<const TrainedNet*>> peers(
        const std::vector<std::optional<Exclusion>>& excluded) const {
        std::map<std::uint32_t, std::vector<const TrainedNet*>> folds;
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            const TriedNet* net = peer(slot, excluded);
            if (net != nullptr) folds[slots_[slot].fold].push_back(net->result.get());
        }
        return folds;
    }

    /// Whether a gate that excludes the first net of a slot excludes all first nets of its fold,
    /// two or more: that is how the events and the training are, and other seeds show it as well.
    bool all_show_it(std::size_t slot,
                     const std::vector<std::optional<Exclusion>>& excluded) const {
        if (index_ > 0 || slots_[slot].replica || !excluded[slot]) return false;
        if (excluded[slot]->gate == "failure") return false;  // it diverged
        return std::ranges::any_of(excluded[slot]->gates, [&](const std::string& gate) {
            std::size_t nets = 0;
            for (std::size_t other = 0; other < slots_.size(); ++other) {
                if (slots_[other].fold != slots_[slot].fold || slots_[other].wave != wave_)
                    continue;
                if (!excluded[other] || !excluded[other]->is_by(gate)) return false;
                nets += 1;
            }
            return nets > 1;
        });
    }

    void compare_losses(double most, std::vector<std::optional<Exclusion>>& excluded) const {
        const auto before = excluded;  // a net excluded here was compared with, too
        std::map<std::uint32_t, LossRange> ranges;
        for (const auto& [fold, nets] : peers(before)) ranges[fold] = loss_range(nets);
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
            if (slots_[slot].replica || !concerns(slot) || before[slot]) continue;
            const LossRange& range = ranges.at(slots_[slot].fold);
            const TriedNet& net = slots_[slot].tried[index_];
            const GateCheck check =
                at_most("loss_outlier",
                        (net.result->best_validation_loss - range.median) / range.scatter, most);
            if (!check.passed) excluded[slot] = exclusion(net, {&check, 1}, features_);
        }
    }

    static void decide(SlotChoice& choice,
                       const std::optional<Exclusion>& excluded,
                       std::uint32_t replacements) {
        if (!excluded) {
            choice.state = SlotChoice::State::chosen;
            return;
        }
        choice.exclusions.push_back(*excluded);
        if (choice.index >= replacements) {
            choice.state = SlotChoice::State::exhausted;
        } else {
            choice.index += 1;
        }
    }

    std::span<const NetSlot> slots_;
    std::vector<SlotChoice>& choices_;
    std::span<const std::string> features_;
    std::uint32_t wave_;
    std::uint32_t index_;
};

bool wave_is_complete(std::span<const NetSlot> slots,
                      const std::vector<SlotChoice>& choices,
                      std::uint32_t wave) {
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (slots[slot].wave != wave) continue;
        if (choices[slot].state != SlotChoice::State::chosen) return false;
    }
    return true;
}

}  // namespace

std::vector<GateCheck> gate_checks(const TrainedNet& net, const GatesSection& gates) {
    const NetQuality& quality = net.quality;
    if (!net.failure.empty()) return {{"failure", 1.0, 0.0, false}};
    std::vector<GateCheck> checks;
    checks.push_back(at_most("not_finite", static_cast<double>(quality.not_finite), 0.0));
    if (gates.constant > 0.0) {
        checks.push_back({"constant", quality.logit_spread, gates.constant,
                          quality.logit_spread >= gates.constant});
    }
    if (gates.saturated > 0.0) {
        const auto events = static_cast<double>(std::max<std::uint64_t>(net.validation_events, 1));
        checks.push_back(
            at_most("saturated", static_cast<double>(quality.saturated) / events, gates.saturated));
    }
    if (gates.excess > 0.0) {
        checks.push_back(
            at_most("excess", std::abs(quality.excess), std::max(gates.excess, excess_noise(net))));
    }
    add_measures(quality, gates, checks);
    return checks;
}

std::vector<SlotChoice> choose_nets(std::span<const NetSlot> slots,
                                    const GatesSection& gates,
                                    std::uint32_t replacements,
                                    std::span<const std::string> features) {
    std::vector<SlotChoice> choices(slots.size());
    std::uint32_t waves = 0;
    for (const NetSlot& slot : slots) waves = std::max(waves, slot.wave + 1);
    for (std::uint32_t wave = 0; wave < waves; ++wave) {
        for (std::uint32_t index = 0; index <= replacements; ++index) {
            Round round(slots, choices, features, wave, index);
            if (!round.can_be_judged()) break;
            round.judge(gates, replacements);
        }
        if (!wave_is_complete(slots, choices, wave)) break;
    }
    return choices;
}

bool complete(std::span<const SlotChoice> choices) {
    return std::all_of(choices.begin(), choices.end(), [](const SlotChoice& choice) {
        return choice.state == SlotChoice::State::chosen;
    });
}

double weight_of_spread(double log_ratio) { return std::exp(std::min(log_ratio, 0.0)); }

namespace {

using Logits = std::vector<const std::vector<float>*>;

/// Mean over events of the variance over members, / members.
double square_error_of_mean(const Logits& members) {
    const std::size_t events = members.front()->size();
    const auto count = static_cast<double>(members.size());
    double sum = 0.0;
    double weights = 0.0;
    for (std::size_t event = 0; event < events; ++event) {
        double mean = 0.0;
        for (const auto* logits : members) mean += double{(*logits)[event]} / count;
        double squares = 0.0;
        for (const auto* logits : members) {
            const double difference = double{(*logits)[event]} - mean;
            squares += difference * difference / (count - 1.0);
        }
        const double weight = weight_of_spread(mean);
        sum += weight * squares;
        weights += weight;
    }
    return weights > 0.0 ? sum / (weights * count) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double mean_spread(std::span<const NetSlot> slots, std::span<const SlotChoice> choices) {
    RATIOFARM_EXPECT(slots.size() == choices.size());
    std::map<std::uint32_t, Logits> folds;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].replica || choices[i].state != SlotChoice::State::chosen) continue;
        const auto& logits = slots[i].tried[choices[i].index].result->quality.reference_logits;
        folds[slots[i].fold].push_back(&logits);
    }
    if (folds.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0.0;
    for (const auto& [fold, members] : folds) {
        for (const auto* logits : members) {
            RATIOFARM_EXPECT(logits->size() == members.front()->size());
        }
        if (members.size() < 2 || members.front()->empty()) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        sum += square_error_of_mean(members);
    }
    return std::sqrt(sum / static_cast<double>(folds.size()));
}

}  // namespace ratiofarm
