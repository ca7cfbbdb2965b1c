// The chains of an unfolding as a plan.
#include <algorithm>
#include <set>
#include <unordered_map>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/cost.hpp"
#include "campaign/unfolding_tasks.hpp"

using namespace ratiofarm;

namespace {

Campaign campaign_with(const std::string& keys) {
    return parse_campaign(R"([campaign]
name = "chains"
[events]
file = "events.h5"
features = ["x"]
[network]
hidden = [8]
[unfolding]
data = "data"
simulation = "mc"
truth = ["t"]
)" + keys + R"(
[[unfolding.observable]]
column = "t"
edges = [0.0, 1.0]
)",
                          "/campaigns");
}

SampleInfo sample(const std::string& name, std::uint64_t events) {
    SampleInfo info;
    info.name = name;
    info.columns = {.file = "/events.h5", .sample = name, .events = events, .columns = 1};
    info.columns.levels.names = {"t"};
    info.column_names = {"x"};
    info.digest = Hasher().text(name).finish();
    info.training_events = events / 2;
    info.inference_events = events * 2 / 5;
    info.weights = {{"up", 0, Hasher().text(name + " up").finish(), 1.0}};
    return info;
}

const std::vector<SampleInfo> samples{sample("data", 1000), sample("mc", 5000),
                                      sample("other", 3000)};

UnfoldingPlan plan_of(const Campaign& campaign) {
    return make_unfolding_plan({campaign, samples, "cpu"});
}

std::vector<const UnfoldTask*> all_of(const UnfoldingPlan& plan) {
    return unfolding_to_do(plan, [](const UnfoldTask&) { return false; });
}

/// Everything at once.
const std::string all_keys = R"(fakes = "follow"
iterations = 3
members = 2
replicas_data = 2
replicas_mc = 2
warm_start = true
variation = { up = { weight = "up" }, other = { simulation = "other" } })";

const std::string pretraining = "pretraining = \"other\"\n";

const std::string density = "background = [\"other\"]\nbackground_as = \"density\"\n";

const std::vector<std::string> settings{
    density + "iterations = 2\nmembers = 2\nreplicas_mc = 2\nreplicas_data = 3",
    density + all_keys,
    "iterations = 3\nmembers = 1",
    "iterations = 1\nmembers = 3\nreplicas_mc = 2",
    "iterations = 2\nmembers = 3\nensemble = \"step\"\nreplicas_data = 2",
    all_keys,
    all_keys + "\nensemble = \"step\"",
    pretraining + "iterations = 2\nmembers = 3",
    pretraining + all_keys,
    pretraining + all_keys + "\nensemble = \"step\""};

std::unordered_map<Digest, const UnfoldTask*> by_digest(const UnfoldingPlan& plan) {
    std::unordered_map<Digest, const UnfoldTask*> tasks;
    for (const UnfoldTask& task : plan.tasks) tasks.emplace(task.digest, &task);
    return tasks;
}

const UnfoldTask& named(const UnfoldingPlan& plan, const std::string& name) {
    const auto task = std::ranges::find(plan.tasks, name, &UnfoldTask::name);
    REQUIRE(task != plan.tasks.end());
    return *task;
}

}  // namespace

TEST_CASE("a plan has every step of every chain once, each after those it reads", "[unfolding]") {
    for (const std::string& keys : settings) {
        INFO(keys);
        const Campaign campaign = campaign_with(keys);
        const UnfoldingSection& section = *campaign.unfolding;
        const UnfoldingPlan plan = plan_of(campaign);

        const std::size_t chains =
            (1 + section.replicas_data + section.replicas_mc + section.variations.size()) *
            section.members;
        CHECK(plan.chains.size() == chains);
        std::size_t acceptances = 0, pretrained = 0, subtractions = 0;
        std::set<Digest> before;
        for (const UnfoldTask& task : plan.tasks) {
            acceptances += task.request.step == UnfoldStep::acceptance ? 1 : 0;
            pretrained += task.request.pretraining ? 1 : 0;
            subtractions += task.request.step == UnfoldStep::subtraction ? 1 : 0;
            CHECK(std::ranges::all_of(
                task.after, [&](const Digest& parent) { return before.contains(parent); }));
            CHECK(before.insert(task.digest).second);
        }
        CHECK(plan.tasks.size() - acceptances - pretrained - subtractions ==
              chains * 2 * section.iterations);
        CHECK(pretrained == (section.pretraining.empty() ? 0 : 2 * section.members));
        // Variations have the data and the background of the nominal chains.
        const std::size_t subtracted = 1 + section.replicas_data + section.replicas_mc;
        const bool density = section.background_as == BackgroundAs::density;
        CHECK(subtractions == (density ? subtracted * section.members : 0));
        // Replicas of the data see one simulation.
        const std::size_t simulations = 1 + section.replicas_mc + section.variations.size();
        CHECK(acceptances == (section.fakes == Fakes::follow ? simulations * section.members : 0));
    }
}

TEST_CASE("what is known without events are the names of the plan", "[unfolding]") {
    for (const std::string& keys : settings) {
        INFO(keys);
        const Campaign campaign = campaign_with(keys);
        const UnfoldingPlan plan = plan_of(campaign);
        std::set<std::pair<std::string, bool>> planned, known;
        std::set<std::string> ends, known_ends;

        for (const UnfoldTask& task : plan.tasks) planned.emplace(task.name, task.kept);
        const auto tasks = by_digest(plan);
        for (const UnfoldChain& chain : plan.chains)
            ends.insert(tasks.at(chain.truth.back())->name);
        for (const UnfoldName& task : unfold_names(*campaign.unfolding)) {
            known.emplace(task.name, task.kept);
            if (task.ends_chain) known_ends.insert(task.name);
        }

        CHECK(known == planned);
        CHECK(known_ends == ends);
    }
}

TEST_CASE("a chain reads itself, a step ensemble all members of the step before", "[unfolding]") {
    const UnfoldingPlan chain = plan_of(campaign_with("iterations = 2\nmembers = 3"));
    const UnfoldingPlan step =
        plan_of(campaign_with("iterations = 2\nmembers = 3\nensemble = \"step\""));

    const auto reads = [](const UnfoldingPlan& plan, const std::string& name) {
        std::vector<std::string> names;
        for (const Digest& parent : named(plan, name).after) {
            names.push_back(by_digest(plan).at(parent)->name);
        }
        return names;
    };
    const std::string first = "unfold/nominal/nominal/";
    CHECK(reads(chain, first + "1/it1/step1").empty());
    CHECK(reads(chain, first + "1/it1/step2") == std::vector{first + "1/it1/step1"});
    CHECK(reads(chain, first + "1/it2/step1") == std::vector{first + "1/it1/step2"});
    CHECK(reads(step, first + "1/it2/step1") ==
          std::vector{first + "0/it1/step2", first + "1/it1/step2", first + "2/it1/step2"});
}

TEST_CASE("a digest holds what its parents are made of, and nothing that comes later",
          "[unfolding]") {
    const UnfoldingPlan two = plan_of(campaign_with("iterations = 2\nmembers = 2"));
    const UnfoldingPlan three = plan_of(campaign_with("iterations = 3\nmembers = 2"));
    auto others = samples;
    others[0].digest = Hasher().text("other data").finish();
    const Campaign campaign = campaign_with("iterations = 2\nmembers = 2");
    const UnfoldingPlan changed = make_unfolding_plan({campaign, others, "cpu"});

    for (const UnfoldTask& task : two.tasks) {
        CHECK(named(three, task.name).digest == task.digest);
        // Step 2 reads no data, but what learned from them.
        CHECK(named(changed, task.name).digest != task.digest);
    }
}

TEST_CASE("nets of replicas and variations begin with the seeds of the nominal ones",
          "[unfolding]") {
    const UnfoldingPlan plan = plan_of(campaign_with(all_keys));

    for (const char* setting : {"nominal/data 2", "nominal/mc 1", "up/nominal", "other/nominal"}) {
        for (const char* step : {"/1/it1/step1", "/1/it3/step2"}) {
            const UnfoldTask& task = named(plan, std::string("unfold/") + setting + step);
            const UnfoldTask& nominal = named(plan, std::string("unfold/nominal/nominal") + step);
            CHECK(task.digest != nominal.digest);
            CHECK(task.request.attempts[0].initialisation_seed ==
                  nominal.request.attempts[0].initialisation_seed);
            CHECK(task.request.attempts[0].shuffle_seed ==
                  nominal.request.attempts[0].shuffle_seed);
        }
    }
    CHECK(named(plan, "unfold/nominal/data 2/0/it1/step1").request.data_replica !=
          named(plan, "unfold/nominal/data 1/0/it1/step1").request.data_replica);
}

TEST_CASE("every step begins with the pretrained net of its member and kind", "[unfolding]") {
    const std::string keys = "iterations = 2\nmembers = 2\nreplicas_data = 2\n";
    const UnfoldingPlan plan = plan_of(campaign_with(pretraining + keys));
    const UnfoldingPlan warm = plan_of(campaign_with(pretraining + "warm_start = true\n" + keys));
    const UnfoldingPlan cold = plan_of(campaign_with(keys));
    const auto start = [](const UnfoldingPlan& in, const std::string& name) {
        const Digest& task = named(in, name).request.attempts[0].warm_start.task;
        return task == Digest{} ? "" : by_digest(in).at(task)->name;
    };

    for (const char* setting : {"nominal", "data 2"}) {
        const std::string chain = std::string("unfold/nominal/") + setting + "/1/";
        for (const char* step : {"it1/step1", "it2/step1"}) {
            CHECK(start(plan, chain + step) == "unfold/nominal/nominal/1/pretraining/step1");
        }
        CHECK(start(plan, chain + "it2/step2") == "unfold/nominal/nominal/1/pretraining/step2");
        CHECK(start(warm, chain + "it1/step2") == "unfold/nominal/nominal/1/pretraining/step2");
        CHECK(start(warm, chain + "it2/step2") == chain + "it1/step2");
        CHECK(start(cold, chain + "it2/step2").empty());
        CHECK(named(plan, chain + "it1/step1").request.attempts[1].warm_start.task == Digest{});
    }
    const UnfoldTask& first = named(plan, "unfold/nominal/nominal/0/pretraining/step1");
    const UnfoldTask& other = named(plan, "unfold/nominal/nominal/1/pretraining/step1");
    CHECK(first.digest != other.digest);
    CHECK(first.request.data.sample == "other");
    CHECK_FALSE(first.kept);
}

TEST_CASE("pretraining with other events is another one, and so is all that begins with it",
          "[unfolding]") {
    const Campaign campaign = campaign_with(pretraining + "iterations = 1\nmembers = 1");
    auto changed = samples;
    changed[2].digest = Hasher().text("other events").finish();
    const UnfoldingPlan before = plan_of(campaign);
    const UnfoldingPlan after = make_unfolding_plan({campaign, changed, "cpu"});

    for (const UnfoldTask& task : before.tasks) {
        CHECK(named(after, task.name).digest != task.digest);
    }
}

TEST_CASE("to do is what stays and is not there, and what that reads", "[unfolding]") {
    for (const std::string& keys : settings) {
        INFO(keys);
        const UnfoldingPlan plan = plan_of(campaign_with(keys));
        const auto kept = [](const UnfoldTask& task) { return task.kept; };

        CHECK(all_of(plan).size() == plan.tasks.size());
        CHECK(unfolding_to_do(plan, kept).empty());  // all else went when it was read
        const UnfoldTask& last = plan.tasks.back();
        const auto but_last = [&](const UnfoldTask& task) {
            return task.kept && task.digest != last.digest;
        };
        const auto to_do = unfolding_to_do(plan, but_last);
        REQUIRE(to_do.size() > 1);
        CHECK(to_do[0] == &last);
        CHECK(std::ranges::count(last.after, to_do[1]->digest) == 1);
    }
}

TEST_CASE("a background is subtracted from the data, or added to the simulation", "[unfolding]") {
    const std::string keys =
        "members = 2\nreplicas_data = 2\nreplicas_mc = 2\n"
        "variation = { up = { weight = \"up\" } }";
    const UnfoldingPlan plan = plan_of(campaign_with(density + keys));
    const UnfoldingPlan fixed = plan_of(campaign_with("background = [\"other\"]\n" + keys));

    for (const auto& [chain, own] : {std::pair("nominal/data 2", "nominal/data 2"),
                                     {"nominal/mc 1", "nominal/mc 1"},
                                     {"up/nominal", "nominal/nominal"}}) {
        const std::string step = std::string("unfold/") + chain + "/1/it1/step1";
        const UnfoldTask& net = named(plan, std::string("unfold/") + own + "/1/subtraction");
        REQUIRE(named(plan, step).request.subtraction.size() == 1);
        CHECK(named(plan, step).request.subtraction[0].task == net.digest);
        CHECK(std::ranges::count(named(plan, step).after, net.digest) == 1);
        CHECK(named(plan, step).request.background.empty());
        CHECK(net.request.background.size() == 1);
        CHECK(named(fixed, step).request.background.size() == 1);
        CHECK(named(fixed, step).request.subtraction.empty());
    }
    auto changed = samples;
    changed[2].digest = Hasher().text("another background").finish();
    const Campaign campaign = campaign_with(density + keys);
    const UnfoldingPlan other = make_unfolding_plan({campaign, changed, "cpu"});
    for (const UnfoldTask& task : plan.tasks) CHECK(named(other, task.name).digest != task.digest);
}

TEST_CASE("a background with other columns than the simulation is refused", "[unfolding]") {
    auto changed = samples;
    changed[2].column_names = {"y", "x"};
    const Campaign campaign = campaign_with("background = [\"other\"]");

    CHECK_THROWS_WITH(
        make_unfolding_plan({campaign, changed, "cpu"}),
        Catch::Matchers::Contains("'other' and 'mc' store the features in different"));
}

TEST_CASE("tasks that share results are in one shard, others are divided", "[unfolding]") {
    for (const std::string& keys : settings) {
        INFO(keys);
        const Campaign campaign = campaign_with(keys);
        const UnfoldingPlan plan = plan_of(campaign);
        const auto tasks = by_digest(plan);
        std::set<Digest> shards;

        for (const UnfoldTask& task : plan.tasks) {
            shards.insert(shard_key(task));
            for (const Digest& parent : task.after) {
                CHECK(shard_key(*tasks.at(parent)) == shard_key(task));
            }
        }

        const UnfoldingSection& section = *campaign.unfolding;
        const bool by_step = section.ensemble == UnfoldingEnsemble::step;
        const bool shared = section.fakes == Fakes::follow || !section.pretraining.empty() ||
                            section.background_as == BackgroundAs::density;
        const std::size_t divided = shared ? section.members : plan.chains.size();
        CHECK(shards.size() == divided / (by_step ? section.members : 1));
    }
}

TEST_CASE("the space that is planned holds what lies there while the longest go first",
          "[unfolding]") {
    for (const std::string& keys : settings) {
        for (const std::size_t workers : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
            INFO(keys << ", " << workers << " workers");
            const Campaign campaign = campaign_with(keys);
            const UnfoldingPlan plan = plan_of(campaign);
            const UnfoldingSpace space =
                unfolding_space({campaign, samples, "cpu"}, plan, workers, all_of(plan));

            // Rounds of as many tasks as there are workers, those with the most tasks after them
            // first, ties by digest as in the scheduler; results go when all that read them are
            // done.
            std::unordered_map<Digest, std::size_t> ahead, readers;
            for (auto task = plan.tasks.rbegin(); task != plan.tasks.rend(); ++task) {
                const std::size_t own = ++ahead[task->digest];
                for (const Digest& parent : task->after) {
                    ahead[parent] = std::max(ahead[parent], own);
                    ++readers[parent];
                }
            }
            const auto tasks = by_digest(plan);
            std::set<Digest> done;
            std::size_t there = 0, most = 0;
            while (done.size() < plan.tasks.size()) {
                std::vector<const UnfoldTask*> ready;
                for (const UnfoldTask& task : plan.tasks) {
                    const bool can_begin = std::ranges::all_of(
                        task.after, [&](const Digest& parent) { return done.contains(parent); });
                    if (can_begin && !done.contains(task.digest)) ready.push_back(&task);
                }
                std::ranges::sort(ready, {}, [&](const UnfoldTask* task) {
                    return std::pair(-static_cast<double>(ahead.at(task->digest)), task->digest);
                });
                ready.resize(std::min(ready.size(), workers));
                for (const UnfoldTask* task : ready) {
                    done.insert(task->digest);
                    there += task->kept ? 0 : 1;
                }
                most = std::max(most, there);
                for (const UnfoldTask* task : ready) {
                    for (const Digest& parent : task->after) {
                        if (--readers.at(parent) == 0 && !tasks.at(parent)->kept) --there;
                    }
                }
            }

            CHECK(most <= space.passing);
            CHECK(static_cast<double>(space.passing) <= 2.0 * static_cast<double>(most));
        }
    }
    const Campaign campaign = campaign_with("iterations = 3\nmembers = 2\nreplicas_data = 2");
    const UnfoldingPlan plan = plan_of(campaign);
    const UnfoldingSpace space = unfolding_space({campaign, samples, "cpu"}, plan, 1, all_of(plan));
    CHECK(space.kept == 2 * 3 + 4);
    CHECK(space.kept_bytes > 10 * 4 * 5000);
    CHECK(space.kept_bytes < 10 * (4 * 5000 + 4000));
    CHECK(space.table_bytes == 2000 * (4 + 16 + 8 * (1 + 2 + 3 + 2)));
}
