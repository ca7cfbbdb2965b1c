// The same bits on any number of ranks. The oracle is the one-rank result, which every rank
// computes for itself over a communicator of one.

#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

using test::one_rank;

mpi::Communicator all_ranks() { return mpi::Communicator::world(); }

/// A list of random events of which each rank makes its own part.
LikelihoodData shared_events(const StatisticalModel& model, std::uint64_t n) {
    EventSource source;
    for (const auto& process : model.unbinned[0].processes) {
        source.processes.push_back(process.name);
    }
    source.total = n;
    source.read = [model, n](Range range) { return test::random_events(model, range, n); };
    return {{source}, {}};
}

}  // namespace

TEST_CASE("the ranks hold every event once, in order", "[fit][mpi]") {
    const auto comm = all_ranks();
    for (const std::uint64_t n : {0, 1, 2, 255, 256, 257, 100003}) {
        const Range mine = events_of_rank(comm, n);
        const std::vector<std::uint64_t> ends{mine.first, mine.last};
        const auto all = mpi::all_gather(comm, std::span<const std::uint64_t>(ends));
        CHECK(all.front() == 0);
        CHECK(all.back() == n);
        for (std::size_t k = 1; k + 1 < all.size(); k += 2) CHECK(all[k] == all[k + 1]);
    }
}

TEST_CASE("the likelihood does not depend on the number of ranks", "[fit][mpi]") {
    const auto comm = all_ranks();
    const StatisticalModel model = test::two_parameter_model();
    const std::vector<double> u{0.9, 1.2};
    // No events, fewer than ranks, fewer than shards, sizes that do not divide.
    for (const std::uint64_t n : {0, 1, 3, 255, 256, 5003, 90001}) {
        const Evaluation golden =
            Likelihood(model, test::data_of(test::random_events(model, n)), one_rank).evaluate(u);
        const Likelihood likelihood(model, shared_events(model, n), comm, {.threads = 2});

        const Evaluation here = likelihood.evaluate(u);

        CHECK(here.nll == golden.nll);
        CHECK(here.gradient == golden.gradient);
        CHECK(here.hessian == golden.hessian);
        CHECK(here.fisher == golden.fisher);
        CHECK(likelihood.n_events() == n);
    }
}

TEST_CASE("fit and scan do not depend on the number of ranks", "[fit][mpi]") {
    const auto comm = all_ranks();
    const StatisticalModel model = test::two_parameter_model();
    const std::uint64_t n = 1003;
    const Likelihood alone(model, test::data_of(test::random_events(model, n)), one_rank);
    const Likelihood together(model, shared_events(model, n), comm);

    const FitResult golden = fit(alone, {}, {});
    const FitResult result = fit(together, {}, {});

    CHECK(result.nll == golden.nll);
    CHECK(result.covariance == golden.covariance);
    CHECK(result.passes == golden.passes);
    CHECK(result.guards.zero_weight == golden.guards.zero_weight);
    const auto points = default_scan_points(model, golden, 5);
    const auto golden_scan = scan(alone, golden, points);
    const auto result_scan = scan(together, result, points);
    for (std::size_t k = 0; k < points.size(); ++k) CHECK(result_scan[k].t == golden_scan[k].t);
}

TEST_CASE("a bad event of one rank is refused on every rank", "[fit][mpi]") {
    const auto comm = all_ranks();
    const StatisticalModel model = test::interference_model();
    LikelihoodData data = shared_events(model, 1000);
    const auto read = data.unbinned[0].read;
    data.unbinned[0].read = [read](Range range) {
        EventSet events = read(range);
        if (range.last == 1000) events.log_r.back() = std::numeric_limits<double>::quiet_NaN();
        return events;
    };

    CHECK_THROWS_AS(Likelihood(model, data, comm), Error);
}
