#include "pyhf_import.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "pyhf_json.hpp"
#include "pyhf_parameters.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

using Default = PyhfParameters::Default;
using Kind = Constraint::Kind;

constexpr double smallest_gamma = 1e-10;  // pyhf's own lower bound

const json& chosen_measurement(const json& workspace, const std::string& name) {
    const json& all = array_member(workspace, "measurements", "the workspace");
    std::string known;
    for (const json& measurement : all) {
        const std::string its_name = text_member(measurement, "name", "a measurement");
        if (name.empty() || its_name == name) return measurement;
        known += (known.empty() ? "'" : ", '") + its_name + "'";
    }
    throw DataError(fmt::format("the workspace has no measurement '{}' (it has {})", name,
                                known.empty() ? "none" : known));
}

std::string modifier_text(const json& modifier) {
    return modifier.value("type", "") + " '" + modifier.value("name", "") + "'";
}

/// Relative uncertainties of a staterror: sqrt(sum err^2) / sum nominal over the samples of the
/// channel that carry it. Zero: the factor stays at 1.
std::vector<double> staterror_widths(const json& channel,
                                     const std::string& name,
                                     std::size_t n_bins,
                                     const std::string& where) {
    std::vector<double> variance(n_bins);
    std::vector<double> nominal(n_bins);
    for (const json& sample : array_member(channel, "samples", where)) {
        for (const json& modifier : array_member(sample, "modifiers", where)) {
            if (modifier.value("type", "") != "staterror" || modifier.value("name", "") != name) {
                continue;
            }
            const auto errors =
                bins_of(member(modifier, "data", where), n_bins, where + ", staterror");
            const auto contents = bins_of(member(sample, "data", where), n_bins, where);
            for (std::size_t b = 0; b < n_bins; ++b) {
                variance[b] += errors[b] * errors[b];
                nominal[b] += contents[b];
            }
        }
    }
    std::vector<double> widths(n_bins);
    for (std::size_t b = 0; b < n_bins; ++b) {
        if (nominal[b] > 0.0) widths[b] = std::sqrt(variance[b]) / nominal[b];
    }
    return widths;
}

/// Reads channels one after the other.
class ChannelReader {
public:
    ChannelReader(const PyhfImport& how, PyhfParameters& parameters)
        : how_(how), parameters_(parameters) {}

    BinnedRegionSection read(const json& channel) {
        const std::string name = text_member(channel, "name", "a channel");
        where_ = "channel '" + name + "'";
        channel_ = &channel;
        BinnedRegionSection section;
        section.region.name = regions_.name_of(name);
        for (const json& sample : array_member(channel, "samples", where_)) {
            section.region.samples.push_back(read_sample(sample));
        }
        if (section.region.samples.empty()) throw DataError(where_ + " has no samples");
        return section;
    }

    LabelsSection::Labels region_labels() const { return regions_.labels(); }
    LabelsSection::Labels sample_labels() const { return samples_.labels(); }

private:
    BinnedSample read_sample(const json& sample) {
        const std::string name = text_member(sample, "name", where_ + ", a sample");
        const std::string at = where_ + ", sample '" + name + "'";
        BinnedSample result{.name = samples_.name_of(name),
                            .contents = numbers_of(member(sample, "data", at), at)};
        result.coefficient.terms.emplace_back();
        for (const json& modifier : array_member(sample, "modifiers", at)) {
            in_context(at + ", " + modifier_text(modifier),
                       [&] { read_modifier(modifier, result); });
        }
        auto& factors = result.coefficient.terms.front().factors;
        std::sort(factors.begin(), factors.end(),
                  [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
        return result;
    }

    void read_modifier(const json& modifier, BinnedSample& sample) {
        const std::string type = text_member(modifier, "type", "a modifier");
        const std::string name = text_member(modifier, "name", "a modifier");
        auto& factors = sample.coefficient.terms.front().factors;
        if (type == "normfactor") {
            factors.push_back({parameters_.declare(name, PyhfKind::normfactor, {{}}).front()});
        } else if (type == "lumi") {
            const Default lumi{.constraint = {Kind::gaussian, 1.0, 1.0}};
            factors.push_back({parameters_.declare(name, PyhfKind::lumi, {lumi}).front()});
        } else if (type == "normsys") {
            const json& data = member(modifier, "data", "modifier");
            sample.yields.push_back({alpha(name),
                                     {number_of(member(data, "hi", "data"), "hi"),
                                      number_of(member(data, "lo", "data"), "lo")},
                                     how_.normsys});
        } else if (type == "histosys") {
            const std::size_t n = sample.contents.size();
            const json& data = member(modifier, "data", "modifier");
            sample.shapes.push_back(
                {alpha(name), bins_of(member(data, "hi_data", "data"), n, "hi_data"),
                 bins_of(member(data, "lo_data", "data"), n, "lo_data"), how_.histosys});
        } else {
            sample.factors.push_back({factors_of(type, name, modifier, sample)});
        }
    }

    std::string alpha(const std::string& name) {
        const Default standard{
            .start = 0.0, .low = -5.0, .high = 5.0, .constraint = {Kind::gaussian, 0.0, 1.0}};
        return parameters_.declare(name, PyhfKind::alpha, {standard}).front();
    }

    std::vector<std::string> factors_of(const std::string& type,
                                        const std::string& name,
                                        const json& modifier,
                                        const BinnedSample& sample) {
        const std::size_t n = sample.contents.size();
        std::vector<Default> defaults(n);
        if (type == "shapefactor") {
            return parameters_.declare(name, PyhfKind::shapefactor, defaults);
        }
        const bool is_staterror = type == "staterror";
        std::vector<double> widths(n);
        if (is_staterror) {
            widths = staterror_widths(*channel_, name, n, where_);
            const auto known = staterror_channel_.emplace(name, where_).first;
            if (known->second != where_) {
                throw DataError("it is used in " + known->second +
                                ", too (must belong to one channel)");
            }
        } else {
            const auto errors = bins_of(member(modifier, "data", "modifier"), n, "data");
            for (std::size_t b = 0; b < n; ++b) {
                const bool valid = sample.contents[b] > 0.0 && errors[b] > 0.0;
                if (valid) widths[b] = errors[b] / sample.contents[b];
            }
        }
        for (std::size_t b = 0; b < n; ++b) {
            defaults[b].low = smallest_gamma;
            defaults[b].active = widths[b] > 0.0;
            defaults[b].constraint = {is_staterror ? Kind::gaussian : Kind::poisson, 1.0,
                                      defaults[b].active ? widths[b] : 1.0};
        }
        return parameters_.declare(name, is_staterror ? PyhfKind::staterror : PyhfKind::shapesys,
                                   defaults);
    }

    const PyhfImport& how_;
    PyhfParameters& parameters_;
    NameMaker regions_{NameMaker::Rule::plain};
    NameMaker samples_{NameMaker::Rule::plain};
    std::map<std::string, std::string> staterror_channel_;
    const json* channel_ = nullptr;
    std::string where_;
};

void refuse_unknown_modifiers(const json& channels) {
    static const std::vector<std::string> known{"normfactor", "normsys", "histosys",   "shapesys",
                                                "staterror",  "lumi",    "shapefactor"};
    std::string unknown;
    for (const json& channel : channels) {
        for (const json& sample : array_member(channel, "samples", "a channel")) {
            for (const json& modifier : array_member(sample, "modifiers", "a sample")) {
                const std::string type = modifier.value("type", "");
                if (std::find(known.begin(), known.end(), type) != known.end()) continue;
                unknown +=
                    fmt::format("\n  {} (channel '{}', sample '{}')", modifier_text(modifier),
                                channel.value("name", ""), sample.value("name", ""));
            }
        }
    }
    if (unknown.empty()) return;
    throw DataError("modifiers of unknown types (known are " +
                    fmt::format("{}", fmt::join(known, ", ")) + "):" + unknown);
}

}  // namespace

json patched(const json& workspace, const json& patch, const std::string& name) {
    const json* operations = &patch;
    if (patch.is_object()) {
        std::string known;
        operations = nullptr;
        for (const json& entry : array_member(patch, "patches", "the patch set")) {
            const json& metadata = member(entry, "metadata", "a patch of the patch set");
            const std::string its_name = text_member(metadata, "name", "a patch of the patch set");
            if (its_name == name) operations = &member(entry, "patch", "patch '" + name + "'");
            known += (known.empty() ? "'" : ", '") + its_name + "'";
        }
        if (operations == nullptr) {
            throw DataError(
                fmt::format("the patch set has no patch '{}' (it has {}; choose with "
                            "--patch-name)",
                            name, known));
        }
    }
    try {
        return workspace.patch(*operations);
    } catch (const json::exception& error) {
        throw DataError(fmt::format("the patch does not apply: {}", error.what()));
    }
}

Campaign campaign_from_pyhf(const json& workspace, const PyhfImport& how) {
    const json& channels = array_member(workspace, "channels", "the workspace");
    if (channels.empty()) throw DataError("the workspace has no channels");
    refuse_unknown_modifiers(channels);
    PyhfParameters parameters(chosen_measurement(workspace, how.measurement));
    ChannelReader reader(how, parameters);
    Campaign campaign;
    campaign.name = how.campaign;
    for (const json& channel : channels) {
        BinnedRegionSection section = reader.read(channel);
        const std::string name = text_member(channel, "name", "a channel");
        for (const json& observation : array_member(workspace, "observations", "the workspace")) {
            if (observation.value("name", "") != name) continue;
            section.observed = bins_of(member(observation, "data", "an observation"),
                                       section.region.n_bins(), "observation '" + name + "'");
        }
        campaign.binned.push_back(std::move(section));
    }
    campaign.data.observed = std::all_of(
        campaign.binned.begin(), campaign.binned.end(),
        [](const BinnedRegionSection& section) { return section.observed.has_value(); });
    campaign.parameters = parameters.parameters();
    campaign.inference.poi = parameters.parameter_of_interest();
    campaign.labels = {parameters.labels(), reader.region_labels(), reader.sample_labels()};
    return campaign;
}

}  // namespace ratiofarm
