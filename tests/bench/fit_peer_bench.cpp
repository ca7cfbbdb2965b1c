// The fit on the problem of fit_problem.hpp, as JSON on stdout. tests/bench/peers/fit_table.py sets
// it beside its peers.
// usage: fit_peer_bench pass|fit|ranks|load|toys [key=value...]; mpirun -n 2 for ranks

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/session.hpp"

#include "bench_arguments.hpp"
#include "fit_problem.hpp"
#include "load_bench.hpp"
#include "toys_bench.hpp"

using namespace ratiofarm;
using namespace ratiofarm::bench;
using nlohmann::json;

namespace {

const std::map<std::string, std::string> defaults{
    {"events", "20000"}, {"processes", "10"},   {"parameters", "100"},
    {"threads", "2"},    {"storage", "fp32"},   {"precision", "fp64"},
    {"norm", "none"},    {"point", "inside"},   {"instructions", "auto"},
    {"repeats", "5"},    {"cold_points", "5"},  {"reference", "0"},
    {"file", ""},        {"expected", "10000"}, {"toys", "20"}};

FitProblem problem_of(const Arguments& arguments) {
    return {arguments.count("events"), arguments.count("processes"), arguments.count("parameters")};
}

template <class Choice>
Choice chosen(const Arguments& arguments,
              const std::string& key,
              const std::map<std::string, Choice>& choices) {
    const auto found = choices.find(arguments.text(key));
    if (found == choices.end()) {
        throw std::invalid_argument(key + "=" + arguments.text(key) + " is not known");
    }
    return found->second;
}

LikelihoodOptions options_of(const Arguments& arguments) {
    return {.threads = static_cast<unsigned>(arguments.count("threads")),
            .storage = chosen<ShapeStorage>(
                arguments, "storage", {{"fp32", ShapeStorage::fp32}, {"fp16", ShapeStorage::fp16}}),
            .precision = chosen<ShapePrecision>(
                arguments, "precision",
                {{"fp32", ShapePrecision::fp32}, {"fp64", ShapePrecision::fp64}}),
            .instructions = chosen<InstructionSet>(arguments, "instructions",
                                                   {{"auto", InstructionSet::automatic},
                                                    {"portable", InstructionSet::portable},
                                                    {"avx2", InstructionSet::avx2},
                                                    {"avx512", InstructionSet::avx512}})};
}

ShapeNorm norm_of(const Arguments& arguments) {
    return chosen<ShapeNorm>(arguments, "norm",
                             {{"none", ShapeNorm::none},
                              {"reference", ShapeNorm::reference},
                              {"reference_quadratic", ShapeNorm::reference_quadratic}});
}

Likelihood likelihood_of(const Arguments& arguments,
                         const mpi::Communicator& comm,
                         const LikelihoodOptions& options) {
    const FitProblem problem = problem_of(arguments);
    const ShapeNorm norm = norm_of(arguments);
    // The fit reports Z_j, a sum over reference events, whatever the likelihood uses.
    const bool with_reference = norm != ShapeNorm::none || arguments.count("reference") != 0;
    return {model(problem, norm), {{source(problem, with_reference)}, {}}, comm, options};
}

json to_json(const Timing& timing) { return {{"min", timing.least}, {"median", timing.median}}; }

json to_json(const Evaluation& at) {
    return {{"nll", at.nll}, {"gradient", at.gradient}, {"hessian", at.hessian}};
}

/// Highest resident memory of this process so far, and what it holds now.
json memory() {
    json result;
    std::FILE* status = std::fopen("/proc/self/status", "r");
    char key[64];
    unsigned long kilobytes = 0;
    char line[256];
    while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
        if (std::sscanf(line, "%63[^:]: %lu kB", key, &kilobytes) != 2) continue;
        if (std::string(key) == "VmHWM") result["peak"] = kilobytes * 1024;
        if (std::string(key) == "VmRSS") result["now"] = kilobytes * 1024;
    }
    if (status != nullptr) std::fclose(status);
    return result;
}

/// One evaluation: value, gradient and Hessian.
json measure_pass(const Arguments& arguments, const mpi::Communicator& comm) {
    const FitProblem problem = problem_of(arguments);
    const json before = memory();
    std::optional<Likelihood> likelihood;
    const double load =
        seconds_of([&] { likelihood = likelihood_of(arguments, comm, options_of(arguments)); });
    const auto u = point(problem, arguments.text("point") == "outside");
    Evaluation at = likelihood->evaluate(u);
    std::vector<double> seconds;
    std::vector<double> processor;
    for (std::size_t k = 0; k < arguments.count("repeats"); ++k) {
        const double before_pass = processor_seconds();
        seconds.push_back(seconds_of([&] { at = likelihood->evaluate(u); }));
        processor.push_back(processor_seconds() - before_pass);
    }
    const std::uint64_t data =
        problem.events * (problem.processes * (2 * problem.parameters * sizeof(float) + 4) + 8);
    return {{"load_seconds", load},
            {"seconds", to_json(timing_of(seconds))},
            {"processor", to_json(timing_of(processor))},
            {"bytes_held", likelihood->n_bytes()},
            {"bytes_fp32_data", data},
            {"memory_before", before},
            {"memory", memory()},
            {"result", to_json(at)}};
}

json fit_summary(const FitResult& result, double seconds) {
    json values;
    json errors;
    for (const auto& parameter : result.parameters) {
        values.push_back(parameter.value);
        errors.push_back(parameter.error);
    }
    return {{"seconds", seconds},
            {"converged", result.converged},
            {"nll", result.nll},
            {"passes", result.passes},
            {"passes_of_first_descent", result.pass_counts.first_descent},
            {"values", values},
            {"errors", errors}};
}

/// 50 points of the profile of mu, and cold fits at some of them.
json measure_scan(const Arguments& arguments,
                  const Likelihood& likelihood,
                  const FitResult& at_minimum) {
    const auto points = default_scan_points(likelihood.model(), at_minimum, 50);
    const std::uint64_t passes = likelihood.passes();
    std::vector<ScanPoint> scanned;
    const double seconds = seconds_of([&] { scanned = scan(likelihood, at_minimum, points); });
    json result{
        {"points", points.size()}, {"seconds", seconds}, {"passes", likelihood.passes() - passes}};
    const std::size_t n_cold = arguments.count("cold_points");
    for (std::size_t k = 0; k < n_cold; ++k) {
        const std::size_t at = (2 * k + 1) * points.size() / (2 * n_cold);
        const FitProblem problem = problem_of(arguments);
        StatisticalModel fixed = model(problem, ShapeNorm::none);
        fixed.parameters[0].fixed = true;
        fixed.parameters[0].start = points[at];
        const Likelihood cold(fixed, {{source(problem, true)}, {}}, likelihood.communicator(),
                              options_of(arguments));
        FitResult fitted;
        const double spent =
            seconds_of([&] { fitted = fit(cold, {.starts = 0, .interval = false}, Log()); });
        result["cold"].push_back({{"seconds", spent},
                                  {"passes", fitted.passes},
                                  {"t", 2.0 * (fitted.nll - at_minimum.nll)},
                                  {"t_of_scan", scanned[at].t}});
    }
    return result;
}

/// The complete fit with covariance from the model's start, and the scan.
json measure_fit(const Arguments& arguments, const mpi::Communicator& comm) {
    const Likelihood likelihood = likelihood_of(arguments, comm, options_of(arguments));
    json result;
    FitResult plain;
    const double before_fit = processor_seconds();
    const double descent =
        seconds_of([&] { plain = fit(likelihood, {.starts = 0, .interval = false}, Log()); });
    result["descent"] = fit_summary(plain, descent);
    result["descent"]["processor"] = processor_seconds() - before_fit;
    if (arguments.count("cold_points") == 0) return result;
    FitResult full;
    const double complete = seconds_of([&] { full = fit(likelihood, {}, Log()); });
    result["complete"] = fit_summary(full, complete);
    result["scan"] = measure_scan(arguments, likelihood, full);
    return result;
}

/// One rank with one and with two threads beside two ranks, interleaved. Rank 0 prints.
json measure_ranks(const Arguments& arguments, const mpi::Communicator& world) {
    const mpi::Communicator alone;
    LikelihoodOptions options = options_of(arguments);
    options.threads = 1;
    const Likelihood joint = likelihood_of(arguments, world, options);
    std::vector<Likelihood> single;
    for (const unsigned threads : {1U, 2U}) {
        if (!world.is_root()) continue;
        options.threads = threads;
        single.push_back(likelihood_of(arguments, alone, options));
    }
    const auto u = point(problem_of(arguments), false);
    std::vector<std::vector<double>> seconds(3);
    std::vector<json> bits(3);
    for (std::size_t k = 0; k <= arguments.count("repeats"); ++k) {
        Evaluation at;
        for (std::size_t way = 0; way < 3; ++way) {
            mpi::barrier(world);  // sleeps: the other rank leaves its core alone
            if (way < 2 && !world.is_root()) continue;
            const Likelihood& likelihood = way < 2 ? single[way] : joint;
            const double spent = seconds_of([&] { at = likelihood.evaluate(u); });
            bits[way] = to_json(at);
            if (k > 0) seconds[way].push_back(spent);
        }
    }
    if (!world.is_root()) return {};
    return {{"ranks", world.size()},
            {"one_thread", to_json(timing_of(seconds[0]))},
            {"two_threads", to_json(timing_of(seconds[1]))},
            {"all_ranks", to_json(timing_of(seconds[2]))},
            {"same_bits", bits[0] == bits[1] && bits[0] == bits[2]}};
}

/// From a ratio file on disk to the first pass, beside reading the same bytes.
json measure_load(const Arguments& arguments) {
    const FitProblem problem = problem_of(arguments);
    const std::filesystem::path path = arguments.text("file");
    write_ratio_file(problem, path);
    const StatisticalModel statistical = model(problem, ShapeNorm::none);
    json result{{"bytes", std::filesystem::file_size(path)}};
    std::vector<double> raw;
    std::vector<double> load;
    for (std::size_t k = 0; k < arguments.count("repeats"); ++k) {
        raw.push_back(seconds_of([&] { read_raw(path, options_of(arguments).threads); }));
        load.push_back(seconds_of([&] {
            const mpi::Communicator alone;
            const Likelihood likelihood(statistical, {{ratio_file_source(problem, path)}, {}},
                                        alone, options_of(arguments));
        }));
    }
    std::filesystem::remove(path);
    result["raw"] = to_json(timing_of(raw));
    result["load"] = to_json(timing_of(load));
    return result;
}

}  // namespace

int main(int argc, char* argv[]) {
    return mpi::guarded([&] {
        const mpi::Session session(argc, argv);
        const std::string mode = argc > 1 ? argv[1] : "pass";
        const Arguments arguments(argc, argv, 2, defaults);
        json result;
        if (mode == "pass") result = measure_pass(arguments, session.world());
        if (mode == "fit") result = measure_fit(arguments, session.world());
        if (mode == "ranks") result = measure_ranks(arguments, session.world());
        if (mode == "load") result = measure_load(arguments);
        if (mode == "toys") {
            result = measure_toys({problem_of(arguments),
                                   static_cast<double>(arguments.count("expected")),
                                   arguments.count("toys")});
        }
        if (session.world().is_root()) std::cout << result.dump() << '\n';
        return result.is_null() && session.world().is_root() ? 2 : 0;
    });
}
