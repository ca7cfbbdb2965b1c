// Fits a pyhf workspace and prints times and result as JSON. tests/bench/peers/pyhf_fit.py sets it
// beside pyhf.
// usage: binned_bench WORKSPACE.json [repeats]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <nlohmann/json.hpp>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "core/publish.hpp"
#include "pyhf/pyhf_import.hpp"

using namespace ratiofarm;
using nlohmann::json;

namespace {

/// Milliseconds of the fastest of some calls.
template <class Call>
double fastest(int repeats, Call call) {
    double best = 1e300;
    for (int k = 0; k < repeats; ++k) {
        const auto begin = std::chrono::steady_clock::now();
        call();
        const std::chrono::duration<double, std::milli> spent =
            std::chrono::steady_clock::now() - begin;
        best = std::min(best, spent.count());
    }
    return best;
}

int run(const std::string& file, int repeats) {
    const Campaign campaign =
        campaign_from_pyhf(json::parse(read_text(file)), {.measurement = "", .campaign = "bench"});
    StatisticalModel model{.parameters = campaign.parameters,
                           .unbinned = {},
                           .binned = {},
                           .parameter_of_interest = campaign.inference.poi};
    LikelihoodData data;
    for (const BinnedRegionSection& section : campaign.binned) {
        model.binned.push_back(section.region);
        data.binned.push_back(section.observed.value());
    }
    const mpi::Communicator one_rank;
    const Likelihood likelihood(model, data, one_rank);
    const auto u = likelihood.coordinates().to_internal(start_values(model));
    const double at_start = likelihood.evaluate(u).nll;

    FitResult result;
    const double fit_ms = fastest(
        repeats, [&] { result = fit(likelihood, {.starts = 0, .interval = false}, Log()); });
    const auto before = likelihood.passes();
    fit(likelihood, {.starts = 0, .interval = false}, Log());
    const auto passes = likelihood.passes() - before;
    const double pass_ms = fastest(10 * repeats, [&] { likelihood.evaluate(u); });
    json best;
    for (const auto& parameter : result.parameters) {
        best[label_of(campaign.labels.parameters, parameter.name)] = parameter.value;
    }
    std::cout << json{{"fit_ms", fit_ms},
                      {"pass_ms", pass_ms},
                      {"passes", passes},
                      {"parameters", model.parameters.size()},
                      {"nll_gain", at_start - result.nll},
                      {"best", best}}
                     .dump()
              << '\n';
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) throw std::invalid_argument("usage: binned_bench WORKSPACE.json [repeats]");
    return run(argv[1], argc > 2 ? std::atoi(argv[2]) : 5);
} catch (const std::exception& error) {
    std::cerr << "binned_bench: " << error.what() << '\n';
    return EXIT_FAILURE;
}
