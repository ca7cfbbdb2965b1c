#include "toml_writer.hpp"

#include <algorithm>
#include <cctype>

namespace ratiofarm {

std::string key_text(const std::string& name) {
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
    });
    return bare ? name : toml_text(name);
}

std::string inline_table(const NamedNumbers& entries, const std::string& more) {
    std::string text;
    for (const auto& [name, number] : entries) {
        text += (text.empty() ? "" : ", ") + key_text(name) + " = " + toml_text(number);
    }
    if (!more.empty()) text += (text.empty() ? "" : ", ") + more;
    return "{ " + text + " }";
}

void write_network(TomlWriter& out, const std::string& table, const Network& network) {
    out.section("[" + table + "]");
    out.key("kind", network.kind);
    out.key("hidden", network.hidden);
    out.key("activation", network.activation);
}

void write_training(TomlWriter& out, const std::string& table, const TrainingOptions& training) {
    out.section("[" + table + "]");
    out.key("epochs", training.epochs);
    out.key("batch", training.batch);
    out.key("learning_rate", training.learning_rate);
    out.key("optimizer", training.optimizer);
    out.key("schedule", training.schedule);
    if (training.schedule == Schedule::step || training.schedule == Schedule::plateau) {
        out.key("schedule_factor", training.schedule_factor);
        out.key("schedule_epochs", training.schedule_epochs);
    }
    out.key("warmup_epochs", training.warmup_epochs);
    out.key("clip_norm", training.clip_norm);
    out.key("weight_decay", training.weight_decay);
    out.key("patience", training.patience);
    out.key("keep", training.keep);
    out.key("scaling", training.scaling);
    out.key("negative_weights", training.negative_weights);
    out.key("calibration", training.calibration);
    out.key("precision", training.precision);
    out.key("engine", training.engine);
    out.key("pack", training.pack);
    out.key("threads", training.threads);
    out.key("checkpoint_seconds", training.checkpoint_seconds);
}

}  // namespace ratiofarm
