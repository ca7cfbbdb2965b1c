#include "ensemble_layout.hpp"

#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/h5/attributes.hpp"

#include "words.hpp"

namespace ratiofarm {

namespace {

std::uint32_t read_u32(const h5::File& file, const std::string& object, const std::string& name) {
    const std::uint64_t value = h5::read_integer_attribute(file, object, name);
    if (value <= std::numeric_limits<std::uint32_t>::max())
        return static_cast<std::uint32_t>(value);
    throw DataError("attribute '" + name + "' of '" + object + "' is " + std::to_string(value) +
                    ": too large");
}

template <class Enum>
Enum read_word(const h5::File& file, const std::string& object, const std::string& name) {
    return value_of<Enum>(h5::read_text_attribute(file, object, name), name);
}

void write_network(const h5::File& file, const Network& network) {
    const std::string group = "/network";
    h5::create_group(file, group);
    h5::write_attribute(file, group, "kind", std::string_view("mlp"));
    h5::write_attribute(file, group, "inputs", std::uint64_t{network.inputs});
    h5::write_attribute(file, group, "hidden",
                        std::vector<double>(network.hidden.begin(), network.hidden.end()));
    h5::write_attribute(file, group, "activation", word_of(network.activation));
    h5::write_attribute(file, group, "parameter_layout", std::string_view(layout_json(network)));
}

Network read_network(const h5::File& file) {
    const std::string group = "/network";
    if (h5::read_text_attribute(file, group, "kind") != "mlp") {
        throw DataError("attribute 'kind' of '/network' is not 'mlp', the only kind that is known");
    }
    Network network;
    network.inputs = read_u32(file, group, "inputs");
    for (const double width : h5::read_numbers_attribute(file, group, "hidden")) {
        network.hidden.push_back(static_cast<std::uint32_t>(width));
    }
    network.activation = read_word<Activation>(file, group, "activation");
    if (h5::read_text_attribute(file, group, "parameter_layout") != layout_json(network)) {
        throw DataError("attribute 'parameter_layout' of '/network' is not that of this network");
    }
    return network;
}

void write_training(const h5::File& file, const TrainingOptions& training) {
    const std::string group = "/training";
    h5::create_group(file, group);
    h5::write_attribute(file, group, "epochs", std::uint64_t{training.epochs});
    h5::write_attribute(file, group, "batch", std::uint64_t{training.batch});
    h5::write_attribute(file, group, "learning_rate", training.learning_rate);
    h5::write_attribute(file, group, "optimizer", word_of(training.optimizer));
    h5::write_attribute(file, group, "schedule", word_of(training.schedule));
    h5::write_attribute(file, group, "weight_decay", training.weight_decay);
    h5::write_attribute(file, group, "patience", std::uint64_t{training.patience});
    h5::write_attribute(file, group, "precision", word_of(training.precision));
    h5::write_attribute(file, group, "threads", std::uint64_t{training.threads});
}

TrainingOptions read_training(const h5::File& file) {
    const std::string group = "/training";
    TrainingOptions training;
    training.epochs = read_u32(file, group, "epochs");
    training.batch = read_u32(file, group, "batch");
    training.learning_rate = h5::read_number_attribute(file, group, "learning_rate");
    training.optimizer = read_word<Optimizer>(file, group, "optimizer");
    training.schedule = read_word<Schedule>(file, group, "schedule");
    training.weight_decay = h5::read_number_attribute(file, group, "weight_decay");
    training.patience = read_u32(file, group, "patience");
    training.precision = read_word<Precision>(file, group, "precision");
    training.threads = read_u32(file, group, "threads");
    return training;
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
    h5::write_attribute(file, "/", "process", std::string_view(header.process));
    h5::write_attribute(file, "/", "digest", std::string_view(header.digest.hex()));
    h5::write_attribute(file, "/", "features", header.features);
    h5::write_attribute(file, "/", "combine", word_of(header.combine));
    h5::write_attribute(file, "/", "nets", header.nets);
    h5::write_attribute(file, "/", "row_size", header.row_size());
    write_network(file, header.network);
    write_training(file, header.training);
}

EnsembleHeader read_ensemble_header(const h5::File& file) {
    EnsembleHeader header;
    header.process = h5::read_text_attribute(file, "/", "process");
    header.digest = Digest::from_hex(h5::read_text_attribute(file, "/", "digest"));
    header.features = h5::read_texts_attribute(file, "/", "features");
    header.combine = read_word<Combine>(file, "/", "combine");
    header.nets = h5::read_integer_attribute(file, "/", "nets");
    header.network = read_network(file);
    header.training = read_training(file);
    if (header.features.size() != header.network.inputs) {
        throw DataError("the network has " + std::to_string(header.network.inputs) +
                        " inputs, but 'features' names " + std::to_string(header.features.size()));
    }
    return header;
}

}  // namespace ratiofarm
