#include "protocol/task_file.hpp"

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;

namespace {

const Digest task{1, 2};

RatioBlock example_block() { return {{0.5f, -1.25f, 3.0f}, {0.0f, 0.125f, 2.0f}, {}}; }

}  // namespace

TEST_CASE("a task file gives back what was stored") {
    const test::TemporaryDirectory folder;
    const auto path = folder.path() / "block";

    publish(path, encode_task_file(task, example_block()));

    const auto block = read_task_file<RatioBlock>(path, task);
    CHECK(block.log_ratio == example_block().log_ratio);
    CHECK(block.spread == example_block().spread);
    CHECK(task_file_is_complete(path, TaskFileKind::ratio_block, task));
    CHECK_FALSE(task_file_is_complete(path, TaskFileKind::ratio_block, Digest{1, 3}));
    CHECK_FALSE(task_file_is_complete(path, TaskFileKind::training_result, task));
    CHECK_FALSE(task_file_is_complete(folder.path() / "none", TaskFileKind::ratio_block, task));
}

TEST_CASE("every flipped bit of a task file is noticed") {
    const auto good = encode_task_file(task, example_block());
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        auto damaged = good;
        damaged[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        CHECK_THROWS_AS(task_file_body(damaged, TaskFileKind::ratio_block, task), DataError);
    }
}

TEST_CASE("a task file cut at any byte is noticed") {
    const auto good = encode_task_file(task, example_block());
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK_THROWS_AS(
            task_file_body(std::span(good).first(size), TaskFileKind::ratio_block, task),
            DataError);
    }
}

TEST_CASE("results and states of trainings end with a list that version 2 does not have") {
    const auto as_version_2 = [](TaskFileKind kind, std::vector<std::byte> body) {
        auto file = task_file_bytes(kind, task, std::move(body));
        file[8] = std::byte{2};  // behind the magic
        return file;
    };
    TrainedNet net;
    net.row = {1.0F, 2.0F};
    net.scores = {-1.0, 2.0, {0.25F}, {0.125F}};
    const auto whole = encode(TrainingResult{{net, net}});
    auto old = encode(TrainingResult{{net, net}});
    old.resize(old.size() - sizeof(std::uint64_t) - 2 * encode(net.scores).size());
    const auto result = [](const std::vector<std::byte>& file) {
        return decode<TrainingResult>(task_file_body(file, TaskFileKind::training_result, task));
    };

    CHECK(result(task_file_bytes(TaskFileKind::training_result, task, whole)).nets[1].scores ==
          net.scores);
    const auto read = result(as_version_2(TaskFileKind::training_result, old));
    REQUIRE(read.nets.size() == 2);
    CHECK(read.nets[1].row == net.row);
    CHECK(read.nets[1].scores == ScoreHistograms{});

    TrainingState running;
    running.step = 7;
    auto state = encode(running);
    state.resize(state.size() - sizeof(std::uint64_t));
    const auto body = task_file_body(as_version_2(TaskFileKind::training_state, state),
                                     TaskFileKind::training_state, task);
    CHECK(decode<TrainingState>(body).step == 7);
}
