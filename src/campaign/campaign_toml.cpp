// A campaign as text: the resolved file.
#include "ratiofarm/campaign/campaign.hpp"

#include "enum_words.hpp"
#include "toml_text.hpp"

namespace ratiofarm {
namespace {

/// Collects sections and keys of a TOML file.
class TomlWriter {
public:
    void section(const std::string& header) {
        text_ += (text_.empty() ? "" : "\n") + header + "\n";
    }
    void raw(const std::string& key, const std::string& value) {
        text_ += key + " = " + value + "\n";
    }

    template <class T>
    void key(const std::string& name, const T& value) {
        if constexpr (std::is_same_v<T, bool>) {
            raw(name, value ? "true" : "false");
        } else if constexpr (std::is_integral_v<T>) {
            raw(name, std::to_string(value));
        } else if constexpr (std::is_enum_v<T>) {
            raw(name, toml_text(word_of(value)));
        } else {
            raw(name, toml_text(value));
        }
    }

    const std::string& text() const { return text_; }

private:
    std::string text_;
};

using NamedNumbers = std::vector<std::pair<std::string, double>>;

std::string inline_table(const NamedNumbers& entries, const std::string& more = "") {
    std::string text;
    // Process names may hold a dot or plus, so every key is quoted that is more than a word.
    for (const auto& [name, number] : entries) {
        const bool bare = name.find_first_of(".+") == std::string::npos;
        text += (text.empty() ? "" : ", ") + (bare ? name : toml_text(name)) + " = " +
                toml_text(number);
    }
    if (!more.empty()) text += (text.empty() ? "" : ", ") + more;
    return "{ " + text + " }";
}

void write_general(TomlWriter& out, const Campaign& campaign) {
    out.section("[campaign]");
    out.key("name", campaign.name);
    out.key("seed", campaign.seed);
    out.section("[events]");
    out.key("file", campaign.events.file);
    out.key("features", campaign.events.features);
    out.section("[split]");
    out.key("train", campaign.split.train);
    out.key("validation", campaign.split.validation);
    out.key("inference", campaign.split.inference);
}

void write_model(TomlWriter& out, const Campaign& campaign) {
    for (const Parameter& parameter : campaign.parameters) {
        out.section("[parameters." + parameter.name + "]");
        out.key("start", parameter.start);
        out.key("range", std::vector<double>{parameter.low, parameter.high});
        out.key("fixed", parameter.fixed);
    }
    for (const ProcessSection& process : campaign.processes) {
        out.section("[[process]]");
        out.key("name", process.name);
        out.key("sample", process.sample);
        out.key("coefficient", process.coefficient.text());
        if (process.yield) out.key("yield", *process.yield);
    }
    out.section("[reference]");
    out.raw("mixture", inline_table(campaign.reference.mixture));
}

void write_nets(TomlWriter& out, const Campaign& campaign) {
    out.section("[network]");
    out.key("kind", std::string("mlp"));
    out.key("hidden", campaign.network.hidden);
    out.key("activation", campaign.network.activation);
    out.section("[training]");
    const TrainingOptions& training = campaign.training;
    out.key("epochs", training.epochs);
    out.key("batch", training.batch);
    out.key("learning_rate", training.learning_rate);
    out.key("optimizer", training.optimizer);
    out.key("schedule", training.schedule);
    out.key("weight_decay", training.weight_decay);
    out.key("patience", training.patience);
    out.key("precision", training.precision);
    out.key("threads", training.threads);
    out.key("checkpoint_seconds", training.checkpoint_seconds);
    out.section("[ensemble]");
    out.key("members", campaign.ensemble.members);
    out.key("combine", campaign.ensemble.combine);
}

void write_inference(TomlWriter& out, const Campaign& campaign) {
    out.section("[data]");
    if (campaign.data.sample.empty()) {
        const std::string source = "source = " + toml_text(word_of(campaign.data.source));
        out.raw("asimov", inline_table(campaign.data.asimov, source));
    } else {
        out.key("sample", campaign.data.sample);
    }
    out.section("[inference]");
    out.key("poi", campaign.inference.poi);
    out.key("shape_norm", campaign.inference.shape_norm);
    out.key("scan", campaign.inference.scan);
}

void write_gaussian(TomlWriter& out, const std::string& name, const GaussianProcess& process) {
    out.section("[simulate." + name + "]");
    out.key("yield", process.yield);
    out.key("mean", process.mean);
    std::string rows;
    for (const auto& row : process.covariance) rows += (rows.empty() ? "" : ", ") + toml_text(row);
    out.raw("covariance", "[" + rows + "]");
}

void write_simulate(TomlWriter& out, const SimulateSection& simulate) {
    out.section("[simulate]");
    out.key("model", std::string("interference"));
    out.key("events", simulate.events);
    out.key("seed", simulate.seed);
    out.key("interference", simulate.toy.interference);
    write_gaussian(out, "S", simulate.toy.signal);
    write_gaussian(out, "B", simulate.toy.background);
}

}  // namespace

std::string campaign_toml(const Campaign& campaign) {
    TomlWriter out;
    write_general(out, campaign);
    write_model(out, campaign);
    write_nets(out, campaign);
    write_inference(out, campaign);
    if (campaign.simulate) write_simulate(out, *campaign.simulate);
    return out.text();
}

}  // namespace ratiofarm
