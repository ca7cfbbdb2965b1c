#include "make_model.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "find_sample.hpp"

namespace ratiofarm {
namespace {

double yield_of(const ProcessSection& process, const std::vector<SampleInfo>& samples) {
    if (process.yield) return *process.yield;
    const double yield = find_sample(samples, process.events()).sum_of_weights;
    if (!(yield > 0.0) || !std::isfinite(yield)) {
        throw DataError("process '" + process.name + "': the weights of sample '" +
                        process.events() + "' sum to " + std::to_string(yield) +
                        " (must be > 0; declare the yield of the process, or check the weights)");
    }
    return yield;
}

/// Null if there is none.
const UnbinnedRegionInput::Shape* find_shape(const UnbinnedRegionInput& input,
                                             const std::string& process,
                                             const std::string& parameter) {
    const auto found =
        std::find_if(input.shapes.begin(), input.shapes.end(), [&](const auto& shape) {
            return shape.process == process && shape.parameter == parameter;
        });
    return found == input.shapes.end() ? nullptr : &*found;
}

/// The shape of one process, if the systematic has one there.
/// \throws DataError if it is named but the region has no g of it
bool shape_of(const SystematicSection& systematic,
              const std::string& process,
              const UnbinnedRegionInput& input) {
    const auto* shape = find_shape(input, process, systematic.parameter);
    const bool there = shape != nullptr;
    if (there && shape->left_out) return false;
    if (!systematic.shapes) return there;
    const bool named = std::any_of(systematic.shapes->begin(), systematic.shapes->end(),
                                   [&](const auto& one) { return one.process == process; });
    if (named && !there) {
        throw DataError("systematic '" + systematic.name +
                        "': there is no column log_g for process '" + process +
                        "' and parameter '" + systematic.parameter +
                        "' (its 'shape_processes' and 'shape_parameters' name them; with an empty "
                        "'shape' the systematic changes only the yields)");
    }
    return named;
}

std::optional<Anchors> yield_effect(const SystematicSection& systematic,
                                    const std::string& process,
                                    const UnbinnedRegionInput& input) {
    if (systematic.yields) {
        for (const auto& yield : *systematic.yields) {
            if (yield.process == process) return yield.factors;
        }
        return std::nullopt;
    }
    for (const auto& yield : input.yields) {
        if (yield.process == process && yield.parameter == systematic.parameter) {
            return yield.factors;
        }
    }
    return std::nullopt;
}

std::vector<SystematicEffect> systematics_on(const std::string& process,
                                             const Campaign& campaign,
                                             const UnbinnedRegionInput& input) {
    std::vector<SystematicEffect> effects;
    for (const SystematicSection& systematic : campaign.systematics) {
        const bool shape = shape_of(systematic, process, input);
        const auto yield = yield_effect(systematic, process, input);
        if (!shape && !yield) continue;
        const auto same = std::find_if(effects.begin(), effects.end(), [&](const auto& effect) {
            return effect.parameter == systematic.parameter;
        });
        if (same == effects.end()) {
            effects.push_back(
                {systematic.parameter, yield, shape, systematic.yield_code, systematic.shape_code});
            continue;
        }
        // Two sections of one parameter: one gives the yield, the other the shape.
        if (yield) same->yield = yield, same->yield_code = systematic.yield_code;
        if (shape) same->shape = true, same->shape_code = systematic.shape_code;
    }
    return effects;
}

/// A process' declared yield is that of one region: in a file of several it may be another's.
void expect_its_yield(const UnbinnedRegionSection& section,
                      const std::string& process,
                      double in_file,
                      double declared) {
    constexpr double rounding = 1e-9;
    if (std::abs(in_file - declared) <= rounding * declared) return;
    throw DataError(fmt::format(
        "region '{}': the yield of process '{}' is {:g} in its ratio file, but process.{}.yield = "
        "{:g}. With several unbinned regions say which one it is: yield = {{ {} = ... }} in the "
        "region, for all of its processes that differ",
        section.name, process, in_file, process, declared, process));
}

UnbinnedRegion make_region(const Campaign& campaign,
                           const UnbinnedRegionSection& section,
                           const UnbinnedRegionInput& input) {
    UnbinnedRegion region;
    region.name = section.name;
    region.shape_norm = section.shape_norm.value_or(campaign.inference.shape_norm);
    for (const UnbinnedRegionInput::Process& process : input.processes) {
        region.processes.push_back({process.name, yield_in_region(campaign, section, process),
                                    campaign.process(process.name).coefficient,
                                    systematics_on(process.name, campaign, input)});
    }
    for (const auto& entry : section.yields) {
        if (std::any_of(input.processes.begin(), input.processes.end(),
                        [&](const auto& process) { return process.name == entry.first; })) {
            continue;
        }
        throw DataError("region '" + section.name + "' declares a yield of process '" +
                        entry.first + "', which is not among the ratios");
    }
    return region;
}

/// A process that no region has would be left out without a word.
void expect_all_processes(const Campaign& campaign, std::span<const UnbinnedRegionInput> regions) {
    std::vector<std::string> known;
    for (const auto& region : regions) {
        for (const auto& process : region.processes) known.push_back(process.name);
    }
    for (const ProcessSection& process : campaign.processes) {
        if (std::find(known.begin(), known.end(), process.name) != known.end()) continue;
        throw DataError("there is no process '" + process.name + "' among the ratios" +
                        did_you_mean(process.name, known));
    }
}

/// What the campaign says of all regions, and binned ones.
StatisticalModel common_model(const Campaign& campaign) {
    StatisticalModel model;
    model.parameters = campaign.parameters;
    model.parameter_of_interest = campaign.inference.poi;
    for (const BinnedRegionSection& section : campaign.binned) {
        if (section.from_events) continue;  // empty before the events are selected
        model.binned.push_back(section.region);
    }
    return model;
}

}  // namespace

double yield_in_region(const Campaign& campaign,
                       const UnbinnedRegionSection& section,
                       const UnbinnedRegionInput::Process& process) {
    for (const auto& [name, yield] : section.yields) {
        if (name == process.name) return yield;
    }
    const std::optional<double>& declared = campaign.process(process.name).yield;
    if (!declared) return process.yield;
    const bool own_file = !section.ratios.empty();
    if (own_file && campaign.unbinned.size() > 1) {
        expect_its_yield(section, process.name, process.yield, *declared);
    }
    return *declared;
}

StatisticalModel make_model(const Campaign& campaign,
                            std::span<const UnbinnedRegionInput> regions) {
    RATIOFARM_EXPECT(regions.size() == campaign.unbinned.size());
    StatisticalModel model = common_model(campaign);
    for (std::size_t r = 0; r < regions.size(); ++r) {
        in_context("'" + regions[r].source + "'", [&] {
            model.unbinned.push_back(make_region(campaign, campaign.unbinned[r], regions[r]));
        });
    }
    if (!regions.empty()) expect_all_processes(campaign, regions);
    return model;
}

StatisticalModel make_model(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    UnbinnedRegionInput input{.source = "events",
                              .processes = {},
                              .shapes = {},
                              .yields = trained_yields(campaign, samples)};
    for (const ProcessSection& process : campaign.processes) {
        input.processes.push_back({process.name, yield_of(process, samples)});
    }
    Campaign without_shapes = campaign;
    for (SystematicSection& systematic : without_shapes.systematics) systematic.shapes.emplace();
    StatisticalModel model = common_model(campaign);
    const UnbinnedRegionSection section =
        campaign.unbinned.empty() ? UnbinnedRegionSection{} : campaign.unbinned.front();
    model.unbinned.push_back(make_region(without_shapes, section, input));
    return model;
}

namespace {

double positive_sum(double sum, const std::string& what) {
    if (sum > 0.0 && std::isfinite(sum)) return sum;
    throw DataError("the weights of " + what + " sum to " + std::to_string(sum) +
                    " (must be > 0; declare the factors with systematic.yield, or check the "
                    "weights)");
}

double varied_sum(const SystematicSection::Shape& shape,
                  const std::string& side,
                  const SampleInfo& nominal,
                  const std::vector<SampleInfo>& samples) {
    if (shape.source == SystematicSection::Source::weights) {
        return positive_sum(find_weights(nominal, side).sum,
                            "'" + nominal.name + "/weights/" + side + "'");
    }
    return positive_sum(find_sample(samples, side).sum_of_weights, "sample '" + side + "'");
}

}  // namespace

std::vector<UnbinnedRegionInput::Yield> trained_yields(const Campaign& campaign,
                                                       const std::vector<SampleInfo>& samples) {
    std::vector<UnbinnedRegionInput::Yield> yields;
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes || systematic.yields) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.source == SystematicSection::Source::ratio_file) continue;
            const SampleInfo& nominal =
                find_sample(samples, campaign.process(shape.process).events());
            const double sum =
                positive_sum(nominal.sum_of_weights, "sample '" + nominal.name + "'");
            yields.push_back({shape.process,
                              systematic.parameter,
                              {.up = varied_sum(shape, shape.up, nominal, samples) / sum,
                               .down = varied_sum(shape, shape.down, nominal, samples) / sum}});
        }
    }
    return yields;
}

}  // namespace ratiofarm
