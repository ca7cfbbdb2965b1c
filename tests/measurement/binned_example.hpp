#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "fit/search/local_fit.hpp"
#include "measurement/finite_mc_estimates.hpp"
#include "tables/ratios/ratio_writer.hpp"

/// A measurement whose events lie in three bins, x = 0, 1 and 2, and whose ratios depend on the bin
/// alone: what the likelihood says of it is a short sum.
namespace ratiofarm::test {

inline constexpr std::size_t n_bins = 3;
using Bins = std::array<double, n_bins>;

/// Events of a sample, bin after bin.
struct ExampleSet {
    std::string name;
    std::array<std::vector<double>, n_bins> weights;

    std::uint64_t events() const {
        return weights[0].size() + weights[1].size() + weights[2].size();
    }
    double sum() const {
        double total = 0.0;
        for (const auto& bin : weights) {
            for (const double w : bin) total += w;
        }
        return total;
    }
    /// Weights in each bin, of sum 1.
    Bins shares() const {
        Bins found{};
        for (std::size_t b = 0; b < n_bins; ++b) {
            for (const double w : weights[b]) found[b] += w / sum();
        }
        return found;
    }
};

/// As many events of one weight as are asked for in each bin.
inline ExampleSet example_set(const std::string& name,
                              const std::array<std::size_t, n_bins>& events,
                              double weight = 1.0) {
    ExampleSet set{name, {}};
    for (std::size_t b = 0; b < n_bins; ++b) set.weights[b].assign(events[b], weight);
    return set;
}

/// What stands in a ratio file; functions of the bin.
struct ExampleRatios {
    std::vector<ExampleSet> sets;
    RatioHeader header;
    std::function<double(std::size_t process, std::size_t bin)> log_r = [](auto, auto) {
        return 0.0;
    };
    /// ln r of single nets.
    std::function<double(NetRatios, std::size_t process, std::uint64_t net, std::size_t bin)> line =
        [](auto, auto, auto, auto) { return 0.0; };
    /// Half of what the nets of both halves differ by, with header.shape_nets = 2.
    std::function<double(std::size_t shape, bool up, std::size_t bin)> half_g =
        [](std::size_t, bool, std::size_t) { return 0.0; };
    std::function<double(std::size_t shape, bool up, std::size_t bin)> log_g =
        [](auto, auto, auto) { return 0.0; };
    /// ln of the exact density of a process; none: the events file has none.
    std::function<double(std::size_t process, std::size_t bin)> log_density = {};
};

/// S and B, half of the reference each, and "data".
inline ExampleRatios example_ratios(ExampleSet s, ExampleSet b, ExampleSet data) {
    ExampleRatios ratios;
    ratios.header.processes = {{"S", 100.0, {}}, {"B", 100.0, {}}};
    ratios.header.reference = {{"S", "S", 0.5}, {"B", "B", 0.5}};
    ratios.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    ratios.header.shape_norm = ShapeNorm::none;  // ratios go into the file as they are
    ratios.header.inputs = {8, 9};
    ratios.sets = {std::move(s), std::move(b), std::move(data)};
    return ratios;
}

inline EventSample event_sample(const ExampleRatios& ratios,
                                const ExampleSet& set,
                                std::uint64_t id) {
    EventSample sample;
    sample.name = set.name;
    sample.columns = {"x"};
    if (ratios.log_density) sample.log_density.emplace();
    for (std::size_t b = 0; b < n_bins; ++b) {
        for (const double weight : set.weights[b]) {
            sample.features.push_back(static_cast<float>(b));
            sample.weight.push_back(weight);
            sample.id.push_back(id++);
            for (std::size_t j = 0; ratios.log_density && j < ratios.header.processes.size(); ++j) {
                sample.log_density->values.push_back(ratios.log_density(j, b));
            }
        }
    }
    for (const RatioProcess& process : ratios.header.processes) {
        if (ratios.log_density) sample.log_density->processes.push_back(process.name);
    }
    return sample;
}

/// Writes events.h5 and ratios.h5 into a folder. \return the samples of the events file
inline std::vector<SampleInfo> write_example(const std::filesystem::path& folder,
                                             const ExampleRatios& ratios) {
    std::vector<EventSample> samples;
    std::vector<std::string> names;
    for (const ExampleSet& set : ratios.sets) {
        samples.push_back(event_sample(ratios, set, 1000 * samples.size() + 1));
        names.push_back(set.name);
    }
    write_events(folder / "events.h5", samples);
    const auto infos = read_sample_info(folder / "events.h5", names, {}, ratios.header.split);
    RatioInput input;
    input.header = ratios.header;
    for (const SampleInfo& info : infos) input.sets.push_back({info, ratios.header.split, {}});
    const auto provider = [&](const RatioBlockKey& key) {
        const auto& weights = ratios.sets[key.set].weights;
        const auto fill = [&](std::vector<float>& to, const auto& value_of) {
            for (std::size_t b = 0; b < n_bins; ++b) {
                to.insert(to.end(), weights[b].size(), static_cast<float>(value_of(b)));
            }
        };
        const bool is_shape = key.kind == RatioKind::up || key.kind == RatioKind::down;
        RatioBlock block;
        fill(block.log_ratio, [&](std::size_t b) {
            return is_shape ? ratios.log_g(key.column, key.kind == RatioKind::up, b)
                            : ratios.log_r(key.column, b);
        });
        fill(block.spread, [](std::size_t) { return 0.0; });
        const auto& lines =
            key.kind == RatioKind::replicas ? ratios.header.replicas : ratios.header.members;
        const auto which = key.kind == RatioKind::replicas ? NetRatios::replica : NetRatios::member;
        for (std::uint32_t net = 0; is_shape && net < ratios.header.shape_nets; ++net) {
            const double sign = net % 2 == 0 ? 1.0 : -1.0;
            fill(block.members, [&](std::size_t b) {
                const bool up = key.kind == RatioKind::up;
                return ratios.log_g(key.column, up, b) + sign * ratios.half_g(key.column, up, b);
            });
        }
        if (is_shape || lines.empty()) return block;
        for (std::uint64_t net = 0; net < lines[key.column]; ++net) {
            fill(block.members,
                 [&](std::size_t b) { return ratios.line(which, key.column, net, b); });
        }
        return block;
    };
    write_ratios(mpi::Communicator(), folder / "ratios.h5", input, provider);
    return infos;
}

/// mu times S over B. \param more sections and keys behind it
inline std::string example_campaign_text(const std::string& more = "[data]\nsample = \"data\"\n",
                                         const std::string& shape_norm = "none") {
    return R"toml(
[campaign]
name = "example"
[events]
file = "events.h5"
features = ["x"]
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[reference]
mixture = { S = 1, B = 1 }
[inference]
shape_norm = ")toml" +
           shape_norm + "\"\n" + more;
}

/// Campaign, ratio file and model of an example, with the fit of its data.
class ExampleFit {
public:
    ExampleFit(const std::filesystem::path& folder, const std::string& campaign_text)
        : campaign(parse_campaign(campaign_text, folder)),
          ratios(open_ratio_files(campaign, folder / "ratios.h5")),
          model(model_for_ratios(campaign, ratios)),
          data(load_data(alone, campaign, model, ratios)),
          likelihood(model, data, alone),
          result(fit(likelihood, {}, Log())),
          point{campaign,
                ratios,
                model,
                data,
                likelihood.coordinates().to_internal(best_values(result)),
                {}} {}

    mpi::Communicator alone;
    Campaign campaign;
    RatioFiles ratios;
    StatisticalModel model;
    LikelihoodData data;
    Likelihood likelihood;
    FitResult result;
    FittedPoint point;
};

/// The same likelihood as a short sum: mu s + b - sum_b n_b ln(mu s r_s(b) + b r_b(b)).
struct SlowFit {
    double s = 100.0;
    double b = 100.0;
    Bins n{};
    Bins r_s{1.0, 1.0, 1.0};
    Bins r_b{1.0, 1.0, 1.0};

    double gradient(double mu) const {
        double sum = s;
        for (std::size_t k = 0; k < n_bins; ++k) {
            sum -= n[k] * s * r_s[k] / (mu * s * r_s[k] + b * r_b[k]);
        }
        return sum;
    }
    double curvature(double mu) const {
        double sum = 0.0;
        for (std::size_t k = 0; k < n_bins; ++k) {
            sum += n[k] * std::pow(s * r_s[k] / (mu * s * r_s[k] + b * r_b[k]), 2);
        }
        return sum;
    }
    /// By bisection between 0 and 10.
    double estimate() const {
        double low = 0.0;
        double high = 10.0;
        for (int k = 0; k < 200; ++k) {
            const double middle = 0.5 * (low + high);
            (gradient(middle) > 0.0 ? high : low) = middle;
        }
        return 0.5 * (low + high);
    }
    double error() const { return 1.0 / std::sqrt(curvature(estimate())); }
    /// One Newton step from a point.
    double newton(double mu) const { return mu - gradient(mu) / curvature(mu); }
};

}  // namespace ratiofarm::test
