// Sums over events by a real trainer on the processor. Oracle: textbook_sums.hpp.

#include "pipeline/trainer_sums.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm_test/catch.hpp"

#include "fit/events/region_events.hpp"
#include "fit/kernels/textbook_sums.hpp"
#include "workers/launcher.hpp"

#include "../fit/region_recipes.hpp"
#include "../fit/region_sums_checks.hpp"

using namespace ratiofarm;
using namespace ratiofarm::test;

namespace {

const mpi::Communicator one_rank;

/// A trainer at the place of this process.
struct Trainer {
    explicit Trainer(const mpi::Communicator& ranks = one_rank)
        : context{ranks, log, log, launcher}, device(trainer_sums(context, on_one_core())) {}

    LauncherHandle launcher = LauncherHandle::fork_launcher(RATIOFARM_BIN_DIR "/ratiofarm-trainer");
    Log log;
    RunContext context;
    std::shared_ptr<SumsDevice> device;

    static RunPlace on_one_core() {
        RunPlace place;
        place.placement.cores = {0};
        return place;
    }
};

LikelihoodOptions on(const Trainer& trainer, ShapePrecision precision = ShapePrecision::fp64) {
    LikelihoodOptions options{.precision = precision};
    options.device = trainer.device;
    return options;
}

void check_against_plain(const Recipe& recipe,
                         std::uint64_t n,
                         const LikelihoodOptions& options,
                         double share) {
    const EventSet events = events_of(recipe, {0, n}, n);
    const RegionEvents by_trainer(recipe.layout, source_of(recipe, n), one_rank, options);
    const auto rates = rates_of(recipe);
    const auto alpha = alpha_of(recipe);

    check_close(by_trainer.mixture(rates, alpha),
                textbook_mixture(recipe.layout, events, rates, alpha), share);
    check_close(by_trainer.reference(alpha), textbook_reference(recipe.layout, events, alpha),
                share);
}

}  // namespace

TEST_CASE("sums by a trainer are those of a plain loop, with every code", "[trainer_sums]") {
    const Trainer trainer;

    for (const std::uint64_t n : {0, 1, 64, 1500, 3000}) {
        check_against_plain(sparse_recipe(), n, on(trainer), 1e-12);
    }
    check_against_plain(dense_recipe(3, 0), 200, on(trainer), 1e-12);
    check_against_plain(dense_recipe(10, 100), 1100, on(trainer), 1e-12);
}

TEST_CASE("single precision on a device is that of fp32", "[trainer_sums]") {
    const Trainer trainer;

    // g'' of code 4 is a difference of larger terms: 1.8e-6 of the largest element were seen.
    check_against_plain(dense_recipe(3, 40), 5000, on(trainer, ShapePrecision::fp32), 3e-6);
    check_against_plain(sparse_recipe(), 2000, on(trainer, ShapePrecision::fp32), 3e-6);
}

TEST_CASE("a device continues mixtures below their floor and holds factors", "[trainer_sums]") {
    const Trainer trainer;
    Recipe recipe = sparse_recipe();
    recipe.first_rate = -6.0;
    recipe.spread = 1.2;
    recipe.extreme = 0.05;

    check_against_plain(recipe, 500, on(trainer), 1e-11);

    const RegionEvents events(recipe.layout, source_of(recipe, 500), one_rank, on(trainer));
    CHECK(events.mixture(rates_of(recipe), alpha_of(recipe)).below_floor > 100);
}

TEST_CASE("lists of events do not disturb each other", "[trainer_sums]") {
    const Trainer trainer;
    const Recipe first = dense_recipe(2, 3);
    const Recipe second = sparse_recipe();
    const RegionEvents kept(first.layout, source_of(first, 300), one_rank, on(trainer));
    const MixtureSums before = kept.mixture(rates_of(first), alpha_of(first));
    {
        const RegionEvents other(second.layout, source_of(second, 200), one_rank, on(trainer));
        other.reference(alpha_of(second));
    }

    check_same(kept.mixture(rates_of(first), alpha_of(first)), before);
}

TEST_CASE("each rank's trainer sums its events, and ranks without events agree", "[trainer_sums]") {
    const auto ranks = mpi::Communicator::world();
    const Trainer trainer(ranks);
    const Recipe recipe = sparse_recipe();

    for (const std::uint64_t n : {1, 65, 700}) {
        const EventSet all = events_of(recipe, {0, n}, n);
        const RegionEvents events(recipe.layout, source_of(recipe, n), ranks, on(trainer));

        check_close(events.mixture(rates_of(recipe), alpha_of(recipe)),
                    textbook_mixture(recipe.layout, all, rates_of(recipe), alpha_of(recipe)),
                    1e-12);
        check_close(events.reference(alpha_of(recipe)),
                    textbook_reference(recipe.layout, all, alpha_of(recipe)), 1e-12);
    }
}

TEST_CASE("the loss of one rank's trainer is an error of all ranks", "[trainer_sums]") {
    const auto ranks = mpi::Communicator::world();
    const Trainer trainer(ranks);
    const Recipe recipe = dense_recipe(2, 3);
    const RegionEvents events(recipe.layout, source_of(recipe, 700), ranks, on(trainer));
    events.mixture(rates_of(recipe), alpha_of(recipe));

    // One that never heard of the list, as a trainer that was started again would be.
    if (ranks.rank() == ranks.size() - 1) trainer.device->forget(0);

    CHECK_THROWS_AS(events.mixture(rates_of(recipe), alpha_of(recipe)), mpi::AgreedError);
}
