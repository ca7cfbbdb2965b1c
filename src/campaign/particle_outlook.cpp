// Particle lists of samples: can nets read them, and do they see what is in them?
#include <algorithm>

#include <fmt/format.h>

#include "protocol/particle_row.hpp"

#include "training_outlook.hpp"

namespace ratiofarm {
namespace {

class ParticleOutlook {
public:
    ParticleOutlook(const Campaign& campaign, const std::vector<SampleInfo>& samples)
        : campaign_(campaign), samples_(samples) {}

    void look() {
        const Network& network = campaign_.network;
        const bool selects = campaign_.preselection && reads_lists(campaign_.preselection->network);
        for (const SampleInfo& sample : samples_) {
            if (reads_lists(network)) look_at(network, sample);
            if (selects) look_at(campaign_.preselection->network, sample);
        }
        look_at_units();
        if ((network.kind == NetworkKind::lorentz || network.kind == NetworkKind::pelican) &&
            !network.beams) {
            warn(
                fmt::format("network.kind = \"{}\" without beams cannot see directions, pT or "
                            "pseudorapidity, which cuts and detectors do see: network.beams = "
                            "true shows them to it",
                            word_of(network.kind)));
        }
    }

    TrainingOutlook found() { return std::move(found_); }

private:
    /// A mistake of two networks is one.
    void add_mistake(const std::string& text) {
        if (std::ranges::find(found_.mistakes, text) == found_.mistakes.end()) {
            found_.mistakes.push_back(text);
        }
    }
    void warn(std::string text) { found_.warnings.push_back(std::move(text)); }

    void look_at(const Network& network, const SampleInfo& sample) {
        const ParticleFacts& facts = sample.facts.particles;
        if (facts.particles == 0) return;  // nobody looked
        const std::string problem =
            particle_problem(network, sample.columns.particles.names, !facts.types.empty());
        if (!problem.empty()) add_mistake(fmt::format("sample '{}': {}", sample.name, problem));
        const auto events = static_cast<double>(sample.columns.events);
        std::uint64_t cut = 0;
        for (std::size_t n = network.max_particles + 1; n < facts.events.size(); ++n) {
            if (network.gram == 0) cut += facts.events[n];
        }
        std::uint64_t fewer = 0;
        for (std::size_t n = 0; n < std::min<std::size_t>(network.gram, facts.events.size()); ++n) {
            fewer += facts.events[n];
        }
        constexpr double some = 0.01;
        if (static_cast<double>(cut) > some * events) {
            warn(fmt::format(
                "sample '{}': {} of its {} events ({:.3g} %) have more than network.max_particles "
                "= {} particles, of which only those with the highest pT are seen; at most {} are "
                "in an event",
                sample.name, cut, sample.columns.events, 100.0 * static_cast<double>(cut) / events,
                network.max_particles, facts.most));
        }
        if (static_cast<double>(fewer) > some * events) {
            warn(fmt::format(
                "sample '{}': {} of its {} events ({:.3g} %) have fewer than network.gram = {} "
                "particles: products with those that are missing are 0",
                sample.name, fewer, sample.columns.events,
                100.0 * static_cast<double>(fewer) / events, network.gram));
        }
        constexpr double hardly_any = 0.001;
        if (campaign_.events.features.empty() &&
            static_cast<double>(facts.empty_events) > hardly_any * events) {
            add_mistake(fmt::format(
                "sample '{}': {} of its {} events have no particle, and events.features is empty: "
                "nothing tells them apart; leave such events out, or name a feature",
                sample.name, facts.empty_events, sample.columns.events));
        } else if (network.gram == 0 && static_cast<double>(facts.empty_events) > some * events) {
            warn(
                fmt::format("sample '{}': {} of its {} events have no particle: nets know of them "
                            "their features, and that there is none",
                            sample.name, facts.empty_events, sample.columns.events));
        }
        if (facts.below_shell > 0) {
            warn(fmt::format("sample '{}': {} of its {} particles have E < |p| beyond rounding",
                             sample.name, facts.below_shell, facts.particles));
        }
        warn_about_types(network, sample);
    }

    void warn_about_types(const Network& network, const SampleInfo& sample) {
        std::vector<std::uint64_t> listed;
        for (const std::string& column : network.particles) {
            if (column == other_type) return;
            if (const auto type = type_of_column(column)) listed.push_back(*type);
        }
        if (listed.empty()) return;
        std::vector<std::uint64_t> others;
        for (const std::uint64_t type : sample.facts.particles.types) {
            if (std::ranges::find(listed, type) == listed.end()) others.push_back(type);
        }
        if (others.empty()) return;
        warn(
            fmt::format("sample '{}': its particles have types without a column of their own "
                        "({}): list them in network.particles as type_{}, or all as type_other",
                        sample.name, fmt::join(others, ", "), others.front()));
    }

    /// A unit that differs between samples is what a net learns first.
    void look_at_units() {
        const SampleInfo* low = nullptr;
        const SampleInfo* high = nullptr;
        const auto energy = [](const SampleInfo* sample) {
            return sample->facts.particles.median_energy;
        };
        for (const SampleInfo& sample : samples_) {
            if (!(energy(&sample) > 0.0)) continue;
            if (low == nullptr || energy(&sample) < energy(low)) low = &sample;
            if (high == nullptr || energy(&sample) > energy(high)) high = &sample;
        }
        constexpr double far_apart = 100.0;
        if (low == nullptr || energy(high) < far_apart * energy(low)) return;
        warn(
            fmt::format("half of the particles of sample '{}' have an energy above {:.3g}, of "
                        "sample '{}' above {:.3g}: are they in the same unit?",
                        low->name, energy(low), high->name, energy(high)));
    }

    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    TrainingOutlook found_;
};

}  // namespace

TrainingOutlook particle_outlook(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    ParticleOutlook outlook(campaign, samples);
    outlook.look();
    return outlook.found();
}

}  // namespace ratiofarm
