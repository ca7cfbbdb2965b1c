#include "pyhf_import.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "pyhf_parameters.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

using Default = PyhfParameters::Default;
using Kind = Constraint::Kind;

constexpr double smallest_gamma = 1e-10;  // pyhf's own lower bound

/// Name of the measurement to use.
/// \throws DataError if it is not there
std::string chosen_measurement(const json& workspace, const std::string& name) {
    std::string known;
    for (const json& measurement : workspace.value("measurements", json::array())) {
        if (!measurement.is_object() || !measurement.contains("name")) continue;
        const json& its_name = measurement.at("name");
        if (its_name.is_string() && (name.empty() || its_name == name)) return its_name;
        known += (known.empty() ? "" : ", ") + its_name.dump();
    }
    if (name.empty()) return name;  // the schema says what is wrong
    throw DataError(fmt::format("the workspace has no measurement '{}' (it has {})", name,
                                known.empty() ? "none" : known));
}

const json& measurement_called(const json& workspace, const std::string& name) {
    for (const json& measurement : workspace.at("measurements")) {
        if (measurement.at("name") == name) return measurement;
    }
    return workspace.at("measurements").at(0);
}

/// What a staterror does to the channels that have it.
struct Staterror {
    std::vector<double> widths;                    ///< [all bins], relative; 0: stays at 1
    std::map<std::string, std::size_t> first_bin;  ///< of each channel, in the order of their names
};

/// Relative uncertainties sqrt(sum err^2) / sum nominal over the samples of each channel that carry
/// a staterror, with the channels in pyhf's order.
std::map<std::string, Staterror> staterrors(const json& channels) {
    std::map<std::string, const json*> by_name;
    for (const json& channel : channels) by_name[channel.at("name")] = &channel;
    std::map<std::string, Staterror> all;
    for (const auto& [name, channel] : by_name) {
        std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> sums;
        for (const json& sample : channel->at("samples")) {
            for (const json& modifier : sample.at("modifiers")) {
                if (modifier.at("type") != "staterror") continue;
                auto& [variance, nominal] = sums[modifier.at("name")];
                const std::size_t n_bins = sample.at("data").size();
                variance.resize(n_bins);
                nominal.resize(n_bins);
                for (std::size_t b = 0; b < n_bins; ++b) {
                    const double error = modifier.at("data").at(b);
                    variance[b] += error * error;
                    nominal[b] += sample.at("data").at(b).get<double>();
                }
            }
        }
        for (const auto& [modifier, sum] : sums) {
            Staterror& staterror = all[modifier];
            staterror.first_bin[name] = staterror.widths.size();
            for (std::size_t b = 0; b < sum.first.size(); ++b) {
                const double nominal = sum.second[b];
                staterror.widths.push_back(nominal > 0.0 ? std::sqrt(sum.first[b]) / nominal : 0.0);
            }
        }
    }
    return all;
}

/// Reads channels one after the other.
class ChannelReader {
public:
    ChannelReader(const json& channels, const PyhfImport& how, PyhfParameters& parameters)
        : how_(how), parameters_(parameters), staterrors_(staterrors(channels)) {
        for (const json& channel : channels) {
            regions_.keep(channel.at("name"));
            for (const json& sample : channel.at("samples")) samples_.keep(sample.at("name"));
        }
    }

    BinnedRegionSection read(const json& channel) {
        channel_ = channel.at("name");
        BinnedRegionSection section;
        section.region.name = regions_.name_of(channel_);
        for (const json& sample : channel.at("samples")) {
            section.region.samples.push_back(read_sample(sample));
        }
        return section;
    }

    LabelsSection::Labels region_labels() const { return regions_.labels(); }
    LabelsSection::Labels sample_labels() const { return samples_.labels(); }

private:
    BinnedSample read_sample(const json& sample) {
        BinnedSample result{.name = samples_.name_of(sample.at("name")),
                            .contents = sample.at("data").get<std::vector<double>>()};
        result.coefficient.terms.emplace_back();
        for (const json& modifier : sample.at("modifiers")) read_modifier(modifier, result);
        auto& factors = result.coefficient.terms.front().factors;
        std::sort(factors.begin(), factors.end(),
                  [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
        return result;
    }

    void read_modifier(const json& modifier, BinnedSample& sample) {
        const std::string type = modifier.at("type");
        const std::string name = modifier.at("name");
        const json& data = modifier.at("data");
        auto& factors = sample.coefficient.terms.front().factors;
        if (type == "normfactor") {
            factors.push_back({parameters_.declare(name, PyhfKind::normfactor, {{}}).front()});
        } else if (type == "lumi") {
            const Default lumi{.constraint = {Kind::gaussian, 1.0, 1.0}};
            factors.push_back({parameters_.declare(name, PyhfKind::lumi, {lumi}).front()});
        } else if (type == "normsys") {
            sample.yields.push_back({alpha(name),
                                     {data.at("hi").get<double>(), data.at("lo").get<double>()},
                                     how_.normsys});
        } else if (type == "histosys") {
            sample.shapes.push_back({alpha(name), data.at("hi_data").get<std::vector<double>>(),
                                     data.at("lo_data").get<std::vector<double>>(), how_.histosys});
        } else if (type == "staterror") {
            sample.factors.push_back({staterror_factors(name, sample.contents.size())});
        } else {
            sample.factors.push_back({factors_of(type, name, data, sample)});
        }
    }

    std::string alpha(const std::string& name) {
        const Default standard{
            .start = 0.0, .low = -5.0, .high = 5.0, .constraint = {Kind::gaussian, 0.0, 1.0}};
        return parameters_.declare(name, PyhfKind::alpha, {standard}).front();
    }

    static std::vector<Default> gammas(const std::vector<double>& widths, Kind kind) {
        std::vector<Default> defaults(widths.size());
        for (std::size_t b = 0; b < widths.size(); ++b) {
            defaults[b].low = smallest_gamma;
            defaults[b].active = widths[b] > 0.0;
            defaults[b].constraint = {kind, 1.0, defaults[b].active ? widths[b] : 1.0};
        }
        return defaults;
    }

    std::vector<std::string> staterror_factors(const std::string& name, std::size_t n_bins) {
        const Staterror& staterror = staterrors_.at(name);
        const auto all = parameters_.declare(name, PyhfKind::staterror,
                                             gammas(staterror.widths, Kind::gaussian));
        const auto first =
            all.begin() + static_cast<std::ptrdiff_t>(staterror.first_bin.at(channel_));
        return {first, first + static_cast<std::ptrdiff_t>(n_bins)};
    }

    std::vector<std::string> factors_of(const std::string& type,
                                        const std::string& name,
                                        const json& errors,
                                        const BinnedSample& sample) {
        const std::size_t n = sample.contents.size();
        if (type == "shapefactor") {
            return parameters_.declare(name, PyhfKind::shapefactor, std::vector<Default>(n));
        }
        std::vector<double> widths(n);
        for (std::size_t b = 0; b < n; ++b) {
            const double error = errors.at(b);
            const bool valid = sample.contents[b] > 0.0 && error > 0.0;
            if (valid) widths[b] = error / sample.contents[b];
        }
        return parameters_.declare(name, PyhfKind::shapesys, gammas(widths, Kind::poisson));
    }

    const PyhfImport& how_;
    PyhfParameters& parameters_;
    std::map<std::string, Staterror> staterrors_;
    NameMaker regions_{NameMaker::Rule::plain};
    NameMaker samples_{NameMaker::Rule::plain};
    std::string channel_;
};

std::vector<std::string> modifier_names(const json& channels) {
    std::vector<std::string> names;
    for (const json& channel : channels) {
        for (const json& sample : channel.at("samples")) {
            for (const json& modifier : sample.at("modifiers"))
                names.push_back(modifier.at("name"));
        }
    }
    return names;
}

}  // namespace

Campaign campaign_from_pyhf(const json& workspace, const PyhfImport& how) {
    const bool is_object = workspace.is_object();
    const std::string chosen = is_object ? chosen_measurement(workspace, how.measurement) : "";
    expect_workspace(workspace, chosen);
    const json& channels = workspace.at("channels");
    PyhfParameters parameters(measurement_called(workspace, chosen), modifier_names(channels));
    ChannelReader reader(channels, how, parameters);
    Campaign campaign;
    campaign.name = how.campaign;
    for (const json& channel : channels) {
        BinnedRegionSection section = reader.read(channel);
        for (const json& observation : workspace.at("observations")) {
            if (observation.at("name") != channel.at("name")) continue;
            section.observed = observation.at("data").get<std::vector<double>>();
        }
        campaign.binned.push_back(std::move(section));
    }
    campaign.data.observed = true;
    campaign.parameters = parameters.parameters();
    campaign.inference.poi = parameters.parameter_of_interest(how.poi);
    campaign.labels = {parameters.labels(), reader.region_labels(), reader.sample_labels(), {}};
    return campaign;
}

std::vector<std::string> unused_pyhf_parameters(const json& workspace, const PyhfImport& how) {
    const auto known = modifier_names(workspace.at("channels"));
    const json& config =
        measurement_called(workspace, chosen_measurement(workspace, how.measurement)).at("config");
    std::vector<std::string> lines;
    for (const json& parameter : config.at("parameters")) {
        const std::string name = parameter.at("name");
        if (name == "lumi" || config.at("poi") == name || std::ranges::count(known, name) > 0) {
            continue;
        }
        lines.push_back(fmt::format(
            "the measurement configures '{}', which no modifier is called{}; the entry is ignored",
            name, did_you_mean(name, known)));
    }
    return lines;
}

}  // namespace ratiofarm
