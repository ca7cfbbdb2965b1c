#include "morphing.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

/// Anchors whose smallest pivot is below this part of the largest entry are taken for dependent.
constexpr double dependent = 1e-12;
/// Constants below this part of the largest of a coefficient are rounding.
constexpr double rounding = 1e-13;

using Matrix = std::vector<std::vector<double>>;

/// Inverse by elimination with the largest pivot of each column.
Matrix inverse(Matrix matrix) {
    const std::size_t n = matrix.size();
    Matrix result(n, std::vector<double>(n, 0.0));
    double largest = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
        result[k][k] = 1.0;
        for (const double value : matrix[k]) largest = std::max(largest, std::abs(value));
    }
    for (std::size_t column = 0; column < n; ++column) {
        std::size_t pivot = column;
        for (std::size_t row = column; row < n; ++row) {
            if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
        }
        if (!(std::abs(matrix[pivot][column]) > dependent * largest)) {
            throw ConfigError(
                "the anchors do not tell the terms apart: some combination of the terms vanishes "
                "at all of them; choose other points");
        }
        std::swap(matrix[pivot], matrix[column]);
        std::swap(result[pivot], result[column]);
        const double scale = 1.0 / matrix[column][column];
        for (std::size_t k = 0; k < n; ++k) {
            matrix[column][k] *= scale;
            result[column][k] *= scale;
        }
        for (std::size_t row = 0; row < n; ++row) {
            const double factor = matrix[row][column];
            if (row == column || factor == 0.0) continue;
            for (std::size_t k = 0; k < n; ++k) {
                matrix[row][k] -= factor * matrix[column][k];
                result[row][k] -= factor * result[column][k];
            }
        }
    }
    return result;
}

/// sum_k weight_k t_k, like terms merged, rounding dropped.
Coefficient combine(std::span<const Coefficient> terms, std::span<const double> weights) {
    Coefficient sum;
    for (std::size_t k = 0; k < terms.size(); ++k) {
        for (const CoefficientTerm& term : terms[k].terms) {
            const auto like = std::find_if(
                sum.terms.begin(), sum.terms.end(),
                [&](const CoefficientTerm& other) { return other.factors == term.factors; });
            const double constant = weights[k] * term.constant;
            if (like == sum.terms.end()) {
                sum.terms.push_back({constant, term.factors});
            } else {
                like->constant += constant;
            }
        }
    }
    double largest = 0.0;
    for (const auto& term : sum.terms) largest = std::max(largest, std::abs(term.constant));
    std::erase_if(sum.terms, [&](const CoefficientTerm& term) {
        return std::abs(term.constant) <= rounding * largest;
    });
    return sum;
}

}  // namespace

double value_at(const Coefficient& coefficient,
                std::span<const std::pair<std::string, double>> point) {
    double value = 0.0;
    for (const CoefficientTerm& term : coefficient.terms) {
        double product = term.constant;
        for (const auto& factor : term.factors) {
            const auto given = std::find_if(point.begin(), point.end(), [&](const auto& entry) {
                return entry.first == factor.parameter;
            });
            product *= std::pow(given == point.end() ? 0.0 : given->second, factor.power);
        }
        value += product;
    }
    return value;
}

std::vector<Coefficient> morphing_coefficients(std::span<const Coefficient> terms,
                                               std::span<const MorphingAnchor> anchors) {
    RATIOFARM_EXPECT(terms.size() == anchors.size());
    Matrix values;
    for (const Coefficient& term : terms) {
        auto& row = values.emplace_back();
        for (const MorphingAnchor& anchor : anchors) row.push_back(value_at(term, anchor.point));
    }
    std::vector<Coefficient> coefficients;
    for (const std::vector<double>& weights : inverse(std::move(values))) {
        coefficients.push_back(combine(terms, weights));
    }
    return coefficients;
}

std::vector<Coefficient> terms_of_amplitude(std::span<const Coefficient> couplings) {
    std::vector<std::string> names;
    for (const Coefficient& coupling : couplings) {
        for (const CoefficientTerm& term : coupling.terms) {
            for (const auto& factor : term.factors) names.push_back(factor.parameter);
        }
    }
    std::vector<Coefficient> terms;
    for (std::size_t a = 0; a < couplings.size(); ++a) {
        for (std::size_t b = a; b < couplings.size(); ++b) {
            Coefficient product = Coefficient::parse(
                "(" + couplings[a].text() + ")*(" + couplings[b].text() + ")", names);
            if (std::find(terms.begin(), terms.end(), product) == terms.end()) {
                terms.push_back(std::move(product));
            }
        }
    }
    return terms;
}

namespace {

std::vector<Coefficient> read_formulas(const TableReader& table,
                                       std::string_view key,
                                       const Campaign& campaign) {
    std::vector<std::string> texts;
    std::vector<Coefficient> formulas;
    if (!table.texts(key, texts)) return formulas;
    for (const std::string& text : texts) {
        try {
            formulas.push_back(Coefficient::parse(text, parameter_names(campaign)));
        } catch (const ConfigError& error) {
            table.wrong(key, error.what());
        }
    }
    return formulas;
}

std::vector<MorphingAnchor> read_anchors(const TableReader& table, const Campaign& campaign) {
    const ConfigNode* node =
        table.require("anchors",
                      "where each process was simulated, for example anchors = { SBI = "
                      "{ mu = 1.0 }, B = { mu = 0.0 } }");
    if (node == nullptr) return {};
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        table.wrong("anchors", "must be a table of processes and points");
        return {};
    }
    const std::vector<std::string> names = parameter_names(campaign);
    std::vector<MorphingAnchor> anchors;
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("anchors") + "." + member.key;
        MorphingAnchor anchor{member.key, {}};
        const auto* point = member.value.get_if<ConfigNode::Table>();
        if (point == nullptr) {
            table.mistakes().wrong(member.value, path, "must be a point like { mu = 1.0 }");
            continue;
        }
        for (const ConfigMember& value : *point) {
            if (std::find(names.begin(), names.end(), value.key) == names.end()) {
                table.mistakes().wrong(value.value, path + "." + value.key,
                                       "no such parameter" + known_names(value.key, names));
            }
            const auto number =
                read_number(value.value, {}, path + "." + value.key, table.mistakes());
            if (number) anchor.point.emplace_back(value.key, *number);
        }
        anchors.push_back(std::move(anchor));
    }
    return anchors;
}

/// Gives each anchored process its coefficient.
void assign(const TableReader& table,
            const std::vector<Coefficient>& terms,
            const std::vector<MorphingAnchor>& anchors,
            Campaign& campaign) {
    const auto coefficients = morphing_coefficients(terms, anchors);
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        const auto found = std::find(names.begin(), names.end(), anchors[a].process);
        if (found == names.end()) {
            table.wrong("anchors", "no such process '" + anchors[a].process + "'" +
                                       known_names(anchors[a].process, names));
            continue;
        }
        ProcessSection& process =
            campaign.processes[static_cast<std::size_t>(found - names.begin())];
        if (process.coefficient != Coefficient::parse("1", {})) {
            table.wrong("anchors", "process '" + process.name +
                                       "' has a coefficient of its own; remove one of the two");
            continue;
        }
        process.coefficient = coefficients[a];
    }
}

void read_one(const ConfigNode& node, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table(&node, "morphing", "morphing", mistakes);
    if (!table.present()) return;
    const std::size_t before = mistakes.size();
    const bool by_amplitude = table.find("amplitude") != nullptr;
    if (by_amplitude == (table.find("terms") != nullptr)) {
        mistakes.add(node.position,
                     "morphing (either amplitude, for example amplitude = [\"sqrt(mu)\", \"1\"], "
                     "whose products are the terms, or terms = [\"mu\", \"sqrt(mu)\", \"1\"])");
        return;
    }
    std::vector<Coefficient> terms =
        read_formulas(table, by_amplitude ? "amplitude" : "terms", campaign);
    const std::vector<MorphingAnchor> anchors = read_anchors(table, campaign);
    if (mistakes.size() != before) return;
    if (by_amplitude) terms = terms_of_amplitude(terms);
    if (terms.size() != anchors.size()) {
        table.wrong("anchors", "must be " + std::to_string(terms.size()) +
                                   " processes, as many as there are terms");
        return;
    }
    try {
        assign(table, terms, anchors, campaign);
    } catch (const ConfigError& error) {
        table.wrong("anchors", error.what());
    }
}

}  // namespace

void read_morphing(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    for_each_section(root, "morphing", mistakes, [&](const ConfigNode& node, const std::string&) {
        read_one(node, campaign, mistakes);
    });
}

}  // namespace ratiofarm
