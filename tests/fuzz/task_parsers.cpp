// Readers of what ranks and trainers send and leave: results of tasks, messages, frames.
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "farm/message.hpp"
#include "measurement/toys_runner.hpp"
#include "protocol/trainer_protocol.hpp"
#include "tests/tables/example_tables.hpp"

#include "parser.hpp"

namespace ratiofarm::test {
namespace {

namespace fs = std::filesystem;

const Digest example_task{1, 2};

template <class T>
std::string file_of(const T& value) {
    return as_text(encode_task_file(example_task, value));
}

template <class T>
std::string again(const T& value) {
    const auto bytes = encode(value);
    expect_whole(encode(decode<T>(bytes)) == bytes, "what was read cannot be read again");
    return as_text(bytes);
}

template <class T>
std::string read_task(const fs::path& path) {
    return again(read_task_file<T>(path, example_task));
}

std::string read_any_task(const fs::path& path) {
    task_file_is_complete(path, TaskFileKind::ratio_block, example_task);
    switch (task_file_kind(path).value_or(TaskFileKind::training_result)) {
        case TaskFileKind::training_state: return read_task<TrainingState>(path);
        case TaskFileKind::ratio_block: return read_task<RatioBlock>(path);
        case TaskFileKind::toy_block: return read_task<ToyBlock>(path);
        case TaskFileKind::score_block: return read_task<ScoreBlock>(path);
        case TaskFileKind::unfold_result: return read_task<UnfoldResult>(path);
        case TaskFileKind::training_result: break;
    }
    return read_task<TrainingResult>(path);
}

std::vector<std::string> example_task_files() {
    const EnsembleHeader header = example_header(2);
    const NetState state{.row = {1.0F, 2.0F},
                         .first_moment = {0.5F},
                         .second_moment = {0.25F},
                         .epoch_loss_sum = 1.5,
                         .best_row = {1.0F, 2.0F},
                         .best_epoch = 1,
                         .best_validation_loss = 0.7,
                         .training_loss = {0.8, 0.7},
                         .validation_loss = {0.75, 0.7},
                         .failure = "diverged"};
    return {file_of(TrainingState{
                .step = 10, .epoch = 2, .step_in_epoch = 1, .nets = {state}, .averages = {{1.0F}}}),
            file_of(TrainingResult{{example_net(header, 0).result, example_net(header, 1).result}}),
            file_of(RatioBlock{{0.5F, 1.0F}, {0.1F, 0.2F}, {0.4F, 0.6F, 0.9F, 1.1F}}),
            file_of(ToyBlock{{{3, 100, true, {1.0, 2.0}, {1.5}, {0.5}}}}),
            file_of(ScoreBlock{2, {-0.5F, -0.25F, -1.0F, -2.0F}}),
            file_of(UnfoldResult{.net = example_net(header, 0).result,
                                 .attempt = 1,
                                 .sums = {100.0, 80.0},
                                 .made = {},
                                 .ln_weight = {0.5F, -0.25F},
                                 .steps = {{0, 0.0, 0.9}, {1, 0.001, 0.5}}})};
}

constexpr std::size_t task_header = 44;

std::string mended_task(std::string file) {
    if (file.size() < task_header) return file;
    const std::string body = file.substr(task_header);
    const std::uint64_t size = body.size();
    const std::uint32_t crc = crc32(bytes_of(body));
    std::memcpy(file.data() + 32, &size, sizeof size);
    std::memcpy(file.data() + 40, &crc, sizeof crc);
    return file;
}

void add_tasks(std::vector<Parser>& parsers, const fs::path& folder) {
    const fs::path path = folder / "task.ckpt";
    Parser parser{.name = "task file",
                  .bytes = Bytes::binary,
                  .damage = Damage::found,
                  .seeds = example_task_files()};
    parser.read = [path](const std::string& input) {
        write_file(path, input);
        return read_any_task(path);
    };
    parsers.push_back(parser);
    parser.name = "task file, checksum right";
    parser.damage = Damage::unknown;
    parser.mend = mended_task;
    parsers.push_back(parser);
}

std::string message_text(const Message& message) {
    const auto bytes = encode_message(message);
    expect_whole(encode_message(decode_message(bytes)) == bytes,
                 "a message that was read cannot be read again");
    return as_text(bytes);
}

Parser messages() {
    const Task task{};
    const AttemptId attempt{3};
    return {.name = "message of the farm",
            .bytes = Bytes::binary,
            .seeds = {message_text(Ready{}), message_text(Heartbeat{attempt, {}}),
                      message_text(Finished{attempt, {1, 2}, {}}),
                      message_text(Assign{attempt, task}), message_text(Stop{})},
            .read = [](const std::string& input) {
                return message_text(decode_message(bytes_of(input)));
            }};
}

/// All that a stream of frames holds, cut in two somewhere as a socket may do.
template <class Next>
std::string read_frames(const std::string& input, Next next) {
    FrameBuffer buffer;
    std::string text;
    const std::size_t half = input.size() / 2;
    for (const std::string& part : {input.substr(0, half), input.substr(half)}) {
        buffer.append(bytes_of(part));
        while (const auto message = next(buffer)) text += as_text(frame(*message));
    }
    return text;
}

TrainRequest example_training() {
    TrainRequest request;
    request.task = {1, 2};
    request.name = "S/members 0..1";
    request.features = {0, 1};
    request.network = example_header(1).network;
    request.training = example_options();
    request.nets.resize(2);
    request.nets[1].name = "S/member 1";
    request.result_path = "/folder/a.ckpt";
    request.state_path = "/folder/a.state";
    return request;
}

UnfoldRequest example_unfolding() {
    const TrainRequest training = example_training();
    UnfoldRequest request;
    request.task = training.task;
    request.name = "unfold/nominal/data 1/0/it2/step1";
    request.simulation.levels.names = {"t", "u"};
    request.background.resize(1);
    request.features = training.features;
    request.network = training.network;
    request.training = training.training;
    request.before = {{"/folder/b.ckpt", {3, 4}}, {"/folder/c.ckpt", {5, 6}}};
    request.acceptance = {{"/folder/d.ckpt", {7, 8}}};
    request.attempts = training.nets;
    request.limits = {.closure = 0.1, .clipped = 0.01};
    request.result_path = training.result_path;
    request.state_path = training.state_path;
    return request;
}

void add_frames(std::vector<Parser>& parsers) {
    const std::string requests = as_text(frame(TrainerRequest(example_training()))) +
                                 as_text(frame(TrainerRequest(example_unfolding()))) +
                                 as_text(frame(TrainerRequest(CheckpointRequest{}))) +
                                 as_text(frame(TrainerRequest(StopRequest{})));
    const std::string replies =
        as_text(frame(TrainerReply(TrainerHello{.device = "cpu", .libtorch = "2.1", .pid = 42}))) +
        as_text(frame(TrainerReply(TaskDone{{1, 2}, {.bytes = 5, .crc = 6, .resumed = true}}))) +
        as_text(frame(TrainerReply(TaskFailed{{1, 2}, "diverged"})));
    parsers.push_back({.name = "request to a trainer",
                       .bytes = Bytes::binary,
                       .seeds = {requests},
                       .read = [](const std::string& input) {
                           return read_frames(input, [](auto& all) { return all.next_request(); });
                       }});
    parsers.push_back({.name = "reply of a trainer",
                       .bytes = Bytes::binary,
                       .seeds = {replies},
                       .read = [](const std::string& input) {
                           return read_frames(input, [](auto& all) { return all.next_reply(); });
                       }});
}

}  // namespace

std::vector<Parser> task_parsers(const std::string& folder) {
    std::vector<Parser> parsers{messages()};
    add_frames(parsers);
    add_tasks(parsers, folder);
    return parsers;
}

}  // namespace ratiofarm::test
