#include "ratio_attributes.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"
#include "h5/attributes.hpp"
#include "tables/words.hpp"

namespace ratiofarm {
namespace {

constexpr const char* reference_group = "/reference";

void write_reference(const h5::File& file, const std::vector<ReferenceComponent>& reference) {
    if (reference.empty()) return;
    std::vector<std::string> processes;
    std::vector<std::string> samples;
    std::vector<double> fractions;
    for (const ReferenceComponent& component : reference) {
        processes.push_back(component.process);
        samples.push_back(component.sample);
        fractions.push_back(component.fraction);
    }
    h5::create_group(file, reference_group);
    h5::write_attribute(file, reference_group, "processes", processes);
    h5::write_attribute(file, reference_group, "samples", samples);
    h5::write_attribute(file, reference_group, "fractions", fractions);
}

std::vector<ReferenceComponent> read_reference(const h5::File& file) {
    if (!h5::is_group(file, reference_group)) return {};
    const auto processes = h5::read_texts_attribute(file, reference_group, "processes");
    const auto samples = h5::read_texts_attribute(file, reference_group, "samples");
    const auto fractions = h5::read_numbers_attribute(file, reference_group, "fractions");
    if (samples.size() != processes.size() || fractions.size() != processes.size()) {
        throw DataError("the attributes of '/reference' have different lengths");
    }
    std::vector<ReferenceComponent> reference;
    for (std::size_t index = 0; index < processes.size(); ++index) {
        reference.push_back({processes[index], samples[index], fractions[index]});
    }
    return reference;
}

std::vector<RatioProcess> read_processes(const h5::File& file) {
    const auto names = h5::read_texts_attribute(file, "/", "processes");
    const auto yields = h5::read_numbers_attribute(file, "/", "yields");
    std::vector<std::string> ensembles(names.size(), Digest{}.hex());
    if (h5::has_attribute(file, "/", "ensembles")) {
        ensembles = h5::read_texts_attribute(file, "/", "ensembles");
    }
    if (names.empty() || yields.size() != names.size() || ensembles.size() != names.size()) {
        throw DataError(
            "the attributes 'processes', 'yields' and 'ensembles' must have one entry "
            "per process");
    }
    std::vector<RatioProcess> processes;
    for (std::size_t index = 0; index < names.size(); ++index) {
        if (!(yields[index] > 0.0)) {
            throw DataError("the yield of process '" + names[index] + "' is " +
                            std::to_string(yields[index]) + ", must be > 0");
        }
        processes.push_back({names[index], yields[index], Digest::from_hex(ensembles[index])});
    }
    return processes;
}

/// How many nets belong to each process.
void write_counts(const h5::File& file,
                  const std::string& name,
                  const std::vector<std::uint32_t>& counts) {
    if (counts.empty()) return;
    h5::write_attribute(file, "/", name, std::vector<double>(counts.begin(), counts.end()));
}

std::vector<std::uint32_t> read_counts(const h5::File& file,
                                       const std::string& name,
                                       std::size_t processes) {
    std::vector<std::uint32_t> counts;
    if (!h5::has_attribute(file, "/", name)) return counts;
    for (const double count : h5::read_numbers_attribute(file, "/", name)) {
        counts.push_back(static_cast<std::uint32_t>(count));
    }
    if (counts.size() == processes) return counts;
    throw DataError("attribute '" + name + "' must have one entry per process");
}

/// Names of processes and parameters: two lists of one length, or nothing.
std::vector<RatioShape> read_pairs(const h5::File& file, const std::string& what) {
    const std::string processes = what + "_processes";
    const std::string parameters = what + "_parameters";
    const bool has_processes = h5::has_attribute(file, "/", processes);
    if (has_processes != h5::has_attribute(file, "/", parameters)) {
        throw DataError("of the attributes '" + processes + "' and '" + parameters +
                        "' only one is there");
    }
    if (!has_processes) return {};
    const auto first = h5::read_texts_attribute(file, "/", processes);
    const auto second = h5::read_texts_attribute(file, "/", parameters);
    if (first.size() != second.size()) {
        throw DataError("the attributes '" + processes + "' and '" + parameters + "' have " +
                        std::to_string(first.size()) + " and " + std::to_string(second.size()) +
                        " entries, must have as many");
    }
    std::vector<RatioShape> pairs;
    for (std::size_t index = 0; index < first.size(); ++index) {
        const RatioShape pair{first[index], second[index]};
        if (std::find(pairs.begin(), pairs.end(), pair) != pairs.end()) {
            throw DataError("the attributes '" + processes + "' and '" + parameters + "' name '" +
                            pair.process + "' with '" + pair.parameter + "' twice");
        }
        pairs.push_back(pair);
    }
    return pairs;
}

std::vector<RatioYield> read_yields(const h5::File& file) {
    const std::vector<RatioShape> pairs = read_pairs(file, "yield");
    if (pairs.empty()) return {};
    const auto up = h5::read_numbers_attribute(file, "/", "yield_up");
    const auto down = h5::read_numbers_attribute(file, "/", "yield_down");
    if (up.size() != pairs.size() || down.size() != pairs.size()) {
        throw DataError("the attributes 'yield_up' and 'yield_down' must have " +
                        std::to_string(pairs.size()) + " entries, as 'yield_processes' has");
    }
    std::vector<RatioYield> yields;
    for (std::size_t index = 0; index < pairs.size(); ++index) {
        const auto& [process, parameter] = pairs[index];
        if (!(up[index] > 0.0) || !(down[index] > 0.0)) {
            throw DataError("the factors of '" + parameter + "' on the yield of '" + process +
                            "' are " + std::to_string(up[index]) + " and " +
                            std::to_string(down[index]) + ", must be > 0");
        }
        yields.push_back({process, parameter, {up[index], down[index]}});
    }
    return yields;
}

/// Writes the two lists of names that read_pairs() reads.
template <class List>
void write_pairs(const h5::File& file, const std::string& what, const List& list) {
    std::vector<std::string> processes;
    std::vector<std::string> parameters;
    for (const auto& entry : list) {
        processes.push_back(entry.process);
        parameters.push_back(entry.parameter);
    }
    h5::write_attribute(file, "/", what + "_processes", processes);
    h5::write_attribute(file, "/", what + "_parameters", parameters);
}

void write_systematics(const h5::File& file, const RatioHeader& header) {
    if (!header.shapes.empty()) write_pairs(file, "shape", header.shapes);
    if (header.yields.empty()) return;
    write_pairs(file, "yield", header.yields);
    std::vector<double> up;
    std::vector<double> down;
    for (const RatioYield& yield : header.yields) {
        up.push_back(yield.factors.up);
        down.push_back(yield.factors.down);
    }
    h5::write_attribute(file, "/", "yield_up", up);
    h5::write_attribute(file, "/", "yield_down", down);
}

std::vector<double> pair_of(const MeanAndSpread& value) { return {value.mean, value.spread}; }

/// Numbers of an attribute, or `missing` where there is none.
std::vector<double> numbers_or(const h5::File& file,
                               const std::string& name,
                               std::vector<double> missing) {
    if (!h5::has_attribute(file, "/", name)) return missing;
    std::vector<double> numbers = h5::read_numbers_attribute(file, "/", name);
    if (numbers.size() == missing.size()) return numbers;
    throw DataError("attribute '" + name + "' has " + std::to_string(numbers.size()) +
                    " entries, must have " + std::to_string(missing.size()));
}

template <class Enum>
Enum word_or(const h5::File& file, const std::string& name, Enum missing) {
    if (!h5::has_attribute(file, "/", name)) return missing;
    return value_of<Enum>(h5::read_text_attribute(file, "/", name), name);
}

}  // namespace

std::uint64_t RatioHeader::column_of(std::string_view process) const {
    std::vector<std::string> names;
    for (std::uint64_t column = 0; column < processes.size(); ++column) {
        if (processes[column].name == process) return column;
        names.push_back(processes[column].name);
    }
    throw DataError("there is no process '" + std::string(process) + "' among the ratios" +
                    did_you_mean(process, names));
}

std::string set_path(std::string_view set) { return "/events/" + std::string(set); }

void write_ratio_header(const h5::File& file,
                        const RatioHeader& header,
                        const RatioSummary& summary,
                        const std::vector<std::string>& sets) {
    std::vector<std::string> names;
    std::vector<double> yields;
    std::vector<std::string> ensembles;
    for (const RatioProcess& process : header.processes) {
        names.push_back(process.name);
        yields.push_back(process.yield);
        ensembles.push_back(process.ensemble.hex());
    }
    h5::write_attribute(file, "/", "processes", names);
    h5::write_attribute(file, "/", "yields", yields);
    h5::write_attribute(file, "/", "ensembles", ensembles);
    h5::write_attribute(file, "/", "samples", sets);
    h5::write_attribute(file, "/", "inputs", std::string_view(header.inputs.hex()));
    if (!header.made_from.empty()) {
        h5::write_attribute(file, "/", "made_from", std::string_view(header.made_from));
    }
    h5::write_attribute(
        file, "/", "split",
        std::vector<double>{header.split.train, header.split.validation, header.split.inference});
    if (header.split.folds > 0) {
        h5::write_attribute(file, "/", "folds", std::uint64_t{header.split.folds});
    }
    h5::write_attribute(file, "/", "aggregation", word_of(header.aggregation));
    h5::write_attribute(file, "/", "shape_norm", word_of(header.shape_norm));
    write_reference(file, header.reference);
    write_systematics(file, header);
    write_significances(file, header.significances);
    if (header.shape_nets > 0) {
        h5::write_attribute(file, "/", "shape_nets", std::uint64_t{header.shape_nets});
    }
    write_counts(file, "replicas", header.replicas);
    write_counts(file, "members", header.members);
    if (summary.log_z.empty()) return;  // nothing was measured
    h5::write_attribute(file, "/", "log_z", summary.log_z);
    h5::write_attribute(file, "/", "excess", summary.excess);
    h5::write_attribute(file, "/", "excess_error", summary.excess_error);
    h5::write_attribute(file, "/", "identity_before", pair_of(summary.identity_before));
    h5::write_attribute(file, "/", "identity_after", pair_of(summary.identity_after));
    h5::write_attribute(file, "/", "reference_events", summary.reference_events);
}

RatioHeader read_ratio_header(const h5::File& file) {
    RatioHeader header;
    header.processes = read_processes(file);
    header.reference = read_reference(file);
    header.shapes = read_pairs(file, "shape");
    header.significances = read_significances(file, header.shapes.size());
    if (h5::has_attribute(file, "/", "shape_nets")) {
        header.shape_nets =
            static_cast<std::uint32_t>(h5::read_integer_attribute(file, "/", "shape_nets"));
    }
    header.yields = read_yields(file);
    header.replicas = read_counts(file, "replicas", header.processes.size());
    header.members = read_counts(file, "members", header.processes.size());
    const auto split = numbers_or(file, "split", {0.0, 0.0, 1.0});
    header.split = {.train = split[0], .validation = split[1], .inference = split[2]};
    if (h5::has_attribute(file, "/", "folds")) {
        header.split.folds =
            static_cast<std::uint32_t>(h5::read_integer_attribute(file, "/", "folds"));
    }
    header.aggregation = word_or(file, "aggregation", Combine::mean_log_ratio);
    header.shape_norm = word_or(file, "shape_norm", ShapeNorm::none);
    if (h5::has_attribute(file, "/", "inputs")) {
        header.inputs = Digest::from_hex(h5::read_text_attribute(file, "/", "inputs"));
    }
    if (h5::has_attribute(file, "/", "made_from")) {
        header.made_from = h5::read_text_attribute(file, "/", "made_from");
    }
    for (const ReferenceComponent& component : header.reference) {
        header.column_of(component.process);
    }
    for (const RatioShape& shape : header.shapes) header.column_of(shape.process);
    for (const RatioYield& yield : header.yields) header.column_of(yield.process);
    return header;
}

RatioSummary read_ratio_summary(const h5::File& file) {
    const std::size_t processes = h5::read_texts_attribute(file, "/", "processes").size();
    const std::vector<double> zeros(processes, 0.0);
    RatioSummary summary;
    summary.log_z = numbers_or(file, "log_z", zeros);
    summary.excess = numbers_or(file, "excess", zeros);
    summary.excess_error = numbers_or(file, "excess_error", zeros);
    const auto before = numbers_or(file, "identity_before", {0.0, 0.0});
    const auto after = numbers_or(file, "identity_after", {0.0, 0.0});
    summary.identity_before = {before[0], before[1]};
    summary.identity_after = {after[0], after[1]};
    if (h5::has_attribute(file, "/", "reference_events")) {
        summary.reference_events = h5::read_integer_attribute(file, "/", "reference_events");
    }
    return summary;
}

std::vector<std::string> read_set_names(const h5::File& file) {
    if (!h5::is_group(file, "/events")) throw DataError("group /events is missing");
    const std::vector<std::string> found = h5::member_names(file, "/events");
    if (!h5::has_attribute(file, "/", "samples")) return found;
    std::vector<std::string> named = h5::read_texts_attribute(file, "/", "samples");
    std::vector<std::string> sorted = named;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != found) {
        throw DataError("attribute 'samples' does not name the members of /events");
    }
    return named;
}

namespace {

/// One number of each significance.
template <class Number>
std::vector<double> column(const std::vector<ShapeSignificance>& significances, Number number) {
    std::vector<double> values;
    for (const ShapeSignificance& significance : significances) {
        values.push_back(static_cast<double>(std::invoke(number, significance)));
    }
    return values;
}

}  // namespace

void write_significances(const h5::File& file,
                         const std::vector<ShapeSignificance>& significances) {
    if (significances.empty()) return;
    h5::write_attribute(
        file, "/", "shape_none",
        column(significances, [](const ShapeSignificance& of) { return !of.significant; }));
    h5::write_attribute(file, "/", "shape_gain", column(significances, &ShapeSignificance::gain));
    h5::write_attribute(file, "/", "shape_gain_error",
                        column(significances, &ShapeSignificance::gain_error));
    h5::write_attribute(file, "/", "shape_noise_variance",
                        column(significances, &ShapeSignificance::noise_variance));
}

std::vector<ShapeSignificance> read_significances(const h5::File& file, std::size_t shapes) {
    if (!h5::has_attribute(file, "/", "shape_none")) return {};
    std::vector<ShapeSignificance> significances(shapes);
    const auto read = [&](const std::string& name, const auto& set) {
        const auto values = h5::read_numbers_attribute(file, "/", name);
        if (values.size() != shapes) {
            throw DataError("attribute '" + name + "' has " + std::to_string(values.size()) +
                            " entries, must have " + std::to_string(shapes) +
                            ", as 'shape_processes' has");
        }
        for (std::size_t shape = 0; shape < shapes; ++shape)
            set(significances[shape], values[shape]);
    };
    read("shape_none", [](ShapeSignificance& to, double value) { to.significant = value == 0.0; });
    read("shape_gain", [](ShapeSignificance& to, double value) { to.gain = value; });
    read("shape_gain_error", [](ShapeSignificance& to, double value) { to.gain_error = value; });
    read("shape_noise_variance",
         [](ShapeSignificance& to, double value) { to.noise_variance = value; });
    return significances;
}

}  // namespace ratiofarm
