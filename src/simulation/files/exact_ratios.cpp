#include "exact_ratios.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"

namespace ratiofarm {
namespace {

SimulatedSample sample_named(const std::string& name) {
    const auto found =
        std::find_if(simulated_samples.begin(), simulated_samples.end(),
                     [&](SimulatedSample sample) { return simulated_sample_name(sample) == name; });
    RATIOFARM_EXPECT(found != simulated_samples.end());  // the campaign is validated
    return *found;
}

/// One column of log g: what a systematic does to a process.
struct ShapePlan {
    std::size_t variation = 0;
    SimulatedSample sample = SimulatedSample::signal;
};

class ExactRatios {
public:
    ExactRatios(const Campaign& campaign, const VariedDensities& model)
        : campaign_(campaign), model_(model) {
        plan_processes();
        plan_systematics();
    }

    RatioSetsInput input() const {
        RatioSetsInput input;
        input.header = header_;
        for (const SimulatedSample sample : simulated_samples) {
            input.sets.push_back(
                {std::string(simulated_sample_name(sample)), campaign_.simulate->events});
        }
        input.rows = [this](std::size_t set, Range rows) {
            return rows_of(simulated_samples[set], rows);
        };
        return input;
    }

private:
    void plan_processes() {
        for (const ProcessSection& process : campaign_.processes) {
            if (!process.weight.empty()) {
                throw ConfigError("process '" + process.name + "': weight = \"" + process.weight +
                                  "\": exact ratios are those of the sample's own weights; leave "
                                  "'weight' away");
            }
            const SimulatedSample sample = sample_named(process.sample);
            processes_.push_back(sample);
            const double yield = process.yield.value_or(model_.nominal().yield(sample));
            header_.processes.push_back({process.name, yield, {}});
            const double share = 1.0 / static_cast<double>(campaign_.processes.size());
            if (campaign_.reference.mixture.empty()) {
                header_.reference.push_back({process.name, process.sample, share});
            }
        }
        for (const auto& [process, share] : campaign_.reference.mixture) {
            header_.reference.push_back({process, campaign_.process(process).sample, share});
        }
        header_.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
        header_.shape_norm = ShapeNorm::none;
        header_.inputs = Hasher().text(campaign_toml(campaign_)).finish();
    }

    void plan_systematics() {
        for (std::size_t v = 0; v < model_.variations().size(); ++v) {
            const ModelVariation& variation = model_.variations()[v];
            const std::string parameter = simulated_parameter(campaign_, variation.name);
            for (std::size_t j = 0; j < processes_.size(); ++j) {
                const std::string& process = header_.processes[j].name;
                if (changes_shape(variation, processes_[j])) {
                    header_.shapes.push_back({process, parameter});
                    shapes_.push_back({v, processes_[j]});
                }
                if (changes_yield(variation, processes_[j])) {
                    header_.yields.push_back(
                        {process, parameter, model_.yield_factors(v, processes_[j])});
                }
            }
        }
    }

    double log_reference(const std::array<double, 3>& log_p) const {
        double sum = 0.0;
        for (const ReferenceComponent& component : header_.reference) {
            const auto sample = static_cast<std::size_t>(sample_named(component.sample));
            sum += component.fraction * std::exp(log_p[sample]);
        }
        return std::log(sum);
    }

    RatioSetRows rows_of(SimulatedSample sample, Range range) const {
        const SimulateSection& settings = *campaign_.simulate;
        const std::size_t d = model_.nominal().dimension();
        SimulatedEvents events =
            simulate(model_.nominal(), sample, range, settings.events, settings.seed);
        RatioSetRows rows;
        rows.id = std::move(events.id);
        rows.weight = std::move(events.weight);
        rows.log_g_up.resize(shapes_.size() * range.size());
        rows.log_g_down.resize(shapes_.size() * range.size());
        for (std::uint64_t i = 0; i < range.size(); ++i) {
            const std::vector<double> x(
                events.features.begin() + static_cast<std::ptrdiff_t>(i * d),
                events.features.begin() + static_cast<std::ptrdiff_t>((i + 1) * d));
            const std::array<double, 3> log_p = model_.nominal().log_densities(x);
            const double reference = log_reference(log_p);
            for (const SimulatedSample process : processes_) {
                rows.log_r.push_back(
                    static_cast<float>(log_p[static_cast<std::size_t>(process)] - reference));
            }
            add_shapes(x, log_p, {i, range.size()}, rows);
        }
        return rows;
    }

    struct Place {
        std::uint64_t event;
        std::uint64_t events;
    };
    void add_shapes(const std::vector<double>& x,
                    const std::array<double, 3>& log_p,
                    Place place,
                    RatioSetRows& rows) const {
        std::size_t last = model_.variations().size();
        std::array<double, 3> up{};
        std::array<double, 3> down{};
        for (std::size_t column = 0; column < shapes_.size(); ++column) {
            const ShapePlan& shape = shapes_[column];
            if (shape.variation != last) {
                up = model_.at(shape.variation, Side::up).log_densities(x);
                down = model_.at(shape.variation, Side::down).log_densities(x);
                last = shape.variation;
            }
            const auto sample = static_cast<std::size_t>(shape.sample);
            const std::uint64_t at = column * place.events + place.event;
            rows.log_g_up[at] = static_cast<float>(up[sample] - log_p[sample]);
            rows.log_g_down[at] = static_cast<float>(down[sample] - log_p[sample]);
        }
    }

    const Campaign& campaign_;
    const VariedDensities& model_;
    std::vector<SimulatedSample> processes_;  ///< of the columns of log r
    std::vector<ShapePlan> shapes_;
    RatioHeader header_;
};

}  // namespace

std::vector<ModelVariation> model_variations(const SimulateSection& simulate) {
    std::vector<ModelVariation> variations = simulate.systematics;
    const TiltsSection& tilts = simulate.tilts;
    for (auto& tilt :
         random_tilts(simulate.model, tilts.name, tilts.count, tilts.size, simulate.seed)) {
        variations.push_back(std::move(tilt));
    }
    return variations;
}

std::string simulated_parameter(const Campaign& campaign, const std::string& systematic) {
    for (const SystematicSection& section : campaign.systematics) {
        if (section.name == systematic) return section.parameter;
    }
    return "alpha_" + systematic;
}

void write_exact_ratios(const std::filesystem::path& path,
                        const Campaign& campaign,
                        const VariedDensities& model) {
    const ExactRatios ratios(campaign, model);
    write_ratio_sets(path, ratios.input());
}

}  // namespace ratiofarm
