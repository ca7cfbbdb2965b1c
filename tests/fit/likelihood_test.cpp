#include "ratiofarm/fit/likelihood.hpp"

#include <cmath>

#include "ratiofarm/physics/process_rates.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"
#include "reference_likelihood.hpp"

using namespace ratiofarm;

namespace {

/// The same model with its first P processes only.
StatisticalModel with_processes(std::size_t n) {
    StatisticalModel model = test::two_parameter_model();
    model.unbinned[0].processes.resize(n);
    return model;
}

void check_close(const Evaluation& fast, const Evaluation& slow, double epsilon) {
    CHECK(fast.nll == Approx(slow.nll).epsilon(epsilon));
    CHECK(fast.below_floor == slow.below_floor);
    double scale = 0.0;
    for (const double h : slow.hessian) scale = std::max(scale, std::abs(h));
    for (std::size_t a = 0; a < slow.gradient.size(); ++a) {
        CHECK(fast.gradient[a] == Approx(slow.gradient[a]).margin(epsilon * scale));
    }
    for (std::size_t ab = 0; ab < slow.hessian.size(); ++ab) {
        CHECK(fast.hessian[ab] == Approx(slow.hessian[ab]).margin(epsilon * scale));
    }
}

void check_same_bits(const Evaluation& a, const Evaluation& b) {
    CHECK(a.nll == b.nll);
    CHECK(a.gradient == b.gradient);
    CHECK(a.hessian == b.hessian);
    CHECK(a.below_floor == b.below_floor);
}

const std::vector<double> somewhere{0.9, 1.2};  // u

}  // namespace

TEST_CASE("the likelihood agrees with the textbook loop", "[fit]") {
    for (std::size_t n_processes = 1; n_processes <= 5; ++n_processes) {
        const StatisticalModel model = with_processes(n_processes);
        for (const std::uint64_t n : {1, 7, 8, 255, 256, 1000, 5003}) {
            const EventSet events = test::random_events(model, n);
            const Likelihood likelihood(model, test::data_of(events), test::one_rank);
            check_close(likelihood.evaluate(somewhere),
                        reference_likelihood(model, events, somewhere), 1e-12);
        }
    }
}

TEST_CASE("gradient and Hessian agree with finite differences", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    const Likelihood likelihood(model, test::data_of(test::random_events(model, 3000)),
                                test::one_rank);
    const Evaluation here = likelihood.evaluate(somewhere);
    const double h = 1e-5;
    for (std::size_t a = 0; a < 2; ++a) {
        auto up = somewhere;
        auto down = somewhere;
        up[a] += h;
        down[a] -= h;
        const Evaluation above = likelihood.evaluate(up);
        const Evaluation below = likelihood.evaluate(down);
        CHECK((above.nll - below.nll) / (2 * h) == Approx(here.gradient[a]).epsilon(1e-6));
        for (std::size_t b = 0; b < 2; ++b) {
            CHECK((above.gradient[b] - below.gradient[b]) / (2 * h) ==
                  Approx(here.hessian[a * 2 + b]).epsilon(1e-6));
        }
    }
}

TEST_CASE("threads do not change a bit", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    const EventSet events = test::random_events(model, 70001);
    const Evaluation one = Likelihood(model, test::data_of(events), test::one_rank, {.threads = 1})
                               .evaluate(somewhere);
    for (const unsigned threads : {2U, 3U, 64U}) {
        const Likelihood likelihood(model, test::data_of(events), test::one_rank,
                                    {.threads = threads});
        check_same_bits(likelihood.evaluate(somewhere), one);
    }
}

TEST_CASE("the instruction set does not change a bit", "[fit]") {
    for (const std::size_t n_processes : {2, 3, 5}) {
        const StatisticalModel model = with_processes(n_processes);
        const EventSet events = test::random_events(model, 4001);
        // The second point has events below their floor.
        for (const std::vector<double>& u : {somewhere, std::vector<double>{2.9, 0.1}}) {
            const auto with = [&](InstructionSet instructions) {
                return Likelihood(model, test::data_of(events), test::one_rank,
                                  {.instructions = instructions})
                    .evaluate(u);
            };
            const Evaluation portable = with(InstructionSet::portable);
            check_same_bits(with(InstructionSet::avx2), portable);
            check_same_bits(with(InstructionSet::avx512), portable);
            check_same_bits(with(InstructionSet::automatic), portable);
        }
    }
}

TEST_CASE("without events the likelihood is the expected number", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    const Likelihood likelihood(model, test::data_of(test::random_events(model, 0)),
                                test::one_rank);

    const Evaluation at = likelihood.evaluate(somewhere);

    const InternalCoordinates coordinates(model);
    const RateModel rates(model.unbinned[0], model, coordinates);
    CHECK(at.nll == Approx(rates.at(somewhere).total()));
    CHECK(likelihood.n_events() == 0);
}

TEST_CASE("scaling all ratios of an event shifts the likelihood by a constant", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    EventSet events = test::random_events(model, 500);
    const Evaluation before =
        Likelihood(model, test::data_of(events), test::one_rank).evaluate(somewhere);
    for (std::size_t j = 0; j < 5; ++j) events.log_r[100 * 5 + j] += 3.0;

    const Evaluation after =
        Likelihood(model, test::data_of(events), test::one_rank).evaluate(somewhere);

    CHECK(after.nll == Approx(before.nll - 3.0 * events.weight[100]).epsilon(1e-12));
    CHECK(after.gradient[0] == Approx(before.gradient[0]).epsilon(1e-10));
}
