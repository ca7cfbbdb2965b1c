// A study file: [study] and the [search] that it shares with campaigns.
#include <algorithm>
#include <array>

#include "ratiofarm/core/errors.hpp"

#include "campaign/campaign.hpp"
#include "campaign/search/search_space.hpp"
#include "campaign/study_section.hpp"
#include "core/publish.hpp"

#include "campaign_keys.hpp"
#include "read_search.hpp"
#include "read_search_space.hpp"
#include "section_readers.hpp"

namespace ratiofarm {
namespace {

/// Names that the records of a trial have beside those of its objectives and parameters.
constexpr std::array names_of_records{"attempt", "epochs", "trial"};

/// A table of names with "min" or "max".
void read_objectives(const TableReader& table, StudySection& study) {
    const ConfigNode* node = table.find("objectives");
    if (node == nullptr) return;
    constexpr std::size_t most = 2;
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr || members->empty() || members->size() > most) {
        return table.wrong("objectives",
                           "must be a table of one or two numbers that trainers report, the first "
                           "of which decides, such as { loss = \"min\", auc = \"max\" }");
    }
    study.objectives.clear();
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("objectives") + "." + member.key;
        const auto* word = member.value.get_if<std::string>();
        const auto sense = word == nullptr ? std::nullopt : enumerator_of<Sense>(*word);
        if (!sense) {
            table.mistakes().wrong(member.value, path, "must be \"min\" or \"max\"");
        } else if (!is_plain_name(member.key) ||
                   std::ranges::count(names_of_records, member.key) > 0) {
            table.mistakes().add(member.position, path + " (must be " +
                                                      std::string(plain_name_rule) +
                                                      ", and not attempt, epochs or trial)");
        } else {
            study.objectives.push_back({member.key, *sense});
        }
    }
}

/// All are columns of one table.
void expect_other_names(const TableReader& table, const StudySection& study) {
    for (const SearchParameter& parameter : study.search.parameters) {
        std::string why;
        if (std::ranges::count(study.objectives, parameter.key, &StudyObjective::name) > 0) {
            why = " (is an objective, too; give one of them another name)";
        } else if (std::ranges::count(names_of_records, parameter.key) > 0) {
            why = " (must not be attempt, epochs or trial, which every trial has)";
        } else {
            continue;
        }
        table.mistakes().add(table.find("parameters")->position,
                             table.path("parameters") + "." + parameter.key + why);
    }
}

void read_sampling(const TableReader& table,
                   const std::filesystem::path& folder,
                   StudySection& study) {
    const std::size_t before = table.mistakes().size();
    SearchSection& search = study.search;
    const KeysRead good = read_keys(table, search);
    constexpr std::array of_campaigns{"objective", "second_objective", "processes",
                                      "members",   "first_members",    "parallel",
                                      "command",   "timeout_seconds"};
    for (const char* key : of_campaigns) {
        if (table.find(key) == nullptr) continue;
        table.wrong(key, "is for a campaign; other programs train the trials of a study");
    }
    if (search.sampler == SearchSampler::external) {
        table.wrong("sampler", "of a study is ratiofarm's own: random, sobol, tpe, cmaes or nsga2");
    }
    if (good.has("first_rung") && search.first_rung > study.epochs) {
        table.wrong("first_rung", "must be at most study.epochs = " + std::to_string(study.epochs));
    }
    search.first_rung = std::min(search.first_rung, study.epochs);
    const bool known_space = read_space(table, SearchedKeys::any, search);
    if (known_space) {
        expect_other_names(table, study);
        read_points(table, folder, search);
    }
    if (search.sampler == SearchSampler::nsga2 && study.objectives.size() < 2) {
        table.wrong("sampler", "needs two numbers in study.objectives");
    }
    if (table.mistakes().size() > before) return;
    check_sampling(table, search, study.epochs, study.objectives.size());
}

}  // namespace

StudySection parse_study(std::string_view toml,
                         const std::filesystem::path& folder,
                         std::string_view source) {
    const ConfigNode root = parse_toml(toml, source);
    Mistakes mistakes;
    const TableReader file(&root, study_file, "", mistakes);
    StudySection study;
    for (const char* name : {"study", "search"}) {
        file.require(name, std::string("a study file has the tables [study] and [search]"));
    }
    const TableReader table = section(root, "study", mistakes);
    if (table.present()) {
        read_keys(table, study);
        read_objectives(table, study);
    }
    const TableReader search = section(root, "search", mistakes);
    if (search.present()) read_sampling(search, folder, study);
    if (!mistakes.empty()) throw ConfigError(mistakes_text(mistakes.lines(source), source));
    return study;
}

StudySection read_study(const std::filesystem::path& path) {
    return parse_study(read_text(path), path.parent_path(), path.string());
}

}  // namespace ratiofarm
