#include "pyhf_schema.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"

#include "json_check.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

using Place = JsonPlace;
constexpr std::size_t any_number = JsonCheck::any_number;
constexpr double tiny = JsonCheck::tiny;

struct ModifierType {
    std::string name;
    PyhfKind kind;
    std::vector<std::string>
        configured;  ///< what a measurement may say beside inits, bounds, fixed
    double start;
    double low;
    double high;
};

const std::vector<ModifierType>& modifier_types() {
    static const std::vector<ModifierType> types{
        {"normfactor", PyhfKind::normfactor, {}, 1.0, 0.0, 10.0},
        {"normsys", PyhfKind::alpha, {"auxdata"}, 0.0, -5.0, 5.0},
        {"histosys", PyhfKind::alpha, {"auxdata"}, 0.0, -5.0, 5.0},
        {"shapesys", PyhfKind::shapesys, {"auxdata", "factors"}, 1.0, 1e-10, 10.0},
        {"staterror", PyhfKind::staterror, {"auxdata", "sigmas"}, 1.0, 1e-10, 10.0},
        {"lumi", PyhfKind::lumi, {"auxdata", "sigmas"}, 1.0, 0.0, 10.0},
        {"shapefactor", PyhfKind::shapefactor, {}, 1.0, 0.0, 10.0}};
    return types;
}

/// Use of a modifier by one sample.
struct Use {
    const ModifierType* type;
    std::size_t n_bins;
    std::string channel;
    std::string sample;
    Place place;
};

class WorkspaceCheck : public JsonCheck {
public:
    void check(const json& workspace, const std::string& measurement) {
        const Place root{&workspace, "", "the workspace"};
        if (workspace.is_array() || workspace.contains("patches")) {
            return add({},
                       "this is a patch, not a workspace; give the workspace, and this with "
                       "--patch");
        }
        object(root, {"channels", "observations", "measurements", "version"});
        if (!workspace.is_object()) return;
        if (workspace.contains("version")) check_version(root);
        each(root, "channels", "channel", [this](const Place& place) { check_channel(place); });
        for (const auto& [name, uses] : uses_) check_uses(name, uses);
        each(root, "observations", "observation",
             [this](const Place& place) { check_observation(place); });
        for (const auto& [name, n_bins] : bins_) {
            if (observed_.contains(name)) continue;
            add({}, fmt::format("channel '{}' has no observation; the whole workspace would be "
                                "fitted to invented data",
                                name));
        }
        each(root, "measurements", "measurement",
             [&](const Place& place) { check_measurement(place, measurement); });
    }

private:
    void check_version(const Place& root) {
        const Place version = root.at("version");
        if (*version.value == "1.0.0") return;
        wrong(version, "must be \"1.0.0\", the only version of the schema that is read here");
    }

    void check_channel(const Place& channel) {
        const bool complete = object(channel, {"name", "samples"});
        if (channel.value->is_object()) channel_ = channel.value->value("name", "");
        n_bins_ = bins_[channel_] = any_number;
        if (!complete) return;
        each(channel, "samples", "sample", [this](const Place& place) { check_sample(place); });
        bins_[channel_] = n_bins_;
    }

    void check_sample(const Place& sample) {
        if (!object(sample, {"name", "data", "modifiers"})) return;
        if (!numbers(sample.at("data"), n_bins_)) {
            if (!sample.value->at("data").is_array()) return;
        }
        if (n_bins_ == any_number) n_bins_ = sample.value->at("data").size();
        const Place modifiers = sample.at("modifiers");
        if (!modifiers.value->is_array()) return wrong(modifiers, "must be an array");
        std::set<std::pair<std::string, std::string>> seen;
        for (std::size_t i = 0; i < modifiers.value->size(); ++i) {
            const Place modifier = modifiers.item(i);
            if (!object(modifier, {"name", "type", "data"})) continue;
            const auto name = text(modifier.at("name"));
            const auto type = text(modifier.at("type"));
            if (!name || !type) continue;
            const Place named{modifier.value, modifier.pointer,
                              fmt::format("{}, {} '{}'", modifier.words, *type, *name)};
            if (!seen.emplace(*type, *name).second) {
                add(named,
                    "the sample has it twice; programs differ in whether it acts once or "
                    "twice, so remove or rename one");
                continue;
            }
            check_modifier(named, *type, *name, sample.value->at("name"));
        }
    }

    void check_modifier(const Place& modifier,
                        const std::string& type,
                        const std::string& name,
                        const std::string& sample) {
        std::vector<std::string> known;
        for (const ModifierType& its : modifier_types()) {
            known.push_back(its.name);
            if (its.name != type) continue;
            uses_[name].push_back({&its, n_bins_, channel_, sample, modifier});
            return check_data(modifier.at("data"), type, name);
        }
        add(modifier, fmt::format("unknown type '{}'{}; known are {}", type,
                                  did_you_mean(type, known), fmt::join(known, ", ")));
    }

    void check_data(const Place& data, const std::string& type, const std::string& name) {
        if (type == "normsys") {
            if (!object(data, {"hi", "lo"})) return;
            for (const char* key : {"hi", "lo"}) {
                number(data.at(key), tiny,
                       "must be > 0: the factor is interpolated as an exponential; write a smaller "
                       "uncertainty, or a histosys, which is added");
            }
        } else if (type == "histosys") {
            if (!object(data, {"hi_data", "lo_data"})) return;
            for (const char* key : {"hi_data", "lo_data"}) numbers(data.at(key), n_bins_);
        } else if (type == "shapesys" || type == "staterror") {
            numbers(data, n_bins_, 0.0);
        } else if (!data.value->is_null()) {
            wrong(data, "must be null");
        }
        if (type == "lumi" && name != "lumi") add(data, "the name of a lumi must be 'lumi'");
    }

    /// Number of parameters that uses of one modifier share.
    static std::size_t size_of(const std::vector<Use>& uses) {
        const Use& first = uses.front();
        if (is_scalar(first.type->kind)) return 1;
        if (first.type->kind != PyhfKind::staterror) return first.n_bins;
        std::map<std::string, std::size_t> bins;
        for (const Use& use : uses) bins[use.channel] = use.n_bins;
        std::size_t n = 0;
        for (const auto& [channel, n_bins] : bins) n += n_bins;
        return n;
    }

    void check_uses(const std::string& name, const std::vector<Use>& uses) {
        const Use& first = uses.front();
        const std::string there =
            fmt::format("channel '{}', sample '{}'", first.channel, first.sample);
        for (const Use& use : std::span(uses).subspan(1)) {
            if (use.type->kind != first.type->kind) {
                add(use.place, fmt::format("'{}' is a {} in {}, and a name can only be of one kind",
                                           name, first.type->name, there));
            } else if (first.type->kind == PyhfKind::shapesys) {
                add(use.place, fmt::format("{} has it, too; a shapesys belongs to one sample, so "
                                           "give them names of their own",
                                           there));
            } else if (first.type->kind == PyhfKind::shapefactor && use.n_bins != first.n_bins) {
                add(use.place, fmt::format("it has {} bins here and {} in {}; must be as many",
                                           use.n_bins, first.n_bins, there));
            }
        }
        if (first.type->kind == PyhfKind::staterror) check_carriers(uses);
        for (std::size_t b = 0; !is_scalar(first.type->kind) && b < size_of(uses); ++b) {
            const auto taken = uses_.find(fmt::format("{}[{}]", name, b));
            if (taken == uses_.end()) continue;
            add(taken->second.front().place,
                fmt::format("'{}' is what the parameter of bin {} of {} '{}' is called",
                            taken->first, b, first.type->name, name));
        }
    }

    /// A staterror of several channels has one factor for each bin of them all; that is what pyhf
    /// makes of it only where each sample that carries it does so in the same channels.
    void check_carriers(const std::vector<Use>& uses) {
        std::map<std::string, std::set<std::string>> channels;
        for (const Use& use : uses) channels[use.sample].insert(use.channel);
        for (const Use& use : uses) {
            if (channels[use.sample] == channels[uses.front().sample]) continue;
            return add(use.place,
                       fmt::format("samples '{}' and '{}' carry it in different channels ({}; {}), "
                                   "which pyhf refuses; give each channel a staterror of its own",
                                   uses.front().sample, use.sample,
                                   fmt::join(channels[uses.front().sample], ", "),
                                   fmt::join(channels[use.sample], ", ")));
        }
    }

    void check_observation(const Place& observation) {
        if (!object(observation, {"name", "data"})) return;
        const std::string name = observation.value->at("name");
        observed_.insert(name);
        std::vector<std::string> channels;
        for (const auto& [channel, n_bins] : bins_) channels.push_back(channel);
        const auto found = bins_.find(name);
        numbers(observation.at("data"), found == bins_.end() ? any_number : found->second, 0.0);
        if (found == bins_.end()) {
            add(observation, fmt::format("no channel has this name{}; channels are {}",
                                         did_you_mean(name, channels), fmt::join(channels, ", ")));
        }
    }

    void check_measurement(const Place& measurement, const std::string& chosen) {
        if (!object(measurement, {"name", "config"})) return;
        const Place config = measurement.at("config");
        if (!object(config, {"poi", "parameters"})) return;
        if (!config.value->at("poi").is_string()) wrong(config.at("poi"), "must be a text");
        const bool is_used = measurement.value->at("name") == chosen;
        std::set<std::string> configured;
        each(config, "parameters", "parameter", [&](const Place& parameter) {
            check_parameter(parameter, is_used);
            if (parameter.value->is_object()) configured.insert(parameter.value->value("name", ""));
        });
        for (const auto& [name, uses] : uses_) {
            if (!is_used || uses.front().type->kind != PyhfKind::lumi ||
                configured.contains(name)) {
                continue;
            }
            add(config,
                "parameter 'lumi' is missing: a lumi modifier needs its inits, bounds, "
                "auxdata and sigmas");
        }
    }

    void check_parameter(const Place& parameter, bool is_used) {
        static const std::vector<std::string> arrays{"inits", "auxdata", "factors", "sigmas"};
        if (!object(parameter, {"name"},
                    {"inits", "bounds", "auxdata", "factors", "sigmas", "fixed"})) {
            return;
        }
        const std::size_t before = mistakes().size();
        const json& entry = *parameter.value;
        for (const std::string& key : arrays) {
            const bool positive = key == "factors" || key == "sigmas";
            if (entry.contains(key)) {
                numbers(parameter.at(key), any_number, positive ? tiny : lowest);
            }
        }
        if (entry.contains("bounds")) check_bounds(parameter.at("bounds"));
        if (entry.contains("fixed") && !entry.at("fixed").is_boolean()) {
            wrong(parameter.at("fixed"), "must be true or false");
        }
        const auto found = uses_.find(entry.at("name"));
        if (is_used && found != uses_.end() && mistakes().size() == before) {
            check_configuration(parameter, found->second);
        }
    }

    void check_bounds(const Place& bounds) {
        if (!bounds.value->is_array() || bounds.value->empty()) {
            return wrong(bounds, "must be an array of ranges [low, high]");
        }
        for (std::size_t i = 0; i < bounds.value->size(); ++i) {
            const json& range = bounds.value->at(i);
            const bool good = range.is_array() && range.size() == 2 && range.at(0).is_number() &&
                              range.at(1).is_number() && range.at(0) < range.at(1);
            if (!good) wrong(bounds.item(i), "must be two numbers, low < high");
        }
    }

    /// Whether what is said about a parameter is of its modifier, and its start in its range.
    void check_configuration(const Place& parameter, const std::vector<Use>& uses) {
        const ModifierType& type = *uses.front().type;
        const json& entry = *parameter.value;
        const std::size_t n = size_of(uses);
        bool good = true;
        for (const char* key : {"inits", "bounds", "auxdata", "factors", "sigmas"}) {
            if (!entry.contains(key)) continue;
            const bool common = std::string(key) == "inits" || std::string(key) == "bounds";
            if (type.kind == PyhfKind::shapesys && std::string(key) == "auxdata") {
                numbers(parameter.at(key), any_number, tiny);
            }
            if (!common && std::ranges::find(type.configured, key) == type.configured.end()) {
                add(parameter.at(key), fmt::format("'{}' says nothing about a {}", key, type.name));
            } else if (entry.at(key).size() != n) {
                add(parameter.at(key), fmt::format("'{}' has {} entries (must be one for each of "
                                                   "its {} parameters)",
                                                   key, entry.at(key).size(), n));
                good = false;
            }
        }
        if (type.kind == PyhfKind::lumi &&
            !(entry.contains("auxdata") && entry.contains("sigmas"))) {
            add(parameter, "a lumi modifier needs auxdata and sigmas");
        }
        for (std::size_t i = 0; good && i < n; ++i) check_start(parameter, type, i);
    }

    void check_start(const Place& parameter, const ModifierType& type, std::size_t i) {
        const json& entry = *parameter.value;
        const double start =
            entry.contains("inits") ? entry.at("inits").at(i).get<double>() : type.start;
        const json range = entry.contains("bounds") ? entry.at("bounds").at(i)
                                                    : json::array({type.low, type.high});
        if (start >= range.at(0) && start <= range.at(1)) return;
        add(parameter, fmt::format("starts at {}, outside its range {}{}", start, range.dump(),
                                   entry.contains("bounds") ? "" : "; give it 'bounds'"));
    }

    std::map<std::string, std::size_t> bins_;  ///< of each channel
    std::map<std::string, std::vector<Use>> uses_;
    std::set<std::string> observed_;
    std::string channel_;
    std::size_t n_bins_ = any_number;
};

}  // namespace

void expect_workspace(const json& workspace, const std::string& measurement) {
    WorkspaceCheck check;
    check.check(workspace, measurement);
    if (check.mistakes().empty()) return;
    constexpr std::size_t shown = 40;
    std::string text = fmt::format("{} mistakes", check.mistakes().size());
    if (check.mistakes().size() == 1) text = "a mistake";
    for (std::size_t i = 0; i < std::min(shown, check.mistakes().size()); ++i) {
        text += "\n  " + check.mistakes()[i];
    }
    if (check.mistakes().size() > shown) {
        text += fmt::format("\n  ... and {} more", check.mistakes().size() - shown);
    }
    throw DataError(text);
}

}  // namespace ratiofarm
