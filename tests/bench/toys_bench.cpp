#include "toys_bench.hpp"

#include <memory>
#include <numeric>
#include <vector>

#include "ratiofarm/fit/toys.hpp"

#include "bench_arguments.hpp"

namespace ratiofarm::bench {
namespace {

using nlohmann::json;

constexpr double true_mu = 1.44;  // where the weights of the problem come from

using Expansion = std::shared_ptr<const NormalisationExpansion>;

Expansion expansion_of(const StatisticalModel& model,
                       const EventSet& list,
                       const std::vector<double>& truth) {
    const mpi::Communicator alone;
    const Likelihood exact(model, {{source_of(list)}, {}}, alone, {.threads = 2});
    return std::make_shared<const NormalisationExpansion>(
        exact.expansions(exact.coordinates().to_internal(truth)).front());
}

ToySetup setup_of(const ToysProblem& problem, double scale, const EventSet& list) {
    StatisticalModel statistical = model(problem.list, ShapeNorm::reference);
    for (ProcessModel& process : statistical.unbinned[0].processes) process.yield *= scale;
    std::vector<double> truth(1 + problem.list.parameters, 0.0);
    truth[0] = true_mu;
    std::vector<double> weights = list.weight;
    for (double& weight : weights) weight *= scale;
    const Expansion expansion = expansion_of(statistical, list, truth);
    statistical.unbinned[0].shape_norm = ShapeNorm::reference_quadratic;
    const auto events = std::make_shared<const EventSet>(list);
    return {.model = std::move(statistical),
            .truth = truth,
            .test = true_mu,
            .statistics = {},
            .seed = 7,
            .unbinned = {{.sources = {{.events = events, .weights = std::move(weights)}},
                          .expansion = expansion}},
            .binned = {}};
}

/// With a ln Z that any program can repeat: a parabola that keeps the likelihood convex.
ToySetup simplified(ToySetup setup) {
    constexpr double curvature = 3e-4;
    const std::size_t p = setup.truth.size() - 1;
    NormalisationExpansion parabola{std::vector<double>(p), {}};
    LogNormalisation log_z{0.0, std::vector<double>(p), std::vector<double>(p * p)};
    for (std::size_t m = 0; m < p; ++m) log_z.hessian[m * p + m] = curvature;
    parabola.log_z.assign(setup.model.unbinned[0].processes.size(), log_z);
    setup.unbinned[0].expansion =
        std::make_shared<const NormalisationExpansion>(std::move(parabola));
    return setup;
}

json to_json(const NormalisationExpansion& expansion) {
    json list;
    for (const LogNormalisation& z : expansion.log_z) {
        list.push_back({{"value", z.value}, {"gradient", z.gradient}, {"hessian", z.hessian}});
    }
    return list;
}

}  // namespace

json measure_toys(const ToysProblem& problem) {
    const EventSet list = read_events(problem.list, true, {0, problem.list.events});
    const double scale =
        problem.expected / std::accumulate(list.weight.begin(), list.weight.end(), 0.0);
    const ToySetup setup = setup_of(problem, scale, list);
    const ToyExperiment experiment(setup, {0, problem.toys});
    const ToyExperiment simple(simplified(setup), {0, problem.toys});
    json result{{"scale", scale}, {"log_z", to_json(*simple.setup().unbinned[0].expansion)}};
    double thrown = 0.0;
    double fitted = 0.0;
    std::uint64_t converged = 0;
    for (std::uint64_t k = 0; k < problem.toys; ++k) {
        const double begin = processor_seconds();
        const Toy toy = experiment.thrown(k);
        const double middle = processor_seconds();
        converged += experiment.fitted(toy, k).converged ? 1 : 0;
        thrown += middle - begin;
        fitted += processor_seconds() - middle;
        const ToyOutcome outcome = simple.fitted(toy, k);
        result["toys"].push_back({{"rows", toy.rows[0]},
                                  {"times", toy.unbinned[0].weight},
                                  {"observed", toy.observed},
                                  {"values", outcome.value},
                                  {"errors", outcome.error}});
    }
    result["converged"] = converged;
    result["thrown"] = thrown / static_cast<double>(problem.toys);
    result["fitted"] = fitted / static_cast<double>(problem.toys);
    return result;
}

}  // namespace ratiofarm::bench
