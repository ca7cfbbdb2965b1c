#include "starter_campaign.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "protocol/particle_row.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

constexpr std::string_view split = R"toml(
[split]                                   # by hash of the event id
train = 0.5
validation = 0.1                          # decides when a training stops
inference = 0.4                           # only these enter the fit

[parameters.mu]
start = 1.0
range = [0.0, 10.0]

# lambda(x) = sum over processes of coefficient * yield * p(x); a coefficient may be negative.
# The yield of a process is the sum of its sample's weights unless `yield` says otherwise.
)toml";

constexpr std::string_view nets = R"toml(
# For a first look: hidden = [32, 32], epochs = 15, learning_rate = 3e-3, members = 2.
[network]
hidden = [64, 64, 64]
activation = "silu"

[training]
epochs = 30
batch = 1024
learning_rate = 1e-3

[ensemble]
members = 4                               # nets per process; their spread says whether it suffices
)toml";

constexpr std::string_view asimov_data = R"toml(
[data]
asimov = { mu = 1.0, source = "samples" }
injections = [{ mu = 0.5 }, { mu = 2.0 }] # truths that are fitted, too, to see them come out
# sample = "data"                         # what was observed, each event with weight 1
# blind = true                            # ... but asimov until: ratiofarm run --unblind "reason"

[inference]
poi = "mu"
)toml";

constexpr std::string_view signal_and_background = R"toml([[process]]
name = "S"
coefficient = "mu"                        # signal strength

[[process]]
name = "B"

[reference]                               # the nets learn p_process / p_ref
mixture = { S = 1, B = 1 }
)toml";

constexpr std::string_view simulated_peak = R"toml(
[simulate]                                # leave out with events of your own
model = "interference"
events = 100000                           # per sample, before the split
interference = 0.0

[simulate.S]
yield = 100.0
mean = [125.0, 60.0]
covariance = [[16.0, 0.0], [0.0, 400.0]]

[simulate.B]
yield = 2000.0
mean = [120.0, 40.0]
covariance = [[625.0, 0.0], [0.0, 400.0]]
)toml";

constexpr std::string_view interference_processes = R"toml([[process]]
name = "S"
coefficient = "mu - sqrt(mu)"

[[process]]
name = "SBI"                              # signal, background and their interference
coefficient = "sqrt(mu)"

[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"

[reference]                               # the nets learn p_process / p_ref
mixture = { S = 1, SBI = 1, B = 1 }
)toml";

constexpr std::string_view simulated_interference = R"toml(
[simulate]
model = "interference"
events = 100000                           # per sample, before the split
interference = -0.6                       # I(x) = 2 c sqrt(S(x) B(x)); negative is destructive

[simulate.S]
yield = 100.0
mean = [1.5]
covariance = [[1.0]]

[simulate.B]
yield = 900.0
mean = [0.0]
covariance = [[2.25]]
)toml";

constexpr std::string_view systematics = R"toml(
[[systematic]]                            # nets learn the shape from varied samples
name = "jes"
shape = { S = { up = "S_jes_up", down = "S_jes_down" }, B = { up = "B_jes_up", down = "B_jes_down" } }

[[systematic]]                            # a factor on the yields alone
name = "lumi"
shape = []
yield = { S = { up = 1.02, down = 0.98 }, B = { up = 1.02, down = 0.98 } }
)toml";

constexpr std::string_view simulated_systematic = R"toml(
[[simulate.systematic]]
name = "jes"
S = { shift = [1.0, 2.0] }
B = { shift = [2.0, 2.0] }
)toml";

constexpr std::string_view regions = R"toml(
[preselection]                            # its nets tell the classes apart; score is ln of the odds
classes = { signal = ["S"], background = ["B"] }

[[region]]                                # here every event counts by its ratios
name = "SR"
where = { score = [-2.0, inf] }

[[region]]                                # here events are counted in bins
name = "CR"
type = "binned"
where = { score = [-inf, -2.0] }
observable = "mass"
edges = [-inf, 80.0, 110.0, 140.0, 170.0, inf]
)toml";

constexpr std::string_view counts = R"toml(
# Counts alone need no events and no nets: ratiofarm fit, scan, impacts, limits, toys.
[parameters.mu]
start = 1.0
range = [0.0, 10.0]

[parameters.lumi]                         # known from elsewhere, to 2 %
constraint = "gaussian"
observed = 1.0
width = 0.02

[[region]]
name = "SR"
type = "binned"
observed = [52.0, 61.0, 38.0]             # leave out for Asimov data

[[region.sample]]
name = "signal"
contents = [4.0, 12.0, 5.0]
coefficient = "mu * lumi"

[[region.sample]]
name = "background"
contents = [50.0, 45.0, 35.0]
coefficient = "lumi"
shapes = [{ parameter = "alpha_scale", up = [53.0, 46.0, 33.0], down = [47.0, 44.0, 37.0] }]

[parameters.alpha_scale]
constraint = "gaussian"

[inference]
poi = "mu"
)toml";

/// The systematic of samples that are called S_up and S_down.
constexpr std::string_view unnamed = "variation";

std::string campaign_section(std::string_view about, std::string_view name) {
    return fmt::format(
        "# {}\n# docs/campaign.md explains every key, docs/formats.md the events file.\n\n"
        "[campaign]\nname = {}\nseed = 1                                  # every random number "
        "derives from it and from names\n",
        about, toml_text(name));
}

std::string events_section(std::string_view file, const std::vector<std::string>& features) {
    return fmt::format(
        "\n[events]\nfile = {}                        # relative to this file\n"
        "features = {}                # columns the nets see\n",
        toml_text(file), toml_text(features));
}

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) text += part;
    return text;
}

const SampleInfo* find(std::span<const SampleInfo> samples, std::string_view name) {
    const auto found = std::find_if(samples.begin(), samples.end(),
                                    [&](const SampleInfo& sample) { return sample.name == name; });
    return found == samples.end() ? nullptr : &*found;
}

/// A pair of varied samples or of columns of weights, <stem>_up and <stem>_down, and the process
/// that they vary.
struct Variation {
    std::string process;
    std::string name;
    std::string stem;
    bool by_weights = false;

    std::string side(std::string_view word) const { return fmt::format("{}_{}", stem, word); }
};

/// The longest name of another sample that begins this one, if both sides are there: of S and
/// S_scale_up the systematic is scale, of S and S_up it has no name of its own.
std::vector<Variation> variations_of(std::span<const SampleInfo> samples) {
    std::vector<Variation> variations;
    for (const SampleInfo& sample : samples) {
        if (!sample.name.ends_with("_up")) continue;
        const std::string stem = sample.name.substr(0, sample.name.size() - 3);
        Variation best;
        for (const SampleInfo& nominal : samples) {
            if (nominal.name.size() <= best.process.size()) continue;
            if (stem == nominal.name) best = {nominal.name, std::string(unnamed), stem};
            if (!stem.starts_with(nominal.name + "_")) continue;
            best = {nominal.name, stem.substr(nominal.name.size() + 1), stem};
        }
        if (!best.name.empty() && find(samples, best.side("down"))) variations.push_back(best);
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
        const std::string stem = name.substr(0, name.rfind('_'));
        const bool up = name.ends_with("_up") && has(stem + "_down");
        const bool down = name.ends_with("_down") && has(stem + "_up");
        if (up) variations.push_back({process.name, stem, stem, true});
        if (!up && !down && std::ranges::find(others, name) == others.end()) others.push_back(name);
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
            shapes.push_back(fmt::format(
                "{} = {{ up{} = {}, down{} = {} }}", key_text(variation.process), kind,
                toml_text(variation.side("up")), kind, toml_text(variation.side("down"))));
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
    std::string text(nets);
    const std::string usual = fmt::format("batch = {}", most);
    text.replace(text.find(usual), usual.size(), fmt::format("batch = {}", batch));
    const auto& lists = processes.front()->columns.particles.names;
    if (lists.empty()) return text;
    const std::size_t first = text.find("[network]");
    return text.replace(first, text.find("\n[training]") - first, network_of_lists(lists));
}

std::string data_of(const std::string& sample) {
    if (sample.empty()) return std::string(asimov_data);
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

}  // namespace

std::string starter_campaign(std::string_view name, Starter starter) {
    const std::string own = "Put your own events in its place: ratiofarm init --events FILE.";
    const auto begin = [&](std::string_view about, const std::vector<std::string>& features) {
        return campaign_section(fmt::format("{}\n# {}", about, own), name) +
               events_section("events.h5", features) + std::string(split);
    };
    const std::vector<std::string> peak{"mass", "pt"};
    switch (starter) {
        case Starter::signal_background:
            return joined(
                {begin("A peak S over a background B, made by `ratiofarm simulate`.", peak),
                 signal_and_background, nets, asimov_data, simulated_peak});
        case Starter::interference:
            return joined(
                {begin("Signal S, background B and their interference, made by `ratiofarm "
                       "simulate`.",
                       {"x"}),
                 interference_processes, nets, asimov_data, simulated_interference});
        case Starter::systematics:
            return joined(
                {begin("A peak S over a background B with systematics, made by `ratiofarm "
                       "simulate`.",
                       peak),
                 signal_and_background, systematics, nets, asimov_data, simulated_peak,
                 simulated_systematic});
        case Starter::regions:
            return joined({begin("A peak S over a background B in two regions, made by `ratiofarm "
                                 "simulate`.",
                                 peak),
                           signal_and_background, regions, nets, asimov_data, simulated_peak});
        case Starter::binned:
            return campaign_section("Counts in bins, as in HistFactory.", name) +
                   std::string(counts);
    }
    return {};
}

std::string campaign_of_events(std::string_view name,
                               std::string_view file,
                               std::span<const SampleInfo> samples) {
    std::vector<Variation> variations = variations_of(samples);
    const auto is_varied = [&](const std::string& sample) {
        return std::any_of(variations.begin(), variations.end(), [&](const Variation& variation) {
            return sample == variation.side("up") || sample == variation.side("down");
        });
    };
    std::string data;
    std::vector<const SampleInfo*> processes;
    for (const SampleInfo& sample : samples) {
        if (is_data(sample.name)) {
            data = sample.name;
        } else if (!is_varied(sample.name)) {
            processes.push_back(&sample);
        }
    }
    if (processes.size() < 2) {
        throw ConfigError(fmt::format(
            "'{}' holds {} sample{} that can be processes; a model needs two or more, such as a "
            "signal S and a background B ('data' and pairs NAME_x_up, NAME_x_down do not count)",
            file, processes.size(), processes.size() == 1 ? "" : "s"));
    }
    std::string text = campaign_section(fmt::format("Made of the samples of {}.", file), name) +
                       events_section(file, processes.front()->column_names) + std::string(split);
    const std::size_t signal = signal_among(processes);
    std::vector<std::string> others;
    for (const SampleInfo* process : processes) add_weights(*process, variations, others);
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
    text += fmt::format(
        "[reference]                               # the nets learn p_process / p_ref\n"
        "mixture = {{ {} }}\n",
        fmt::join(shares, ", "));
    text += systematics_of(variations);
    if (!others.empty()) {
        text += fmt::format(
            "\n# Not used: columns of weights that are no pair NAME_up, NAME_down: {}. A "
            "systematic names them\n# with up_weight and down_weight.\n",
            fmt::join(others, ", "));
    }
    return text + nets_for(processes) + data_of(data);
}

}  // namespace ratiofarm
