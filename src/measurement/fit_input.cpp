#include "fit_input.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/asimov.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/make_model.hpp"

#include "region_source.hpp"

namespace ratiofarm {
namespace {

std::vector<FittedSet> sample_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const UnbinnedRegion& region,
                                   const RatioFile& ratios) {
    std::vector<const RatioSet*> sets;
    std::vector<double> sums;
    for (const ProcessModel& process : region.processes) {
        sets.push_back(&ratios.set(campaign.process(process.name).events()));
        sums.push_back(sets.back()->sum_of_weights);
    }
    const auto factors = asimov_sample_factors(model, region, asimov_point(campaign, model), sums);
    std::vector<FittedSet> fitted;
    for (std::size_t j = 0; j < sets.size(); ++j) {
        if (factors[j] == 0.0) continue;
        fitted.push_back({sets[j]->name, sets[j]->events, factors[j], 0.0, j});
    }
    return fitted;
}

/// Events of the reference, each set with pi_k / sum(w).
std::vector<FittedSet> reference_sets(const RatioFile& ratios, const std::string& why) {
    if (ratios.header().reference.empty()) {
        throw DataError(
            fmt::format("'{}' describes no reference, but {}", ratios.path().string(), why));
    }
    std::vector<FittedSet> sets;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const RatioSet& set = ratios.set(component.sample);
        sets.push_back({set.name, set.events, 0.0, component.fraction / set.sum_of_weights, 0});
    }
    return sets;
}

/// Adds the weights of the sums over the reference: to rows that are there already, or as rows
/// without weight in the data.
void add_reference(std::vector<FittedSet>& sets, const std::vector<FittedSet>& reference) {
    for (const FittedSet& component : reference) {
        const auto same = std::find_if(sets.begin(), sets.end(), [&](const FittedSet& set) {
            return set.sample == component.sample;
        });
        if (same == sets.end()) {
            sets.push_back(component);
        } else {
            same->reference += component.reference;
        }
    }
}

bool has_shapes(const UnbinnedRegion& region) {
    return std::any_of(region.processes.begin(), region.processes.end(), [](const auto& process) {
        return std::any_of(process.systematics.begin(), process.systematics.end(),
                           [](const SystematicEffect& effect) { return effect.shape; });
    });
}

bool has_shapes(const StatisticalModel& model) {
    return std::any_of(model.unbinned.begin(), model.unbinned.end(),
                       [](const UnbinnedRegion& region) { return has_shapes(region); });
}

UnbinnedRegionInput region_input(const RatioFile& ratios, InsignificantShapes null_shapes) {
    UnbinnedRegionInput input{ratios.path().string(), {}, {}, {}};
    for (const auto& process : ratios.header().processes) {
        input.processes.push_back({process.name, process.yield});
    }
    const RatioHeader& header = ratios.header();
    for (std::size_t i = 0; i < header.shapes.size(); ++i) {
        const bool significant =
            header.significances.empty() || header.significances[i].significant;
        input.shapes.push_back({header.shapes[i].process, header.shapes[i].parameter,
                                !significant && null_shapes != InsignificantShapes::keep});
    }
    for (const auto& yield : ratios.header().yields) {
        input.yields.push_back({yield.process, yield.parameter, yield.factors});
    }
    return input;
}

/// The bins of all regions, as observed or as expected at the Asimov point.
std::vector<std::vector<double>> binned_data(const Campaign& campaign,
                                             const StatisticalModel& model) {
    std::vector<std::vector<double>> bins;
    for (const BinnedRegionSection& section : campaign.binned) {
        if (!fits_observed(campaign)) {
            bins.emplace_back(section.region.n_bins(), 0.0);
        } else if (section.observed) {
            bins.push_back(*section.observed);
        } else {
            throw DataError(
                fmt::format("region '{}' has no observed contents; add observed = "
                            "[...], or fit Asimov data",
                            section.region.name));
        }
    }
    if (fits_observed(campaign) || bins.empty()) return bins;
    StatisticalModel binned = model;
    binned.unbinned.clear();
    const mpi::Communicator alone;
    const LikelihoodData empty{{}, bins};
    const Likelihood likelihood(binned, empty, alone);
    const auto u = likelihood.coordinates().to_internal(asimov_point(campaign, model));
    return likelihood.expected_data(empty, u).data.binned;
}

}  // namespace

RatioFiles open_ratio_files(const Campaign& campaign, const std::filesystem::path& own) {
    RatioFiles files;
    for (const UnbinnedRegionSection& region : campaign.unbinned) {
        files.push_back(std::make_shared<RatioFile>(
            region.ratios.empty() ? own : campaign.folder / region.ratios));
    }
    return files;
}

StatisticalModel model_for_ratios(const Campaign& campaign, const RatioFiles& ratios) {
    std::vector<UnbinnedRegionInput> inputs;
    for (const auto& file : ratios) {
        inputs.push_back(region_input(*file, campaign.systematic_nets.null_shapes));
    }
    StatisticalModel model = make_model(campaign, inputs);
    if (fits_observed(campaign)) return model;
    const std::vector<double> theta = asimov_point(campaign, model);
    for (std::size_t a = 0; a < theta.size(); ++a) {
        if (model.parameters[a].constraint.kind == Constraint::Kind::none) continue;
        model.parameters[a].constraint.observed = theta[a];
    }
    return model;
}

std::vector<double> asimov_point(const Campaign& campaign, const StatisticalModel& model) {
    std::vector<double> theta;
    for (const Parameter& parameter : model.parameters) {
        const auto given =
            std::find_if(campaign.data.asimov.begin(), campaign.data.asimov.end(),
                         [&](const auto& value) { return value.first == parameter.name; });
        theta.push_back(given == campaign.data.asimov.end() ? parameter.start : given->second);
    }
    return theta;
}

bool is_asimov_of_samples(const DataSection& data) {
    return !data.fits_observed() && data.fitted_sample().empty() &&
           data.source == AsimovSource::samples;
}

bool fits_observed(const Campaign& campaign) { return campaign.data.fits_observed(); }

bool fits_weighted_sample(const Campaign& campaign) {
    return !campaign.data.fitted_sample().empty() && !campaign.data.observed;
}

std::vector<FittedSet> fitted_sets(const Campaign& campaign,
                                   const StatisticalModel& model,
                                   const UnbinnedRegion& region,
                                   const RatioFile& ratios,
                                   ReferenceRows rows) {
    const bool always = rows == ReferenceRows::always;
    std::vector<FittedSet> sets;
    const std::string sample = campaign.data.fitted_sample();
    if (!sample.empty()) {
        const RatioSet& set = ratios.set(sample);
        sets.push_back({set.name, set.events, 1.0, 0.0, 0});
    } else if (campaign.data.source == AsimovSource::samples) {
        sets = sample_sets(campaign, model, region, ratios);
    } else {
        sets = reference_sets(ratios,
                              "[data] source = \"reference\" needs one; use source = \"samples\"");
        for (FittedSet& set : sets) {
            set.factor = set.reference;
            if (!has_shapes(model) && !always) set.reference = 0.0;
        }
        return sets;
    }
    // Without shapes ln r is normalised already, and the sums would be ones. Without normalisation
    // they are shown all the same, if they can be.
    if (!has_shapes(region) && !always) return sets;
    if (region.shape_norm == ShapeNorm::none && ratios.header().reference.empty()) return sets;
    add_reference(sets, reference_sets(ratios, always ? "Asimov data and shapes are made from one; "
                                                        "add the group '/reference'"
                                                      : "shape_norm = \"reference\" needs one; add "
                                                        "the group '/reference', or set shape_norm "
                                                        "= \"none\""));
    return sets;
}

bool has_reference_rows(const LikelihoodData& data) {
    return std::all_of(data.unbinned.begin(), data.unbinned.end(), [](const EventSource& source) {
        return source.total > 0 && !source.read({0, 1}).reference.empty();
    });
}

std::string data_description(const Campaign& campaign, const StatisticalModel& model) {
    const std::string sample = campaign.data.fitted_sample();
    if (!sample.empty() && fits_observed(campaign)) return "events of sample " + sample;
    if (fits_observed(campaign)) return "observed contents of the binned regions";
    std::string text =
        model.unbinned.empty()           ? "Asimov data at "
        : fits_weighted_sample(campaign) ? "weighted events of sample " + sample + " for "
        : campaign.data.source == AsimovSource::reference ? "Asimov data from the reference at "
                                                          : "Asimov data from the samples at ";
    const auto theta = asimov_point(campaign, model);
    for (std::size_t i = 0; i < theta.size(); ++i) {
        const Parameter& parameter = model.parameters[i];
        const bool constrained = parameter.constraint.kind != Constraint::Kind::none;
        if (constrained && theta[i] == parameter.start && i > 0) continue;  // a hundred zeros
        text += fmt::format("{}{} = {:g}", i == 0 ? "" : ", ", parameter.name, theta[i]);
    }
    return text;
}

void add_processes(Hasher& hasher, const UnbinnedRegion& region) {
    for (const ProcessModel& p : region.processes) {
        hasher.text(fmt::format("{} {} {}", p.name, p.yield, p.coefficient.text()));
        for (const SystematicEffect& effect : p.systematics) {
            const Anchors yield = effect.yield.value_or(Anchors{});
            hasher.text(fmt::format("{} {} {} {} {} {}", effect.parameter, yield.up, yield.down,
                                    effect.shape, static_cast<int>(effect.yield_code),
                                    static_cast<int>(effect.shape_code)));
        }
    }
}

MadeFrom made_from(const Campaign& campaign, const RatioFiles& ratios) {
    MadeFrom keys = fit_made_from(campaign);
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const Digest& inputs = ratios[r]->header().inputs;
        keys.emplace_back("ratios." + campaign.unbinned[r].name,
                          inputs == Digest{} ? "unknown" : inputs.hex());
    }
    return keys;
}

bool know_their_inputs(const RatioFiles& ratios) {
    return std::all_of(ratios.begin(), ratios.end(),
                       [](const auto& file) { return file->header().inputs != Digest{}; });
}

std::vector<std::string> input_warnings(const Campaign& campaign, const RatioFiles& ratios) {
    std::vector<std::string> warnings;
    std::set<std::string> known;
    for (const SystematicSection& systematic : campaign.systematics) {
        known.insert(systematic.parameter);
    }
    for (const auto& file : ratios) {
        warnings.insert(warnings.end(), file->warnings().begin(), file->warnings().end());
        std::set<std::string> ignored;
        for (const RatioShape& shape : file->header().shapes) {
            if (!known.contains(shape.parameter)) ignored.insert(shape.parameter);
        }
        for (const RatioYield& yield : file->header().yields) {
            if (!known.contains(yield.parameter)) ignored.insert(yield.parameter);
        }
        if (ignored.empty()) continue;
        warnings.push_back(
            fmt::format("{}: {} systematic(s) that no [[systematic]] names are not used: {}{}",
                        file->path().string(), ignored.size(), *ignored.begin(),
                        ignored.size() > 1 ? ", ..." : ""));
    }
    return warnings;
}

LikelihoodData load_data(const mpi::Communicator& comm,
                         const Campaign& campaign,
                         const StatisticalModel& model,
                         const RatioFiles& ratios,
                         ReferenceRows rows) {
    RATIOFARM_EXPECT(ratios.size() == model.unbinned.size());
    LikelihoodData data;
    std::vector<std::vector<FittedSet>> sets;
    mpi::together(comm, [&] {
        if (comm.rank() == 0) expect_no_shared_events(campaign, ratios);
        data.binned = binned_data(campaign, model);
        for (std::size_t r = 0; r < ratios.size(); ++r) {
            sets.push_back(fitted_sets(campaign, model, model.unbinned[r], *ratios[r], rows));
        }
    });
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        data.unbinned.push_back(
            region_source(comm, {campaign, model, model.unbinned[r], ratios[r], sets[r]}));
    }
    const bool by_mixture = !fits_observed(campaign) &&
                            (has_shapes(model) || rows == ReferenceRows::always) &&
                            campaign.data.source == AsimovSource::reference;
    if (!by_mixture) return data;
    // The mixture with its shapes is the likelihood's own business.
    const auto reference = std::make_shared<const LikelihoodData>(std::move(data));
    const Likelihood likelihood(model, *reference, comm);
    const auto u = likelihood.coordinates().to_internal(asimov_point(campaign, model));
    LikelihoodData expected = likelihood.expected_data(*reference, u).data;
    for (EventSource& source : expected.unbinned) {
        source.read = [reference, read = source.read](Range range) { return read(range); };
    }
    return expected;
}

}  // namespace ratiofarm
