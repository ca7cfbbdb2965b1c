// Events that the formula does not cover: no weight, no mixture, no number.

#include <cmath>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/asimov.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"
#include "reference_likelihood.hpp"

using namespace ratiofarm;

namespace {

/// One event whose mixture is mu - 1, in a model where everything else is positive.
EventSet event_of_difference(double weight) {
    EventSet events;
    events.processes = {"a", "b"};
    events.weight = {weight};
    events.log_r = {0.0, 0.0};
    events.total = 1;
    return events;
}

StatisticalModel difference_model() {
    const std::vector<std::string> names{"mu"};
    return {{{.name = "mu", .start = 3.0}},
            {{"SR",
              {{"a", 1.0, Coefficient::parse("mu", names), {}},
               {"b", 1.0, Coefficient::parse("-1", names), {}}}}},
            {},
            "mu"};
}

std::string error_of(const EventSet& events) {
    try {
        Likelihood(test::interference_model(), test::data_of(events), test::one_rank);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a ratio of zero is a density of zero, in every kernel and in Asimov data", "[fit]") {
    // S is impossible at 3 of 5 events, B never.
    const std::vector<std::string> names{"mu"};
    const double infinite = std::numeric_limits<double>::infinity();
    const StatisticalModel model{{{.name = "mu", .start = 1.0, .low = 0.0, .high = 20.0}},
                                 {{"SR",
                                   {{"S", 10.0, Coefficient::parse("mu", names), {}},
                                    {"B", 30.0, Coefficient::parse("1", names), {}}}}},
                                 {},
                                 "mu"};
    EventSet events;
    events.processes = {"S", "B"};
    events.weight = {7.0, 9.0, 11.0, 10.0, 8.0};
    const std::vector<double> r_s{1.0, 0.0, 4.0, 0.0, 0.0};
    for (const double r : r_s) {
        events.log_r.push_back(r > 0.0 ? std::log(r) : -infinite);
        events.log_r.push_back(0.0);
    }
    events.total = events.size();
    const auto slow = [&](double mu) {
        double nll = 10.0 * mu + 30.0;
        for (std::size_t i = 0; i < r_s.size(); ++i) {
            nll -= events.weight[i] * std::log(10.0 * mu * r_s[i] + 30.0);
        }
        return nll;
    };

    for (const InstructionSet set :
         {InstructionSet::automatic, InstructionSet::portable, InstructionSet::textbook}) {
        const Likelihood likelihood(model, test::data_of(events), test::one_rank,
                                    {.instructions = set});
        for (const double mu : {0.0, 0.5, 2.0}) {
            CHECK(likelihood.evaluate(std::vector{mu}).nll == Approx(slow(mu)).epsilon(1e-13));
        }
    }
    const EventSet asimov =
        asimov_from_reference(model, model.unbinned[0], std::vector{2.0}, events, 45.0);
    CHECK(asimov.weight[1] == Approx(9.0 / 45.0 * 30.0));
    events.log_r[3] = -infinite;
    try {
        Likelihood(model, test::data_of(events), test::one_rank);
        FAIL("an event that no process can make was accepted");
    } catch (const Error& error) {
        CHECK_THAT(error.what(), Catch::Matchers::Contains("event 1: no process can make it"));
    }
}

TEST_CASE("events without weight are counted and have no effect", "[fit]") {
    const StatisticalModel model = test::interference_model();
    EventSet events = test::random_events(model, 400);
    std::uint64_t zeros = 0;
    EventSet without;
    without.processes = events.processes;
    for (std::size_t i = 0; i < 400; ++i) {
        if (events.weight[i] == 0.0) {
            ++zeros;
            continue;
        }
        without.weight.push_back(events.weight[i]);
        for (std::size_t j = 0; j < 3; ++j) without.log_r.push_back(events.log_r[i * 3 + j]);
    }
    without.total = without.size();

    const Likelihood likelihood(model, test::data_of(events), test::one_rank);
    const std::vector<double> u{1.1};

    CHECK(zeros > 0);
    CHECK(likelihood.n_zero_weight() == zeros);
    CHECK(likelihood.n_events() == 400);
    CHECK(likelihood.evaluate(u).nll ==
          Approx(Likelihood(model, test::data_of(without), test::one_rank).evaluate(u).nll)
              .epsilon(1e-13));
}

TEST_CASE("the continuation below the floor is the documented one", "[fit]") {
    for (const double weight : {1.0, -0.7}) {
        const EventSet events = event_of_difference(weight);
        const Likelihood likelihood(difference_model(), test::data_of(events), test::one_rank);
        // Far above, just above, just below the floor of 2e-6, at zero, and far below it.
        for (const double mu : {3.0, 1.0 + 2.1e-6, 1.0 + 1.9e-6, 1.0, 0.999998, 0.2}) {
            const Evaluation fast = likelihood.evaluate(std::vector{mu});
            const Evaluation slow =
                reference_likelihood(difference_model(), events, std::vector{mu});
            CHECK(fast.nll == Approx(slow.nll).epsilon(1e-12));
            CHECK(fast.gradient[0] == Approx(slow.gradient[0]).epsilon(1e-9));
            CHECK(fast.hessian[0] == Approx(slow.hessian[0]).epsilon(1e-9));
            CHECK(fast.below_floor == (mu < 1.0 + 2e-6 ? 1 : 0));
        }
    }
}

TEST_CASE("the continuation is smooth to second order", "[fit]") {
    for (const double weight : {1.0, -1.0}) {
        const Likelihood likelihood(difference_model(), test::data_of(event_of_difference(weight)),
                                    test::one_rank);
        const double step = 1e-12;
        const Evaluation below = likelihood.evaluate(std::vector{1.0 + 2e-6 - step});
        const Evaluation above = likelihood.evaluate(std::vector{1.0 + 2e-6 + step});
        CHECK(below.nll == Approx(above.nll).epsilon(1e-6));
        CHECK(below.gradient[0] == Approx(above.gradient[0]).epsilon(1e-5));
        CHECK(below.hessian[0] == Approx(above.hessian[0]).epsilon(1e-4));
        CHECK(below.below_floor == 1);
        CHECK(above.below_floor == 0);
    }
}

TEST_CASE("an event of negative weight gains a bounded amount below its floor", "[fit]") {
    const Likelihood likelihood(difference_model(), test::data_of(event_of_difference(-1.0)),
                                test::one_rank);
    const double at_floor = likelihood.evaluate(std::vector{1.0 + 2e-6}).nll;
    for (const double mu : {1.0, 0.9, 0.5, 0.0}) {
        const double rate = 1.0 + 2e-6 - mu;  // nu falls by this on the way
        CHECK(likelihood.evaluate(std::vector{mu}).nll + rate > at_floor - 1.0);
    }
}

TEST_CASE("the fit leaves a region where mixtures are negative", "[fit]") {
    StatisticalModel model = difference_model();
    model.parameters[0].start = 0.1;  // D = -0.9 there
    EventSet events = event_of_difference(2.0);

    const FitResult result = fit(Likelihood(model, test::data_of(events), test::one_rank), {}, {});

    CHECK(result.converged);
    CHECK(result.parameters[0].value == Approx(3.0));  // nu = mu - 1 = 2
    CHECK(result.guards.non_positive_mixture == 0);
}

TEST_CASE("mixtures below their floor at the minimum are counted and reported", "[fit]") {
    // The second event wants mu < 1, where its mixture 1 - mu is positive; the first wants mu = 50.
    const std::vector<std::string> names{"mu"};
    const StatisticalModel model{{{.name = "mu", .start = 4.0, .low = 2.0}},
                                 {{"SR",
                                   {{"a", 1.0, Coefficient::parse("mu", names), {}},
                                    {"b", 1.0, Coefficient::parse("1 - mu", names), {}}}}},
                                 {},
                                 "mu"};
    EventSet events;
    events.processes = {"a", "b"};
    events.weight = {50.0, 1e-13};
    events.log_r = {0.0, -1000.0, -1000.0, 0.0};
    events.total = 2;

    const FitResult result = fit(Likelihood(model, test::data_of(events), test::one_rank), {}, {});

    CHECK(result.guards.non_positive_mixture == 1);
    REQUIRE_FALSE(result.warnings.empty());
    CHECK(result.warnings.back().find("1 of 2 events have a mixture below") != std::string::npos);
}

namespace {

/// Warnings of clipped ratios where S has two kinds of events, one of them rare, which alpha makes
/// 50 times as frequent. \param yield of S beside 10000 events of B
std::vector<std::string> clipping_warnings(double yield,
                                           const char* coefficient = "mu",
                                           double high = 10.0) {
    const std::vector<std::string> names{"mu", "alpha"};
    const StatisticalModel model{{{.name = "mu", .start = 1.0, .low = 0.0, .high = high},
                                  {.name = "alpha",
                                   .start = 0.0,
                                   .low = -5.0,
                                   .high = 5.0,
                                   .constraint = {.kind = Constraint::Kind::gaussian}}},
                                 {{"SR",
                                   {{"S",
                                     yield,
                                     Coefficient::parse(coefficient, names),
                                     {{.parameter = "alpha", .yield = {}, .shape = true}}},
                                    {"B", 10000.0, Coefficient::parse("1", names), {}}}}},
                                 {},
                                 "mu"};
    EventSet events;
    events.processes = {"S", "B"};
    events.shapes = {{"S", "alpha"}};
    events.weight = {5000.0 + yield, 5000.0};
    events.reference = {0.5, 0.5};
    const float rare = std::log(4e-4F);  // of S in the second half: 1 % of it at alpha = 1
    events.log_r = {std::log(2.0F), 0.0F, rare, 0.0F};
    events.log_g = {0.0F, std::log(50.0F), 0.0F, -std::log(50.0F)};
    events.total = 2;

    std::vector<std::string> found;
    for (const auto& warning :
         fit(Likelihood(model, test::data_of(events), test::one_rank), {}, {}).warnings) {
        if (warning.find("twentyfold") != std::string::npos) found.push_back(warning);
    }
    return found;
}

}  // namespace

TEST_CASE("clipped ratios are told where they can matter for the parameter of interest", "[fit]") {
    CHECK(clipping_warnings(50.0).empty());  // half an event where an error is a hundred

    // An error larger than the whole range, and a root that has no value below 0: the 50 events of
    // S are all that can move, and half an event is no longer little.
    CHECK(clipping_warnings(50.0, "sqrt(mu)", 1.2).size() == 1);

    const auto told = clipping_warnings(20000.0);
    REQUIRE(told.size() == 1);
    CHECK_THAT(told.front(), Catch::Matchers::Contains(
                                 "up to 1 % of its events, nominal or varied, or 200 expected "
                                 "ones; the error of mu stands for"));
}

TEST_CASE("a ratio that is no number is refused by name", "[fit]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {nan, infinity, 601.0}) {
        EventSet events = test::random_events(test::interference_model(), 20);
        events.origins = {{"SBI", 0, 0}, {"reference", 10, 5}};
        events.log_r[13 * 3 + 2] = bad;
        const std::string message = error_of(events);
        CHECK(message.find("event 13 (row 8 of 'reference')") != std::string::npos);
        CHECK(message.find("'SBI'") != std::string::npos);
    }
    EventSet events = test::random_events(test::interference_model(), 20);
    events.weight[4] = nan;
    CHECK(error_of(events).find("event 4: weight") != std::string::npos);
}
