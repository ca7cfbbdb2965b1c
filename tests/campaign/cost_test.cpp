#include "campaign/cost.hpp"

#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_samples;

TEST_CASE("the cost of a small campaign is what one counts by hand", "[campaign]") {
    const Campaign campaign = example_campaign();
    const std::vector<SampleInfo> samples = example_samples();
    const TaskGraph graph = make_task_graph(campaign, samples, "cpu");

    const Cost cost = cost_of(campaign, samples, graph);

    CHECK(cost.nets == 9);
    CHECK(cost.trainings == 9);
    CHECK(cost.inferences == 9);
    CHECK(cost.parameters_per_net == 65);  // 2-8-4-1
    // Three nets of three processes; the events of each are among the 3000 of the reference.
    const double forward = 130.0;
    const double train = 3 * 3 * 3000.0;
    CHECK(cost.training_flop == Approx(10 * forward * train * (3 + 0.2)).epsilon(1e-12));
    // 2400 inference events, three processes of three members.
    CHECK(cost.inference_flop == Approx(2400 * 9 * forward).epsilon(1e-12));
    // Files: 9 results, 9 ratio blocks in at most 18 folders, 3 ensembles, 11 fixed ones and three
    // generations of one checkpoint.
    CHECK(cost.inodes == 9 + 9 + 18 + 3 + 11 + 3);
    // A row is 65 + 4 floats; a result adds 16 B per epoch, its header and its quality.
    const std::uint64_t nets = 9 * (44 + 276 + 160 + 500) + 9 * 276;
    const std::uint64_t ratios = 2400 * 24 + 9 * 44 + 2400 * (24 + 24);
    CHECK(cost.disk_bytes == nets + ratios + 1'000'000);
    CHECK(cost.peak_disk_bytes - cost.disk_bytes == 3 * (44 + 2 * 276 + 2 * 260 + 160));
    CHECK(cost.fit_memory_bytes == 2400 * (3 * 16 + 16) + 60'000'000);
}

TEST_CASE("more workers hold more checkpoints, but never more than there are trainings",
          "[campaign]") {
    const Campaign campaign = example_campaign();
    const std::vector<SampleInfo> samples = example_samples();
    const TaskGraph graph = make_task_graph(campaign, samples, "cpu");
    const auto inodes = [&](std::uint64_t workers) {
        return cost_of(campaign, samples, graph, workers).inodes;
    };

    CHECK(inodes(4) - inodes(1) == 9);
    CHECK(inodes(1000) == inodes(9));
}

TEST_CASE("events that cannot be mapped are copied", "[campaign]") {
    const Campaign campaign = example_campaign();
    std::vector<SampleInfo> samples = example_samples();
    const auto cost = [&] {
        return cost_of(campaign, samples, make_task_graph(campaign, samples, "cpu"));
    };
    const std::uint64_t before = cost().disk_bytes;
    CHECK(cost().copy_bytes == 0);
    std::uint64_t wanted = 0;
    for (SampleInfo& sample : samples) {
        sample.columns.file = "/events.h5";
        sample.columns.weight_offset = 0;
        wanted += sample.columns.events * (4 * sample.columns.columns + 24);
    }

    CHECK(cost().copy_bytes == wanted);
    CHECK(cost().disk_bytes == before + wanted);
    for (SampleInfo& sample : samples) sample.columns.file.clear();  // events to be simulated
    CHECK(cost().copy_bytes == 0);
}

TEST_CASE("the memory of a trainer grows with its events and its net", "[campaign]") {
    Campaign campaign = example_campaign();
    const std::vector<SampleInfo> samples = example_samples();
    const auto memory = [&] {
        return cost_of(campaign, samples, make_task_graph(campaign, samples, "cpu"))
            .trainer_memory_bytes;
    };

    // 3000 training and 600 validation events of two features and two weights.
    CHECK(memory() == 120'000'000 + 3600 * 16 + 5 * 276 + 3 * 4 * 100 * 12);
    campaign.network.hidden = {1000, 1000};
    CHECK(memory() > 120'000'000 + 5 * 4'000'000);
}

TEST_CASE("a pack holds its nets at once, in memory and in checkpoints", "[campaign]") {
    Campaign campaign = example_campaign();
    const std::vector<SampleInfo> samples = example_samples();
    const auto cost = [&] {
        return cost_of(campaign, samples, make_task_graph(campaign, samples, "cpu"));
    };
    const Cost single = cost();
    campaign.training.pack = 3;
    const Cost packed = cost();

    CHECK(packed.nets == 9);
    CHECK(packed.trainings == 3);
    CHECK(packed.training_flop == Approx(single.training_flop).epsilon(1e-12));
    CHECK(packed.trainer_memory_bytes - single.trainer_memory_bytes ==
          2 * (5 * 276 + 3 * 4 * 100 * 12));
    CHECK(packed.peak_disk_bytes - packed.disk_bytes == 3 * (44 + 3 * (2 * 276 + 2 * 260 + 160)));
}

TEST_CASE("kept members and trained shapes are columns of the ratio file", "[campaign]") {
    Campaign campaign = parse_campaign(test::example_toml + R"toml(
[[systematic]]
name = "scale"
shape = { S = { up = "S", down = "B" } }
)toml",
                                       "/campaigns");
    const std::vector<SampleInfo> samples = example_samples();
    const auto disk = [&] {
        return cost_of(campaign, samples, make_task_graph(campaign, samples, "cpu")).disk_bytes;
    };
    // Thirteen results and 15 ratio blocks in as many folders; S, SBI, B, S/scale/up and down in
    // the folders S and S/scale; 11 fixed files and a checkpoint.
    CHECK(cost_of(campaign, samples, make_task_graph(campaign, samples, "cpu")).inodes ==
          26 + 30 + 5 + 2 + 11 + 3);
    const std::uint64_t before = disk();
    campaign.ensemble.keep_members = true;

    CHECK(disk() - before == 2400 * 2 * 4 * 9);  // nine members, in blocks and in the file
    const std::uint64_t net = 44 + 276 + 160 + 500 + 276;
    const std::uint64_t block = 2400 * 8 + 3 * 44;
    campaign.ensemble.keep_members = false;
    campaign.systematics.clear();
    // What two nets of a side give stays apart in its block, what they differ by in the file.
    CHECK(before - disk() == 4 * net + 2 * block + 2400 * 8 + 2400 * 4 * 4 + 2400 * 4 * 2);
}
