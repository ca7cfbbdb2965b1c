#include "ensemble_layout.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/key.hpp"
#include "ratiofarm/core/wire.hpp"

#include "h5/attributes.hpp"
#include "tables/words.hpp"

namespace ratiofarm {

namespace {

constexpr const char* network_group = "/network";
constexpr const char* training_group = "/training";
constexpr const char* gates_group = "/gates";
constexpr const char* excluded_group = "/excluded";

/// Writes the fields of a struct as attributes of one group, without what changes no result and
/// options that came later and are not used.
class AttributeWriter {
public:
    AttributeWriter(const h5::File& file, std::string group)
        : file_(file), group_(std::move(group)) {
        h5::create_group(file_, group_);
    }

    template <class T>
    void operator()(std::string_view key, const T& value, const Key& about = {}) const {
        if (about.effect == Key::Effect::none || !about.written) return;
        const std::string name(key);
        if constexpr (std::is_enum_v<T>) {
            h5::write_attribute(file_, group_, name, std::string_view(word_of(value)));
        } else if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
            h5::write_attribute(file_, group_, name,
                                std::vector<double>(value.begin(), value.end()));
        } else if constexpr (std::is_integral_v<T>) {
            h5::write_attribute(file_, group_, name, std::uint64_t{value});
        } else {
            h5::write_attribute(file_, group_, name, value);
        }
    }

private:
    const h5::File& file_;
    std::string group_;
};

class AttributeReader {
public:
    AttributeReader(const h5::File& file, std::string group)
        : file_(file), group_(std::move(group)), names_(h5::attribute_names(file, group_)) {}

    template <class T>
    void operator()(std::string_view key, T& value, const Key& about = {}) const {
        if (about.effect == Key::Effect::none) return;
        const std::string name(key);
        if (!about.written && std::ranges::count(names_, name) == 0) return;
        if constexpr (std::is_enum_v<T>) {
            value = value_of<T>(h5::read_text_attribute(file_, group_, name), name);
        } else if constexpr (std::is_integral_v<T>) {
            const std::uint64_t stored = h5::read_integer_attribute(file_, group_, name);
            if (stored > std::numeric_limits<T>::max()) {
                throw DataError("attribute '" + name + "' of '" + group_ + "' is " +
                                std::to_string(stored) + ": too large");
            }
            value = static_cast<T>(stored);
        } else if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
            for (const double number : h5::read_numbers_attribute(file_, group_, name)) {
                value.push_back(static_cast<std::uint32_t>(number));
            }
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            value = h5::read_texts_attribute(file_, group_, name);
        } else {
            value = h5::read_number_attribute(file_, group_, name);
        }
    }

private:
    const h5::File& file_;
    std::string group_;
    std::vector<std::string> names_;
};

void write_network(const h5::File& file, const Network& network) {
    for_each_field(network, AttributeWriter(file, network_group));
    h5::write_attribute(file, network_group, "parameter_layout",
                        std::string_view(layout_json(network)));
}

Network read_network(const h5::File& file) {
    Network network;
    for_each_field(network, AttributeReader(file, network_group));
    if (h5::read_text_attribute(file, network_group, "parameter_layout") != layout_json(network)) {
        throw DataError("attribute 'parameter_layout' of '/network' is not that of this network");
    }
    return network;
}

void write_excluded(const h5::File& file, const std::vector<ExcludedNet>& excluded) {
    std::vector<std::string> names;
    std::vector<std::string> tasks;
    std::vector<std::string> reasons;
    for (const ExcludedNet& net : excluded) {
        names.push_back(net.name);
        tasks.push_back(net.task.hex());
        reasons.push_back(net.reason);
    }
    h5::create_group(file, excluded_group);
    h5::write_attribute(file, excluded_group, "names", names);
    h5::write_attribute(file, excluded_group, "tasks", tasks);
    h5::write_attribute(file, excluded_group, "reasons", reasons);
}

std::vector<ExcludedNet> read_excluded(const h5::File& file) {
    const auto names = h5::read_texts_attribute(file, excluded_group, "names");
    const auto tasks = h5::read_texts_attribute(file, excluded_group, "tasks");
    const auto reasons = h5::read_texts_attribute(file, excluded_group, "reasons");
    if (tasks.size() != names.size() || reasons.size() != names.size()) {
        throw DataError("the attributes of '/excluded' have different lengths");
    }
    std::vector<ExcludedNet> excluded;
    for (std::size_t net = 0; net < names.size(); ++net) {
        excluded.push_back({names[net], Digest::from_hex(tasks[net]), reasons[net]});
    }
    return excluded;
}

}  // namespace

std::string layout_json(const Network& network) {
    std::string json = "[";
    for (const ParameterBlock& block : parameter_layout(network)) {
        json += json.size() == 1 ? "" : ", ";
        json += "{\"name\": \"" + block.name + "\", \"shape\": [";
        for (std::size_t axis = 0; axis < block.shape.size(); ++axis) {
            json += (axis == 0 ? "" : ", ") + std::to_string(block.shape[axis]);
        }
        json += "], \"offset\": " + std::to_string(block.offset) + "}";
    }
    return json + "]";
}

void write_ensemble_header(const h5::File& file, const EnsembleHeader& header) {
    h5::write_attribute(file, "/", "ensemble", std::string_view(header.name));
    h5::write_attribute(file, "/", "process", std::string_view(header.process));
    h5::write_attribute(file, "/", "digest", std::string_view(header.digest.hex()));
    h5::write_attribute(file, "/", "features", header.features);
    h5::write_attribute(file, "/", "combine", std::string_view(word_of(header.combine)));
    h5::write_attribute(file, "/", "folds", std::uint64_t{header.folds});
    h5::write_attribute(file, "/", "row_size", header.row_size());
    h5::write_attribute(file, "/nets", "names", header.names);
    write_network(file, header.network);
    for_each_field(header.training, AttributeWriter(file, training_group));
    const AttributeWriter write_gate(file, gates_group);
    for (const NamedNumber& gate : header.gates) write_gate(gate.name, gate.value);
    write_excluded(file, header.excluded);
}

EnsembleHeader read_ensemble_header(const h5::File& file) {
    EnsembleHeader header;
    header.name = h5::read_text_attribute(file, "/", "ensemble");
    header.process = h5::read_text_attribute(file, "/", "process");
    header.digest = Digest::from_hex(h5::read_text_attribute(file, "/", "digest"));
    header.features = h5::read_texts_attribute(file, "/", "features");
    const std::uint64_t version = h5::read_integer_attribute(file, "/", "version");
    header.scores = version >= 5;
    header.list_closure = version >= 6;
    const AttributeReader read(file, "/");
    read("combine", header.combine);
    read("folds", header.folds);
    header.names = h5::read_texts_attribute(file, "/nets", "names");
    header.network = read_network(file);
    for_each_field(header.training, AttributeReader(file, training_group));
    for (const std::string& gate : h5::attribute_names(file, gates_group)) {
        header.gates.push_back({gate, h5::read_number_attribute(file, gates_group, gate)});
    }
    header.excluded = read_excluded(file);
    if (header.features.size() != header.network.inputs) {
        throw DataError("the network has " + std::to_string(header.network.inputs) +
                        " inputs, but 'features' names " + std::to_string(header.features.size()));
    }
    return header;
}

}  // namespace ratiofarm
