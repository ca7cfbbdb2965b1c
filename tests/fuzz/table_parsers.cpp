// Readers of HDF5 files, with checksums and without.
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"
#include "ratiofarm/tables/verify.hpp"

#include "tables/unfolded_file.hpp"
#include "tests/tables/example_tables.hpp"

#include "parser.hpp"

namespace ratiofarm::test {
namespace {

namespace fs = std::filesystem;

template <class T>
void add(Hasher& hasher, const std::vector<T>& values) {
    hasher.number(values.size()).bytes(std::as_bytes(std::span(values)));
}

std::string read_events_file(const fs::path& path) {
    std::string text;
    for (const SampleInfo& info : read_sample_info(path, all_samples(path), {}, halves())) {
        text += fmt::format("{} {} {} {}", info.name, info.columns.events, info.digest.hex(),
                            info.sum_of_weights);
        for (const SampleWeights& weights : info.weights) {
            text += fmt::format(" {} {}", weights.name, weights.sum);
        }
        if (const auto exact = read_log_density(path, info.name)) {
            Hasher hasher;
            add(hasher, exact->values);
            text += " " + hasher.finish().hex();
        }
        text += "\n";
    }
    return text;
}

std::string read_ensemble_file(const fs::path& path) {
    const EnsembleFile file = read_ensemble(path);
    Hasher hasher;
    for (const EnsembleNet& net : read_nets(file)) add(hasher, encode(net));
    std::string names;
    for (const std::string& name : file.header.names) names += " " + name;
    return fmt::format("{} {} {} {}{}", file.header.name, file.header.process,
                       file.header.digest.hex(), hasher.finish().hex(), names);
}

std::string read_ratio_file(const fs::path& path) {
    const RatioFile file(path);
    file.verify_events();
    Hasher hasher;
    for (const RatioSet& set : file.sets()) {
        const Range all{0, set.events};
        const RatioRows rows = file.read_rows(set.name, all);
        add(hasher, rows.weight);
        add(hasher, rows.log_r);
        const RatioColumns columns = file.read_columns(set.name, all);
        add(hasher, columns.id);
        add(hasher, columns.spread);
        std::uint64_t line = 0;
        for (const std::uint32_t lines : file.header().replicas) {
            for (const std::uint64_t end = line + lines; line < end; ++line) {
                add(hasher, file.read_net_ratios(set.name, NetRatios::replica, line, all));
            }
        }
        hasher.text(set.name).number(set.events);
    }
    std::string text = hasher.finish().hex();
    for (const RatioProcess& process : file.header().processes) {
        text += fmt::format(" {} {}", process.name, process.yield);
    }
    return text;
}

/// As the command verify does.
std::string read_any_table(const fs::path& path) {
    const auto problems = verify_file(path);
    if (!problems.empty()) throw DataError(problems.front());
    std::string text;
    for (const auto& [name, digest] : dataset_digests(path)) text += name + digest.hex() + '\n';
    return text;
}

void write_example_unfolded(const fs::path& path) {
    write_unfolded_table(
        path,
        {.columns = {"t", "u"},
         .truth = std::vector<float>(22, 0.5F),
         .id = std::vector<std::uint64_t>(11, 7),
         .weight_mc = std::vector<double>(11, 1.5),
         .weights = {{"/weights/nominal", "median", [] { return std::vector<double>(11, 0.25); }}},
         .texts = {{"campaign", "toy"}}});
}

void write_example_events(const fs::path& path) {
    std::vector<EventSample> samples{example_sample("S", 17), example_sample("B", 13, 1000)};
    samples[0].log_density = LogDensity{{"S"}, std::vector<double>(17, -1.0)};
    samples[1].weights = {{"t_up", std::vector<double>(13, 0.5)}};
    write_events(path, samples);
}

void write_example_ensemble(const fs::path& path) {
    const EnsembleHeader header = example_header(2);
    write_ensemble(mpi::Communicator(), path, header,
                   [&](std::uint64_t net) { return example_net(header, net); });
}

void write_example_ratios(const fs::path& path, const fs::path& events) {
    const RatioInput input = example_ratio_input(events, 100);
    write_ratios(mpi::Communicator(), path, input, example_provider(input));
}

/// With shapes, some of them rounded.
void write_example_shapes(const fs::path& path, bool half_precision) {
    RatioSetsInput input;
    input.header.processes = {{"S", 10.0, {}}, {"B", 90.0, {}}};
    input.header.shape_norm = ShapeNorm::none;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.header.shapes = {{"S", "alpha_1"}, {"B", "alpha_2"}};
    input.header.yields = {{"S", "alpha_1", {1.1, 0.92}}};
    input.header.reference = {{"S", "S", 0.25}, {"B", "B", 0.75}};
    input.sets = {{"S", 11}, {"B", 5}};
    input.half_precision = half_precision;
    input.rows = [](std::size_t, Range rows) {
        const std::uint64_t n = rows.size();
        return RatioSetRows{.id = std::vector<std::uint64_t>(n, 7),
                            .weight = std::vector<double>(n, 1.5),
                            .log_r = std::vector<float>(2 * n, 0.25F),
                            .log_g_up = std::vector<float>(2 * n, 0.125F),
                            .log_g_down = std::vector<float>(2 * n, -0.125F)};
    };
    write_ratio_sets(path, input);
}

/// Takes the checksums out of these tables, and writes some as users do, without.
void write_unchecked(const fs::path& folder, const std::vector<std::string>& tables) {
    std::string call = fmt::format("'{}' '{}/tests/fuzz/user_tables.py' '{}'", RATIOFARM_PYTHON,
                                   RATIOFARM_SOURCE_DIR, folder.string());
    for (const std::string& table : tables) call += " " + table;
    if (std::system(call.c_str()) != 0) throw std::runtime_error("failed: " + call);
}

using ReadTable = std::string (*)(const fs::path&);

Parser tables(const fs::path& path, std::vector<std::string> seeds, ReadTable read_table) {
    return {.name = path.filename(),
            .bytes = Bytes::binary,
            .damage = Damage::found,
            .seeds = std::move(seeds),
            .read = [path, read_table](const std::string& input) {
                write_file(path, input);
                return read_table(path);
            }};
}

void add_tables(std::vector<Parser>& parsers, const fs::path& folder) {
    const auto seeds = [&](const std::vector<std::string>& names) {
        std::vector<std::string> all;
        for (const std::string& name : names) all.push_back(read_bytes(folder / name));
        return all;
    };
    write_example_events(folder / "e.h5");
    write_example_ensemble(folder / "n.h5");
    write_example_ratios(folder / "r.h5", folder / "e.h5");
    write_example_shapes(folder / "s.h5", false);
    write_example_shapes(folder / "h.h5", true);
    write_example_unfolded(folder / "u.h5");
    const std::vector<std::string> all{"e.h5", "n.h5", "r.h5", "s.h5", "h.h5", "u.h5"};
    std::vector<Parser> checked{
        tables(folder / "events.h5", seeds({"e.h5"}), read_events_file),
        tables(folder / "ensemble.h5", seeds({"n.h5"}), read_ensemble_file),
        tables(folder / "ratios.h5", seeds({"r.h5", "s.h5", "h.h5"}), read_ratio_file),
        tables(folder / "any.h5", seeds(all), read_any_table)};
    write_unchecked(folder, all);
    std::vector<Parser> unchecked = checked;
    unchecked[0].seeds = seeds({"e.h5", "user_events.h5", "packed_events.h5"});
    unchecked[1].seeds = seeds({"n.h5"});
    unchecked[2].seeds = seeds({"r.h5", "s.h5", "h.h5", "user_ratios.h5"});
    unchecked[3].seeds = seeds(all);
    for (Parser& parser : unchecked) {
        parser.name += " without checksums";
        parser.damage = Damage::unknown;
    }
    parsers.insert(parsers.end(), checked.begin(), checked.end());
    parsers.insert(parsers.end(), unchecked.begin(), unchecked.end());
}

}  // namespace

std::vector<Parser> table_parsers(const std::string& folder) {
    std::vector<Parser> parsers;
    add_tables(parsers, folder);
    return parsers;
}

}  // namespace ratiofarm::test
