#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

#include "starter_campaign.hpp"
#include "starter_sections.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

/// The systematic of samples that are called S_up and S_down.
constexpr std::string_view unnamed = "variation";

const SampleInfo* find_sample_named(std::span<const SampleInfo> samples, std::string_view name) {
    const auto found = std::find_if(samples.begin(), samples.end(),
                                    [&](const SampleInfo& sample) { return sample.name == name; });
    return found == samples.end() ? nullptr : &*found;
}

/// How the two sides of a variation are called.
struct SideNames {
    std::string_view up, down;
};

constexpr std::array<SideNames, 9> side_names{{{"_up", "_down"},
                                               {"_up", "_dn"},
                                               {"_up", "_do"},
                                               {"_Up", "_Down"},
                                               {"_UP", "_DOWN"},
                                               {"_high", "_low"},
                                               {"_hi", "_lo"},
                                               {"_plus", "_minus"},
                                               {"Up", "Down"}}};

/// A pair of varied samples or of columns of weights, and the process that they vary.
struct Variation {
    std::string process;
    std::string name;
    std::string stem;  ///< of the names of both sides
    SideNames sides;
    bool by_weights = false;

    std::string up() const { return stem + std::string(sides.up); }
    std::string down() const { return stem + std::string(sides.down); }
};

/// The pair that a name is one of the sides of, without process and name; nothing if it is no side,
/// or the other one is not there.
std::optional<Variation> pair_of(const std::string& name,
                                 const std::function<bool(const std::string&)>& is_there) {
    for (const SideNames& sides : side_names) {
        for (const std::string_view side : {sides.up, sides.down}) {
            if (!name.ends_with(side) || name.size() == side.size()) continue;
            Variation pair;
            pair.stem = name.substr(0, name.size() - side.size());
            pair.sides = sides;
            if (is_there(pair.up()) && is_there(pair.down())) return pair;
        }
    }
    return std::nullopt;
}

/// The longest name of another sample that begins this one, if both sides are there: of S and
/// S_scale_up the systematic is scale, of S and S_up it has no name of its own.
std::vector<Variation> variations_of(std::span<const SampleInfo> samples) {
    std::vector<Variation> variations;
    const auto is_there = [&](const std::string& name) {
        return find_sample_named(samples, name) != nullptr;
    };
    for (const SampleInfo& sample : samples) {
        std::optional<Variation> pair = pair_of(sample.name, is_there);
        if (!pair || sample.name != pair->up()) continue;
        for (const SampleInfo& nominal : samples) {
            if (nominal.name.size() <= pair->process.size()) continue;
            if (pair->stem == nominal.name) {
                pair->process = nominal.name;
                pair->name = unnamed;
            }
            if (!pair->stem.starts_with(nominal.name + "_")) continue;
            pair->process = nominal.name;
            pair->name = pair->stem.substr(nominal.name.size() + 1);
        }
        if (!pair->name.empty()) variations.push_back(*std::move(pair));
    }
    return variations;
}

/// Columns of weights of a process: pairs are variations, the names of others are left in `others`.
void add_weights(const SampleInfo& process,
                 std::vector<Variation>& variations,
                 std::vector<std::string>& others) {
    const auto has = [&](const std::string& column) {
        return std::ranges::find(process.weights, column, &SampleWeights::name) !=
               process.weights.end();
    };
    for (const SampleWeights& column : process.weights) {
        const std::string& name = column.name;
        std::optional<Variation> pair = pair_of(name, has);
        if (!pair) {
            if (std::ranges::find(others, name) == others.end()) others.push_back(name);
            continue;
        }
        if (name != pair->up()) continue;
        pair->process = process.name;
        pair->name = pair->stem;
        pair->by_weights = true;
        variations.push_back(*std::move(pair));
    }
}

bool is_data(const std::string& name) {
    constexpr std::array words{"data", "Data", "observed"};
    return std::find(words.begin(), words.end(), name) != words.end();
}

/// "S", "sig..." or "Sig...", else the first.
std::size_t signal_among(const std::vector<const SampleInfo*>& processes) {
    const auto found =
        std::find_if(processes.begin(), processes.end(), [](const SampleInfo* process) {
            std::string lower = process->name;
            std::transform(lower.begin(), lower.end(), lower.begin(),
                           [](unsigned char letter) { return std::tolower(letter); });
            return lower == "s" || lower.starts_with("sig");
        });
    return found == processes.end() ? 0 : static_cast<std::size_t>(found - processes.begin());
}

std::string systematics_of(const std::vector<Variation>& variations) {
    std::vector<std::string> names;
    for (const Variation& variation : variations) {
        if (std::find(names.begin(), names.end(), variation.name) == names.end()) {
            names.push_back(variation.name);
        }
    }
    std::string text;
    for (const std::string& name : names) {
        std::vector<std::string> shapes;
        for (const Variation& variation : variations) {
            if (variation.name != name) continue;
            const std::string_view kind = variation.by_weights ? "_weight" : "";
            shapes.push_back(
                fmt::format("{} = {{ up{} = {}, down{} = {} }}", key_text(variation.process), kind,
                            toml_text(variation.up()), kind, toml_text(variation.down())));
        }
        text += fmt::format("\n[[systematic]]\nname = {}{}\nshape = {{ {} }}\n", toml_text(name),
                            name == unnamed ? "                      # give it its name" : "",
                            fmt::join(shapes, ", "));
    }
    return text;
}

/// Nets that read the particle lists of a file, where an MLP would see the features only.
std::string network_of_lists(std::vector<std::string> columns) {
    const bool momenta = has_momenta(columns);
    if (momenta) {
        columns.erase(columns.begin(), columns.begin() + momentum_columns.size());
        columns.insert(columns.begin(), {"log_pt", "eta", "phi"});
    }
    return fmt::format(
        "[network]\n"
        "kind = \"deep_sets\"                        # a sum over the particles of each event; {}\n"
        "particles = {}\n"
        "hidden = [64, 64]                         # \"mlp\" in place of kind sees `features` "
        "only\n",
        momenta ? "or lorentz, graph, ..." : "others need E, px, py, pz first", toml_text(columns));
}

/// With about a hundred steps an epoch for the smallest sample, else few events learn nothing.
std::string nets_for(const std::vector<const SampleInfo*>& processes) {
    std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();
    for (const SampleInfo* process : processes) {
        fewest = std::min<std::uint64_t>(fewest, process->columns.events);
    }
    constexpr std::uint64_t least = 64;
    constexpr std::uint64_t most = 1024;
    const std::uint64_t batch = std::clamp(std::bit_floor(fewest / 100), least, most);
    std::string text(starter::nets);
    const std::string usual = fmt::format("batch = {}", most);
    text.replace(text.find(usual), usual.size(), fmt::format("batch = {}", batch));
    const auto& lists = processes.front()->columns.particles.names;
    if (lists.empty()) return text;
    const std::size_t first = text.find("[network]");
    return text.replace(first, text.find("\n[training]") - first, network_of_lists(lists));
}

std::string data_of(const std::string& sample) {
    if (sample.empty()) return std::string(starter::asimov_data);
    return fmt::format(R"toml(
[data]
asimov = {{ mu = 1.0, source = "samples" }} # fitted while the data are blind
injections = [{{ mu = 0.5 }}, {{ mu = 2.0 }}] # truths that are fitted, too, to see them come out
sample = {}
blind = true                              # until: ratiofarm run --unblind "reason"

[inference]
poi = "mu"
)toml",
                       toml_text(sample));
}

/// A sample that is no variation: a process, or the data.
struct SortedSamples {
    std::string data;
    std::vector<const SampleInfo*> processes;
};

/// \throws ConfigError if fewer than two are processes
SortedSamples sorted(std::string_view file,
                     std::span<const SampleInfo> samples,
                     const std::vector<Variation>& variations) {
    const auto is_varied = [&](const std::string& sample) {
        return std::any_of(variations.begin(), variations.end(), [&](const Variation& variation) {
            return sample == variation.up() || sample == variation.down();
        });
    };
    SortedSamples found;
    for (const SampleInfo& sample : samples) {
        if (is_data(sample.name)) {
            found.data = sample.name;
        } else if (!is_varied(sample.name)) {
            found.processes.push_back(&sample);
        }
    }
    const std::size_t count = found.processes.size();
    if (count >= 2) return found;
    throw ConfigError(fmt::format(
        "'{}' holds {} sample{} that can be processes; a model needs two or more, such as a "
        "signal S and a background B ('data' and pairs NAME_x_up, NAME_x_down do not count)",
        file, count, count == 1 ? "" : "s"));
}

std::string processes_of(const std::vector<const SampleInfo*>& processes) {
    std::string text;
    const std::size_t signal = signal_among(processes);
    std::vector<std::string> shares;
    for (std::size_t i = 0; i < processes.size(); ++i) {
        const SampleInfo& process = *processes[i];
        text += fmt::format("[[process]]\nname = {}\n", toml_text(process.name));
        if (i == signal)
            text += "coefficient = \"mu\"                        # is this the signal?\n";
        text += fmt::format("# yield = {:<32}# sum of the weights of {} events\n\n",
                            fmt::format("{:.6g}", process.sum_of_weights), process.columns.events);
        shares.push_back(fmt::format("{} = 1", key_text(process.name)));
    }
    return text + fmt::format(
                      "[reference]                               # the nets learn p_process / "
                      "p_ref\nmixture = {{ {} }}\n",
                      fmt::join(shares, ", "));
}

}  // namespace

std::string campaign_of_events(std::string_view name,
                               std::string_view file,
                               std::span<const SampleInfo> samples) {
    std::vector<Variation> variations = variations_of(samples);
    const auto [data, processes] = sorted(file, samples, variations);
    std::vector<std::string> others;
    for (const SampleInfo* process : processes) add_weights(*process, variations, others);
    std::string text =
        starter::campaign_section(fmt::format("Made of the samples of {}.", file), name) +
        starter::events_section(file, processes.front()->column_names) +
        std::string(starter::split) + processes_of(processes) + systematics_of(variations);
    if (!others.empty()) {
        text += fmt::format(
            "\n# Not used: columns of weights that are no pair NAME_up, NAME_down: {}. A "
            "systematic names them\n# with up_weight and down_weight.\n",
            fmt::join(others, ", "));
    }
    return text + nets_for(processes) + data_of(data);
}

}  // namespace ratiofarm
