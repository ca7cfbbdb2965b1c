#include "campaign/ensemble_choice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_samples;
using test::example_toml;
using test::replaced;

namespace {

TrainedNet good_net(float shift = 0.0F) {
    TrainedNet net;
    net.best_validation_loss = 0.6;
    net.training_events = 50000;
    net.validation_events = 10000;
    net.quality.calibration_slope = 1.0;
    net.quality.logit_spread = 0.8;
    net.quality.reference_logits = {1.0F + shift, shift};
    return net;
}

TrainedNet diverged_net() {
    TrainedNet net;
    net.failure = "diverged";
    return net;
}

/// A campaign whose trainings are done at once, by a function of the net's name.
struct PretendedFarm {
    Campaign campaign;
    std::vector<SampleInfo> samples = example_samples();
    TaskGraph graph;
    std::map<Digest, TrainingResult, bool (*)(const Digest&, const Digest&)> done{
        [](const Digest& a, const Digest& b) { return a.hex() < b.hex(); }};
    std::set<std::string> diverge;  ///< names of nets

    explicit PretendedFarm(const std::string& toml)
        : campaign(parse_campaign(toml, "/campaigns")),
          graph(make_task_graph(campaign, samples, "cpu")) {}

    std::vector<EnsembleChoice> choose() const {
        return choose_ensembles({campaign, samples, "cpu"}, graph, [&](const Digest& task) {
            const auto found = done.find(task);
            return found == done.end() ? nullptr : std::make_shared<TrainingResult>(found->second);
        });
    }

    void train(const TrainTask& task) {
        TrainingResult result;
        for (const PlannedNet& net : task.nets) {
            const float shift = net.member % 2 == 0 ? 0.1F : -0.1F;
            result.nets.push_back(diverge.contains(net.name) ? diverged_net() : good_net(shift));
        }
        done.emplace(task.digest, std::move(result));
    }

    /// Trains what is missing until nothing is. \return how often something was
    int run() {
        for (int rounds = 0;; ++rounds) {
            bool news = false;
            for (const EnsembleChoice& choice : choose()) {
                for (const TrainTask& task : choice.trainings) {
                    if (done.contains(task.digest)) continue;
                    train(task);
                    news = true;
                }
            }
            if (!news) return rounds;
        }
    }
};

std::vector<std::string> names_of(const EnsembleChoice& choice) {
    std::vector<std::string> names;
    for (const ChosenNet& net : choice.nets()) names.push_back(net.name);
    return names;
}

}  // namespace

TEST_CASE("an ensemble of good nets is the planned one", "[choice]") {
    PretendedFarm farm(example_toml);
    CHECK_FALSE(farm.choose()[0].complete);

    CHECK(farm.run() == 1);

    const EnsembleChoice choice = farm.choose()[0];
    CHECK(choice.complete);
    CHECK(names_of(choice) == std::vector<std::string>{"S/member 0", "S/member 1", "S/member 2"});
    CHECK(choice.trainings.size() == 3);
    CHECK(choice.exclusions().empty());
    const ChosenNet net = choice.nets()[1];
    CHECK(net.place == NetPlace{farm.graph.trainings[1].digest, 0});
    CHECK(net.initialisation_seed ==
          farm.graph.trainings[1].net_requests.front().initialisation_seed);
}

TEST_CASE("an excluded net is trained again with other seeds", "[choice]") {
    PretendedFarm farm(example_toml);
    farm.diverge = {"S/member 1", "S/member 1/replacement 1"};

    CHECK(farm.run() == 3);

    const EnsembleChoice choice = farm.choose()[0];
    REQUIRE(choice.complete);
    CHECK(names_of(choice) ==
          std::vector<std::string>{"S/member 0", "S/member 1/replacement 2", "S/member 2"});
    CHECK(choice.nets()[1].attempts == 3);
    CHECK(choice.exclusions().size() == 2);
    std::set<std::uint64_t> seeds;
    for (const TrainTask& task : choice.trainings) {
        seeds.insert(task.net_requests.front().initialisation_seed);
    }
    CHECK(seeds.size() == 5);
}

TEST_CASE("one net of a pack is replaced alone", "[choice]") {
    PretendedFarm farm(replaced(example_toml, "epochs = 10", "epochs = 10\npack = 3"));
    farm.diverge = {"S/member 1"};

    farm.run();

    const EnsembleChoice choice = farm.choose()[0];
    REQUIRE(choice.complete);
    CHECK(choice.trainings.size() == 2);
    const auto nets = choice.nets();
    CHECK(nets[0].place == NetPlace{choice.trainings[0].digest, 0});
    CHECK(nets[1].place == NetPlace{choice.trainings[1].digest, 0});
    CHECK(nets[2].place == NetPlace{choice.trainings[0].digest, 2});
}

TEST_CASE("a slot that runs out of replacements says all that was tried", "[choice]") {
    PretendedFarm farm(replaced(example_toml, "members = 3", "members = 3\nreplacements = 1"));
    farm.diverge = {"S/member 1", "S/member 1/replacement 1"};

    CHECK(farm.run() == 2);

    const EnsembleChoice choice = farm.choose()[0];
    CHECK_FALSE(choice.complete);
    REQUIRE(choice.failures().size() == 1);
    const std::string line = choice.failures().front();
    CHECK(line.find("S/member 1: diverged") != std::string::npos);
    CHECK(line.find("S/member 1/replacement 1: diverged") != std::string::npos);
    CHECK(farm.choose()[1].complete);
}

TEST_CASE("members are added until the mean is known well enough", "[choice]") {
    // Logits are +0.1 or -0.1: a spread of 0.1 sqrt(m / (m - 1)) for even m, over sqrt(m).
    PretendedFarm farm(replaced(example_toml, "members = 3", "members = 2\nuntil_spread = 0.05"));

    farm.run();

    const EnsembleChoice choice = farm.choose()[0];
    REQUIRE(choice.complete);
    CHECK(choice.spread <= 0.05);
    // 0.1 / sqrt(m - 1) <= 0.05 from m = 5 on; 2 members become 4, then at most 8.
    CHECK(choice.nets().size() == 6);
    CHECK(farm.choose()[1].nets().size() == 6);
}

TEST_CASE("there are never more members than the campaign allows", "[choice]") {
    PretendedFarm farm(replaced(example_toml, "members = 3",
                                "members = 2\nuntil_spread = 0.001\nmax_members = 5"));

    farm.run();

    const EnsembleChoice choice = farm.choose()[0];
    CHECK(choice.complete);
    CHECK(choice.nets().size() == 5);
    CHECK(choice.spread > 0.001);
}

TEST_CASE("further members are judged and replaced, too", "[choice]") {
    PretendedFarm farm(replaced(example_toml, "members = 3", "members = 2\nuntil_spread = 0.05"));
    farm.diverge = {"S/member 3"};

    farm.run();

    const EnsembleChoice choice = farm.choose()[0];
    REQUIRE(choice.complete);
    CHECK(names_of(choice)[3] == "S/member 3/replacement 1");
}

TEST_CASE("the number of members wanted follows the root law", "[choice]") {
    const EnsembleSection section{.until_spread = 0.1, .max_members = 20};

    CHECK(members_wanted(4, 0.11, section) == 5);
    CHECK(members_wanted(4, 0.13, section) == 7);
    CHECK(members_wanted(4, 0.5, section) == 8);
    CHECK(members_wanted(16, 0.5, section) == 20);
    CHECK(members_wanted(1, std::nan(""), section) == 2);
}

TEST_CASE("a net begins as the one that replaced its planned start", "[choice]") {
    PretendedFarm farm(replaced(example_toml, "[data]", R"(
[systematics]
warm_start = true

[[systematic]]
name = "scale"
shape = { S = { up = "S", down = "B" } }

[data])"));
    const auto fine_tuned = [&] {
        for (const EnsembleChoice& choice : farm.choose()) {
            if (choice.name == "S.scale.up" || choice.name == "S/scale/up") return choice;
        }
        throw std::runtime_error("no ensemble of the systematic");
    };
    CHECK(fine_tuned().waits);
    CHECK(fine_tuned().trainings.empty());
    farm.diverge = {"S/member 0"};

    farm.run();

    const EnsembleChoice choice = fine_tuned();
    REQUIRE(choice.complete);
    const TrainTask& task = choice.trainings.front();
    const NetPlace start{task.net_requests.front().warm_start.task,
                         task.net_requests.front().warm_start.net};
    CHECK(start == farm.choose()[0].nets()[0].place);
    // Another start, another net: its digest is not the planned one.
    const auto& planned = farm.graph.trainings;
    CHECK(std::none_of(planned.begin(), planned.end(),
                       [&](const TrainTask& other) { return other.digest == task.digest; }));
}
