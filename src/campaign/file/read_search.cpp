// [search]: how the keys of [network] and [training] are searched.
#include "read_search.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "campaign/search/samplers.hpp"
#include "campaign/search/search_plan.hpp"

#include "read_search_space.hpp"
#include "section_readers.hpp"

namespace ratiofarm {
namespace {

/// What the keys of the nets say about one setting.
Mistakes mistakes_of(const ConfigNode& root,
                     const Campaign& campaign,
                     const SearchSetting& setting) {
    Mistakes mistakes;
    Campaign trial;
    trial.events = campaign.events;
    read_nets_with(root, setting, trial, mistakes);
    return mistakes;
}

std::string first_of(const Mistakes& mistakes) {
    const std::string line = mistakes.lines("").front();
    return line.substr(line.find_first_not_of(":0123456789 "));
}

/// Values that no trial need draw, but might: the ends of ranges, all choices.
std::vector<std::string> extreme_values(const SearchParameter& parameter) {
    if (parameter.kind == SearchKind::choice) return parameter.choices;
    const bool whole = is_whole(parameter.kind);
    std::vector<std::string> values;
    for (const double end : {parameter.low, parameter.high}) {
        values.push_back(whole ? std::to_string(static_cast<std::int64_t>(end))
                               : value_text({end, {}}));
    }
    return values;
}

/// A value is allowed if it is with what some trial has drawn for the other keys.
void check_values(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    const SearchSection& search = *campaign.search;
    const std::uint32_t looks = std::min(search.trials, 30U);
    for (std::size_t i = 0; i < search.parameters.size(); ++i) {
        const std::string& key = search.parameters[i].key;
        for (const std::string& value : extreme_values(search.parameters[i])) {
            std::string why;
            for (std::uint32_t trial = 0; trial < looks; ++trial) {
                SearchSetting setting = outlined_setting(campaign, trial);
                const auto at = std::ranges::find(setting, key, &SearchSetting::value_type::first);
                if (at == setting.end()) continue;  // not used with what was drawn
                at->second = value;
                const Mistakes found = mistakes_of(root, campaign, setting);
                why = found.empty() ? "" : first_of(found);
                if (why.empty()) break;
            }
            if (why.empty()) continue;
            mistakes.add(root.find("search")->value.find("parameters")->position,
                         fmt::format("search.parameters.\"{}\": {}", key, why));
        }
    }
}

/// Checks every setting that will be tried; the first that is not allowed is reported.
void check_trials(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    for (std::uint32_t trial = 0; trial < campaign.search->trials; ++trial) {
        const SearchSetting setting = outlined_setting(campaign, trial);
        const Mistakes found = mistakes_of(root, campaign, setting);
        if (found.empty()) continue;
        mistakes.add(root.find("search")->value.find("parameters")->position,
                     fmt::format("search.parameters: trial {} has {}, which do not go together: {}",
                                 trial, setting_text(setting), first_of(found)));
        return;
    }
}

/// With fewer trials none would get to the last rung.
void check_rungs(const TableReader& table, const SearchSection& search, std::size_t rungs) {
    double least = 1.0;
    for (std::size_t rung = 1; rung < rungs; ++rung) least *= search.reduction;
    if (search.trials >= least) return;
    table.mistakes().add(table.find("parameters")->position,
                         fmt::format("search.trials = {} (none of them would reach the last of {} "
                                     "rungs, which takes {:.0f}; raise trials or first_rung)",
                                     search.trials, rungs, std::floor(least)));
}

/// CMA-ES moves in a space of numbers. \return whether it can
bool check_numbers(const TableReader& table, const SearchSection& search) {
    const std::size_t n = search.parameters.size();
    constexpr std::size_t most = 20;
    if (n < 2 || n > most) {
        table.wrong("sampler", fmt::format("needs 2 to {} parameters, and here is {}", most, n));
        return false;
    }
    for (const SearchParameter& parameter : search.parameters) {
        if (parameter.kind != SearchKind::choice && parameter.when_values.empty()) continue;
        table.wrong(
            "sampler",
            fmt::format("needs numbers that are always used; {} {}; take \"tpe\"", parameter.key,
                        parameter.kind == SearchKind::choice ? "is a choice" : "has a 'when'"));
        return false;
    }
    return true;
}

void check_processes(const TableReader& table,
                     const Campaign& campaign,
                     const SearchSection& search) {
    std::vector<std::string> known;
    for (const ProcessSection& process : campaign.processes) known.push_back(process.name);
    for (const std::string& name : search.processes) {
        if (std::ranges::count(known, name) == 0) {
            table.wrong("processes",
                        fmt::format("no process '{}'{}", name, known_names(name, known)));
        } else if (std::ranges::count(search.processes, name) > 1) {
            table.wrong("processes", fmt::format("'{}' is listed twice", name));
        }
    }
    if (search.judges_likelihood() && search.processes.size() < known.size()) {
        table.wrong("processes",
                    "\"sigma\" and \"coverage\" need the nets of all processes; leave it out");
    }
}

std::string text_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw ConfigError("cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Keys that must go together, of those that were read well.
void check_keys(const TableReader& table,
                const Campaign& campaign,
                const KeysRead& good,
                const SearchSection& search) {
    if (good.has("first_rung") && search.first_rung > campaign.training.epochs) {
        table.wrong("first_rung",
                    fmt::format("must be at most training.epochs = {}", campaign.training.epochs));
    }
    if (good.has("processes")) check_processes(table, campaign, search);
    if (word_of(search.second_objective) == word_of(search.objective)) {
        table.wrong("second_objective", "is the objective itself; take another one");
    }
    if (search.judges_likelihood() && campaign.split.folds > 0) {
        table.wrong(is_of_likelihood(search.objective) ? "objective" : "second_objective",
                    "\"sigma\" and \"coverage\" need validation events that no fold has; leave "
                    "split.folds out, or take another objective");
    }
    const auto names = [&](const char* file) {
        return search.command.find(file) != std::string::npos;
    };
    if (good.has("command") && names("%IN") && !names("%OUT")) {
        table.wrong("command",
                    "must contain %OUT, the file that the program writes its points to; a program "
                    "that answers lines of JSON needs neither %IN nor %OUT");
    }
}

/// \pre the space has been read
void check_members(const TableReader& table, const KeysRead& good, const SearchSection& search) {
    if (good.has("first_members") && good.has("members") && search.first_members > search.members) {
        table.wrong("first_members",
                    fmt::format("must be at most search.members = {}", search.members));
    }
    if (search.searches_members() && good.has("members")) {
        table.wrong("members", "ensemble.members is searched; leave it out");
    }
    if (good.has("first_members") && !good.has("members") && !search.searches_members()) {
        table.wrong("first_members", "needs search.members, or a searched ensemble.members");
    }
}

}  // namespace

void read_points(const TableReader& table,
                 const std::filesystem::path& folder,
                 SearchSection& search) {
    const ConfigNode* node = table.find("points");
    if (node == nullptr) return;
    const auto read = [&](const ConfigNode& at, const std::string& path, const auto& take) {
        try {
            take();
        } catch (const ConfigError& problem) {
            table.mistakes().add(at.position, fmt::format("{}: {}", path, problem.what()));
        }
    };
    if (const auto* name = node->get_if<std::string>()) {
        read(*node, "search.points = " + value_text(*node),
             [&] { search.points = parse_points(search, text_of_file(folder / *name)); });
    } else if (const auto* points = node->get_if<ConfigNode::Array>()) {
        for (std::size_t i = 0; i < points->size(); ++i) {
            const ConfigNode& point = (*points)[i];
            read(point, fmt::format("search.points[{}]", i),
                 [&] { search.points.push_back(setting_of_point(search, point)); });
        }
    } else {
        table.wrong("points", "must be a JSON file, or an array of tables of the searched keys");
    }
    if (search.points.size() <= search.trials) return;
    table.mistakes().add(node->position,
                         fmt::format("search.points: {} points for {} trials; raise search.trials",
                                     search.points.size(), search.trials));
}

void check_sampling(const TableReader& table,
                    const SearchSection& search,
                    std::uint32_t epochs,
                    std::size_t objectives) {
    const std::size_t rungs = rung_epochs(search, epochs).size();
    check_rungs(table, search, rungs);
    if (!search.evolves()) return;
    if (search.sampler == SearchSampler::cmaes) {
        if (!check_numbers(table, search)) return;
    } else if (objectives < 2) {
        return table.wrong("sampler", "needs a second_objective");
    }
    if (rungs > 1) {
        return table.wrong(
            "sampler",
            fmt::format("compares all trials at equal epochs; set first_rung = {}", epochs));
    }
    const std::size_t generation = generation_size(search);
    const std::size_t least = search.points.size() + 2 * generation;
    if (search.trials >= least) return;
    table.wrong("sampler", fmt::format("learns from generations of {}; set trials to at least {}",
                                       generation, least));
}

void read_search(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "search", mistakes);
    if (!table.present()) return;
    const std::size_t before = mistakes.size();
    SearchSection search;
    const KeysRead good = read_keys(table, search);
    check_keys(table, campaign, good, search);
    search.first_rung = std::min(search.first_rung, campaign.training.epochs);
    read_space(table, SearchedKeys::of_nets, search);
    check_members(table, good, search);
    if (mistakes.size() == before) read_points(table, campaign.folder, search);
    if (!campaign.has_events()) {
        mistakes.add(
            table.find("parameters") == nullptr ? Position{} : table.find("parameters")->position,
            "search (a campaign without [events] trains nothing; leave it out)");
    }
    campaign.search = std::move(search);
    if (mistakes.size() > before || !mistakes_of(root, campaign, {}).empty()) return;
    const bool two = campaign.search->second_objective != SecondObjective::none;
    check_sampling(table, *campaign.search, campaign.training.epochs, two ? 2 : 1);
    check_values(root, campaign, mistakes);
    if (mistakes.size() == before) check_trials(root, campaign, mistakes);
}

}  // namespace ratiofarm
