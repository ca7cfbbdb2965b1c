#include "campaign/search/successive_halving.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

using Scores = std::map<TrialRung, double>;
using Jobs = std::vector<TrialRung>;

/// Algorithm 2 of arXiv:1810.05934 with workers that end one after the other: lists that are
/// searched from the beginning each time.
class Textbook {
public:
    Textbook(const HalvingPlan& plan, const Scores& scores) : plan_(plan), scores_(scores) {}

    Jobs run() {
        struct Worker {
            bool busy = false;
            double until = 0.0;
            std::size_t job = 0;
        };
        std::vector<Worker> workers(plan_.parallel);
        double now = 0.0;
        for (;;) {
            for (Worker& worker : workers) {
                if (worker.busy) continue;
                const auto job = get_job();
                if (!job) break;
                worker = {true, now + plan_.cost_of(job->trial, job->rung), jobs_.size()};
                jobs_.push_back(*job);
            }
            Worker* first = nullptr;
            for (Worker& worker : workers) {
                if (!worker.busy) continue;
                const bool sooner = first == nullptr || worker.until < first->until ||
                                    (worker.until == first->until && worker.job < first->job);
                if (sooner) first = &worker;
            }
            if (first == nullptr) return jobs_;
            now = first->until;
            first->busy = false;
            ended_.push_back(jobs_[first->job]);
        }
    }

private:
    std::optional<TrialRung> get_job() {
        for (int rung = static_cast<int>(plan_.rungs) - 2; rung >= 0; --rung) {
            Jobs here;
            for (const TrialRung& job : ended_) {
                if (job.rung == static_cast<std::uint32_t>(rung)) here.push_back(job);
            }
            for (const TrialRung& job : here) {
                const double mine = scores_.at(job);
                const auto better =
                    std::count_if(here.begin(), here.end(), [&](const TrialRung& other) {
                        const double its = scores_.at(other);
                        return its < mine || (its == mine && other.trial < job.trial);
                    });
                places_[job] = static_cast<std::size_t>(better);
            }
            std::sort(here.begin(), here.end(), [&](const TrialRung& a, const TrialRung& b) {
                return places_.at(a) < places_.at(b);
            });
            here.resize(here.size() / plan_.reduction);
            for (const TrialRung& job : here) {
                const TrialRung next{job.trial, job.rung + 1};
                if (std::count(jobs_.begin(), jobs_.end(), next) > 0) continue;
                if (std::isfinite(scores_.at(job))) return next;
            }
        }
        if (begun_ == plan_.trials) return std::nullopt;
        return TrialRung{begun_++, 0};
    }

    const HalvingPlan& plan_;
    const Scores& scores_;
    Jobs jobs_;
    Jobs ended_;
    std::map<TrialRung, std::size_t> places_;
    std::uint32_t begun_ = 0;
};

Jobs jobs_of(const HalvingState& state) {
    Jobs jobs;
    for (const HalvingDecision& decision : state.decisions) jobs.push_back(decision.what);
    return jobs;
}

TrialScore all_known(const Scores& scores) {
    return [&scores](TrialRung what) { return std::optional(scores.at(what)); };
}

HalvingPlan random_plan(std::mt19937& random) {
    const auto whole = [&](std::uint32_t low, std::uint32_t high) {
        return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
    };
    HalvingPlan plan{.trials = whole(1, 30),
                     .rungs = whole(1, 4),
                     .reduction = whole(2, 4),
                     .parallel = whole(1, 9),
                     .cost = {}};
    // Few different costs, so that many tasks end at the same time.
    for (std::size_t i = 0; i < std::size_t{plan.trials} * plan.rungs; ++i) {
        plan.cost.push_back(whole(1, 3));
    }
    return plan;
}

Scores random_scores(const HalvingPlan& plan, std::mt19937& random) {
    Scores scores;
    for (std::uint32_t trial = 0; trial < plan.trials; ++trial) {
        for (std::uint32_t rung = 0; rung < plan.rungs; ++rung) {
            const auto value = std::uniform_int_distribution<int>(0, 12)(random);  // with ties
            scores[{trial, rung}] = value == 12 ? std::numeric_limits<double>::infinity() : value;
        }
    }
    return scores;
}

}  // namespace

TEST_CASE("decisions are those of the textbook for every ranking of five trials",
          "[campaign][search]") {
    std::vector<int> order(5);
    std::iota(order.begin(), order.end(), 0);
    const std::uint32_t parallel = GENERATE(1U, 2U, 3U, 7U);
    HalvingPlan plan{.trials = 5, .rungs = 3, .reduction = 2, .parallel = parallel, .cost = {}};
    for (int i = 0; i < 15; ++i) plan.cost.push_back(1.0 + (i * 7) % 5);

    do {
        Scores scores;
        for (std::uint32_t trial = 0; trial < 5; ++trial) {
            for (std::uint32_t rung = 0; rung < 3; ++rung) {
                scores[{trial, rung}] = order[(trial + rung) % 5];
            }
        }
        const HalvingState state = successive_halving(plan, all_known(scores));
        REQUIRE(state.complete);
        REQUIRE(jobs_of(state) == Textbook(plan, scores).run());
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("decisions are those of the textbook with ties and failures", "[campaign][search]") {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        const HalvingPlan plan = random_plan(random);
        const Scores scores = random_scores(plan, random);

        const HalvingState state = successive_halving(plan, all_known(scores));

        REQUIRE(jobs_of(state) == Textbook(plan, scores).run());
    }
}

TEST_CASE("results that come in any order lead to the same decisions", "[campaign][search]") {
    std::mt19937 random(11);
    for (int i = 0; i < 300; ++i) {
        const HalvingPlan plan = random_plan(random);
        const Scores scores = random_scores(plan, random);
        const Jobs final_jobs = jobs_of(successive_halving(plan, all_known(scores)));
        std::set<TrialRung> known;
        std::set<TrialRung> kept;
        const TrialScore score = [&](TrialRung what) {
            return known.contains(what) ? std::optional(scores.at(what)) : std::nullopt;
        };

        HalvingState state = successive_halving(plan, score);
        while (!state.complete) {
            // Something can always be done, and nothing that was decided is revoked.
            REQUIRE_FALSE(state.to_do.empty());
            const Jobs jobs = jobs_of(state);
            REQUIRE(std::equal(jobs.begin(), jobs.end(), final_jobs.begin()));
            // A trial that goes on has the state of the rung before.
            for (const TrialRung& job : state.to_do) {
                if (job.rung > 0) REQUIRE(kept.contains({job.trial, job.rung - 1}));
            }
            const auto pick =
                std::uniform_int_distribution<std::size_t>(0, state.to_do.size() - 1)(random);
            const TrialRung done = state.to_do[pick];
            known.insert(done);
            kept.insert(done);
            state = successive_halving(plan, score);
            std::erase_if(kept, [&](const TrialRung& what) {
                return std::count(state.to_keep.begin(), state.to_keep.end(), what) == 0;
            });
        }

        REQUIRE(jobs_of(state) == final_jobs);
        REQUIRE(state.to_keep.empty());
    }
}

TEST_CASE("a decision waits only for results that matter to it", "[campaign][search]") {
    const HalvingPlan plan{.trials = 6,
                           .rungs = 2,
                           .reduction = 3,
                           .parallel = 1,
                           .cost = std::vector<double>(12, 1.0)};

    const HalvingState state =
        successive_halving(plan, [](TrialRung) { return std::optional<double>(); });

    // The first two to end cannot be promoted, whatever they are; the third might be.
    CHECK(state.to_do == Jobs{{0, 0}, {1, 0}, {2, 0}});
    CHECK_FALSE(state.complete);
    CHECK(state.cost == 3.0);
}

TEST_CASE("decisions are the same if each trial is only known when it begins",
          "[campaign][search]") {
    std::mt19937 random(13);
    for (int i = 0; i < 300; ++i) {
        const HalvingPlan whole = random_plan(random);
        const Scores scores = random_scores(whole, random);
        HalvingPlan grown = whole;
        grown.cost.clear();
        std::uint32_t asked = 0;

        const HalvingState state =
            successive_halving(grown, all_known(scores), [&](const HalvingMoment& moment) {
                REQUIRE(moment.trial == asked++);
                REQUIRE(moment.rungs_ended.size() == moment.trial);
                for (std::uint32_t rung = 0; rung < whole.rungs; ++rung) {
                    grown.cost.push_back(whole.cost_of(moment.trial, rung));
                }
                return Beginning::now;
            });

        const HalvingState expected = successive_halving(whole, all_known(scores));
        REQUIRE(state.decisions == expected.decisions);
        REQUIRE(state.complete);
        REQUIRE(state.cost == expected.cost);
    }
}

TEST_CASE("what a trial may begin with has ended by the virtual clock", "[campaign][search]") {
    const HalvingPlan plan{
        .trials = 4, .rungs = 1, .reduction = 2, .parallel = 2, .cost = {1.0, 3.0, 1.5, 1.0}};
    std::vector<std::vector<std::uint32_t>> ended;
    std::vector<double> cost;

    const HalvingState state = successive_halving(
        plan, [](TrialRung) { return std::optional(1.0); },
        [&](const HalvingMoment& moment) {
            ended.emplace_back(moment.rungs_ended.begin(), moment.rungs_ended.end());
            cost.push_back(moment.cost);
            return moment.trial == 3 ? Beginning::never : Beginning::now;
        });

    CHECK(ended == std::vector<std::vector<std::uint32_t>>{{}, {0}, {1, 0}, {1, 0, 1}});
    CHECK(cost == std::vector<double>{0.0, 1.0, 4.0, 5.5});
    CHECK(state.complete);
    CHECK(state.decisions.size() == 3);
}

TEST_CASE("a trial whose beginning is not decided waits", "[campaign][search]") {
    const HalvingPlan plan{
        .trials = 4, .rungs = 1, .reduction = 2, .parallel = 2, .cost = {1.0, 1.0, 1.0, 1.0}};

    const HalvingState state = successive_halving(
        plan, [](TrialRung) { return std::optional(1.0); },
        [](const HalvingMoment& moment) {
            return moment.trial == 2 ? Beginning::later : Beginning::now;
        });

    CHECK(state.decisions.size() == 2);
    CHECK_FALSE(state.complete);
}

TEST_CASE("states of trials that are out need not be kept", "[campaign][search]") {
    const HalvingPlan plan{.trials = 9,
                           .rungs = 2,
                           .reduction = 3,
                           .parallel = 1,
                           .cost = std::vector<double>(18, 1.0)};
    // Growing worse from trial to trial: the best three of nine are known after three.
    const HalvingState state = successive_halving(plan, [](TrialRung what) {
        return what.rung == 0 && what.trial < 6 ? std::optional(1.0 + what.trial) : std::nullopt;
    });

    for (const TrialRung& what : state.to_keep) CHECK(what.trial < 3);
    CHECK_FALSE(state.to_keep.empty());
}

TEST_CASE("the best trial is the best of the highest rung", "[campaign][search]") {
    const HalvingPlan plan{.trials = 4,
                           .rungs = 2,
                           .reduction = 2,
                           .parallel = 4,
                           .cost = std::vector<double>(8, 1.0)};
    Scores scores{{{0, 0}, 4.0}, {{1, 0}, 1.0}, {{2, 0}, 2.0}, {{3, 0}, 3.0},
                  {{0, 1}, 0.0}, {{1, 1}, 0.9}, {{2, 1}, 0.8}, {{3, 1}, 0.0}};
    const auto best = [&] {
        return best_trial(successive_halving(plan, all_known(scores)), all_known(scores));
    };

    CHECK(best() == TrialRung{2, 1});

    for (auto& [what, value] : scores) {
        if (what.rung == 1) value = std::numeric_limits<double>::infinity();
    }
    CHECK(best() == TrialRung{1, 0});

    for (auto& [what, value] : scores) value = std::numeric_limits<double>::infinity();
    CHECK(best() == std::nullopt);
}

TEST_CASE("halving spends a fraction of a full grid and finds its best", "[campaign][search]") {
    HalvingPlan plan{.trials = 81, .rungs = 4, .reduction = 3, .parallel = 8, .cost = {}};
    for (int i = 0; i < 81; ++i) {
        for (const double epochs : {1.0, 2.0, 6.0, 18.0}) plan.cost.push_back(epochs);
    }
    // Rungs rank alike: the best trial is never out.
    const TrialScore score = [](TrialRung what) {
        return std::optional(static_cast<double>((what.trial * 37) % 81));
    };

    const HalvingState state = successive_halving(plan, score);

    CHECK(best_trial(state, score) == TrialRung{0, 3});
    CHECK(state.cost < 0.3 * 81 * 27);
}
