// Readers of files and messages: journals, locks, results of tasks, frames, tables.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"

#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "farm/message.hpp"
#include "measurement/toys_runner.hpp"
#include "pipeline/nets_record.hpp"
#include "protocol/trainer_protocol.hpp"
#include "store/farm_progress.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"
#include "tests/tables/example_tables.hpp"

#include "parser.hpp"

namespace ratiofarm::test {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const fs::path& path, const std::string& bytes) {
    fs::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_bytes(const fs::path& path) { return text_of(read_file(path)); }

void expect_whole(bool whole, const char* what) {
    if (!whole) throw std::logic_error(what);
}

// ------------------------------------------------------------------ journal and lock

std::string line_of(const TaskCommitted& event) {
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}\n", event.task.hex(), event.name,
                       word_of(event.identity.kind), event.identity.family, event.identity.nets,
                       event.attempt, event.worker, event.result.bytes, event.result.crc,
                       event.result.seconds, event.adopted, event.flop, event.at);
}

std::string journal_text(const JournalState& state) {
    std::vector<std::string> lines;
    for (const auto& [task, event] : state.committed) lines.push_back(line_of(event));
    for (const auto& [task, event] : state.given_up) {
        lines.push_back(
            fmt::format("{} {} {} {}\n", task.hex(), event.name, event.reason, event.strikes));
    }
    for (const StageEnded& stage : state.stages) {
        lines.push_back(fmt::format("{} {}\n", stage.stage, stage.seconds));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += line;
    return text;
}

std::string read_journal_text(const fs::path& path) {
    const JournalState state = read_journal(path);
    for (const FarmTimes& farm : state.times.farms()) profile_of(farm, farm.seconds(), 20);
    const JournalState compact = compact_journal(path, state);
    expect_whole(compact.committed.size() == state.committed.size() && compact.damaged_lines == 0,
                 "a compact journal says something else");
    Journal(path, compact).write(StageEnded{"train", 1.0});
    return journal_text(state);
}

std::string example_journal(const fs::path& path) {
    Journal journal(path, {});
    journal.write(FarmStarted{"node1", "42", 4, "abc"});
    for (std::uint64_t i = 0; i < 4; ++i) {
        const std::string name = fmt::format("S/member {}", i);
        journal.write(AttemptBegan{name, i % 4, 0.25 * static_cast<double>(i)});
        journal.write(
            TaskCommitted{.task = {i, 1},
                          .name = name,
                          .identity = {.kind = TaskKind::training,
                                       .family = "S",
                                       .nets = 1,
                                       .first = static_cast<std::uint32_t>(i)},
                          .attempt = i,
                          .worker = i % 4,
                          .result = {.bytes = 100 + i, .crc = 7, .seconds = 0.1, .resumed = true},
                          .flop = 1e9,
                          .at = 1.0 + 0.5 * static_cast<double>(i)});
    }
    journal.write(AttemptBegan{"B/member 0", 2, 3.5});
    journal.write(AttemptEnded{"crashed", 2, 3.75});
    journal.write(TaskNoted{"B/member 0", TaskKind::training, "signal 9", 2, 3.8});
    journal.write(TaskGivenUp{{9, 9}, "B/member 0", {}, "diverged", 3});
    journal.write(FarmEnded{4.0, 4, 9.0, 0.5, 0.25});
    journal.write(StageEnded{"train", 4.25});
    journal.flush();
    const std::string text = read_bytes(path);
    fs::remove(path);
    return text;
}

/// Each line with the checksum that it should have.
std::string mended_lines(const std::string& text) {
    constexpr std::string_view mark = ",\"crc\":\"";
    std::string mended;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        const std::size_t place = line.rfind(mark);
        if (place != std::string::npos) line.resize(place);
        mended += fmt::format("{}{}{:08x}\"}}\n", line, mark, crc32(bytes_of(line + "}")));
    }
    return mended;
}

void add_journals(std::vector<Parser>& parsers, const fs::path& folder) {
    const fs::path path = folder / "journal.jsonl";
    const auto read = [path](const std::string& input) {
        write_file(path, input);
        return read_journal_text(path);
    };
    const Parser parser{.name = "journal",
                        .damage = Damage::skipped,
                        .seeds = {example_journal(path)},
                        .read = read};
    parsers.push_back(parser);
    parsers.push_back({.name = "journal, checksums right",
                       .seeds = parser.seeds,
                       .read = read,
                       .mend = mended_lines});
}

void add_locks(std::vector<Parser>& parsers, const fs::path& folder) {
    const fs::path path = folder / "lock";
    const auto text_of_owner = [](const std::optional<LockOwner>& owner) {
        return owner ? lock_text(*owner) : std::string("nobody");
    };
    const std::string seed = lock_text(this_owner());
    Parser parser{.name = "lock", .damage = Damage::found, .seeds = {seed}};
    parser.read = [=](const std::string& input) {
        write_file(path, input);
        expect_whole_lock(path);
        return text_of_owner(living_owner(path));
    };
    parsers.push_back(parser);
    parser.name = "lock, checksum right";
    parser.damage = Damage::unknown;
    parser.mend = mended_lines;
    parser.read = [=](const std::string& input) {
        write_file(path, input);
        const Lock lock(path, Log(), 0.0);
        return std::string("taken");
    };
    parsers.push_back(parser);
}

Parser progress(const fs::path& folder) {
    const fs::path path = folder / "progress.json";
    FarmProgress progress;
    progress.done = progress.running = 1;
    progress.seconds = progress.busy_seconds = 2.5;
    progress.fraction = 0.25;
    progress.tasks = {{.name = "S/member 0", .worker = 1, .progress = {}}};
    write_progress(path, progress);
    return {.name = "progress.json",
            .seeds = {read_bytes(path)},
            .read = [path](const std::string& input) {
                write_file(path, input);
                const auto seen = read_progress(path);
                if (!seen) throw DataError("no progress");
                return seen->progress.text();
            }};
}

const std::string example_nets = R"({
  "schema": 2,
  "ensembles": [
    {"name": "S", "complete": true, "nets": 3, "replaced": 1, "spread": 0.25,
     "excluded": [{"net": "S/member 1", "gate": "excess", "value": 0.5, "allowed": 0.1, "reason": "no"}],
     "failures": []},
    {"name": "B.scale.up", "complete": false, "nets": 0, "replaced": 0, "spread": null,
     "excluded": [], "failures": ["B.scale.up/member 0 diverged"]}
  ],
  "shapes": [
    {"process": "B", "parameter": "alpha_scale", "gain": 1.5, "gain_error": 0.5, "none": false,
     "noise_variance": 1e-4, "yield": 90.0, "information": 0.009}
  ]
}
)";

/// With a seal that is right, whatever the record says.
std::string sealed_record(std::string json) {
    if (!json.ends_with("\n}\n")) json += "\n}\n";
    return sealed("nets.json", json);
}

Parser nets_record(const fs::path& folder) {
    return {.name = "nets.json, checksum right",
            .seeds = {sealed_record(example_nets)},
            .read =
                [folder](const std::string& input) {
                    const RunDirectory directory(folder / "nets");
                    fs::create_directories(directory.root());
                    write_file(directory.nets(), input);
                    std::string text;
                    for (const EnsembleRecord& ensemble : read_nets_record(directory)) {
                        text += fmt::format("{} {} {} {}\n", ensemble.name, ensemble.nets,
                                            ensemble.excluded.size(), ensemble.failures.size());
                    }
                    for (const TestedShape& shape : read_shapes_record(directory)) {
                        text +=
                            fmt::format("{} {} {}\n", shape.process, shape.parameter, shape.yield);
                    }
                    return text;
                },
            .mend = sealed_record};
}

// ------------------------------------------------------------------ results of tasks, messages

const Digest example_task{1, 2};

template <class T>
std::string file_of(const T& value) {
    return text_of(encode_task_file(example_task, value));
}

template <class T>
std::string again(const T& value) {
    const auto bytes = encode(value);
    expect_whole(encode(decode<T>(bytes)) == bytes, "what was read cannot be read again");
    return text_of(bytes);
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
    return text_of(bytes);
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
        while (const auto message = next(buffer)) text += text_of(frame(*message));
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
    const std::string requests = text_of(frame(TrainerRequest(example_training()))) +
                                 text_of(frame(TrainerRequest(example_unfolding()))) +
                                 text_of(frame(TrainerRequest(CheckpointRequest{}))) +
                                 text_of(frame(TrainerRequest(StopRequest{})));
    const std::string replies =
        text_of(frame(TrainerReply(TrainerHello{.device = "cpu", .libtorch = "2.1", .pid = 42}))) +
        text_of(frame(TrainerReply(TaskDone{{1, 2}, {.bytes = 5, .crc = 6, .resumed = true}}))) +
        text_of(frame(TrainerReply(TaskFailed{{1, 2}, "diverged"})));
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

// ------------------------------------------------------------------ tables

template <class T>
void add(Hasher& hasher, const std::vector<T>& values) {
    hasher.number(values.size()).bytes(std::as_bytes(std::span(values)));
}

std::string read_events_file(const fs::path& path) {
    std::string text;
    for (const SampleInfo& info : read_sample_info(path, all_samples(path), {}, halves())) {
        text += fmt::format("{} {} {} {}", info.name, info.columns.events, info.digest.hex(),
                            info.sum_of_weights);
        for (const SampleWeights& weights : info.weights) {
            text += fmt::format(" {} {}", weights.name, weights.sum);
        }
        if (const auto exact = read_log_density(path, info.name)) {
            Hasher hasher;
            add(hasher, exact->values);
            text += " " + hasher.finish().hex();
        }
        text += "\n";
    }
    return text;
}

std::string read_ensemble_file(const fs::path& path) {
    const EnsembleFile file = read_ensemble(path);
    Hasher hasher;
    for (const EnsembleNet& net : read_nets(file)) add(hasher, encode(net));
    std::string names;
    for (const std::string& name : file.header.names) names += " " + name;
    return fmt::format("{} {} {} {}{}", file.header.name, file.header.process,
                       file.header.digest.hex(), hasher.finish().hex(), names);
}

std::string read_ratio_file(const fs::path& path) {
    const RatioFile file(path);
    file.verify_events();
    Hasher hasher;
    for (const RatioSet& set : file.sets()) {
        const Range all{0, set.events};
        const RatioRows rows = file.read_rows(set.name, all);
        add(hasher, rows.weight);
        add(hasher, rows.log_r);
        const RatioColumns columns = file.read_columns(set.name, all);
        add(hasher, columns.id);
        add(hasher, columns.spread);
        std::uint64_t line = 0;
        for (const std::uint32_t lines : file.header().replicas) {
            for (const std::uint64_t end = line + lines; line < end; ++line) {
                add(hasher, file.read_net_ratios(set.name, NetRatios::replica, line, all));
            }
        }
        hasher.text(set.name).number(set.events);
    }
    std::string text = hasher.finish().hex();
    for (const RatioProcess& process : file.header().processes) {
        text += fmt::format(" {} {}", process.name, process.yield);
    }
    return text;
}

void write_example_events(const fs::path& path) {
    std::vector<EventSample> samples{example_sample("S", 17), example_sample("B", 13, 1000)};
    samples[0].log_density = LogDensity{{"S"}, std::vector<double>(17, -1.0)};
    samples[1].weights = {{"t_up", std::vector<double>(13, 0.5)}};
    write_events(path, samples);
}

void write_example_ensemble(const fs::path& path) {
    const EnsembleHeader header = example_header(2);
    write_ensemble(mpi::Communicator(), path, header,
                   [&](std::uint64_t net) { return example_net(header, net); });
}

void write_example_ratios(const fs::path& path, const fs::path& events) {
    const RatioInput input = example_ratio_input(events, 100);
    write_ratios(mpi::Communicator(), path, input, example_provider(input));
}

/// With shapes, some of them rounded.
void write_example_shapes(const fs::path& path, bool half_precision) {
    RatioSetsInput input;
    input.header.processes = {{"S", 10.0, {}}, {"B", 90.0, {}}};
    input.header.shape_norm = ShapeNorm::none;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.header.shapes = {{"S", "alpha_1"}, {"B", "alpha_2"}};
    input.header.yields = {{"S", "alpha_1", {1.1, 0.92}}};
    input.header.reference = {{"S", "S", 0.25}, {"B", "B", 0.75}};
    input.sets = {{"S", 11}, {"B", 5}};
    input.half_precision = half_precision;
    input.rows = [](std::size_t, Range rows) {
        const std::uint64_t n = rows.size();
        return RatioSetRows{.id = std::vector<std::uint64_t>(n, 7),
                            .weight = std::vector<double>(n, 1.5),
                            .log_r = std::vector<float>(2 * n, 0.25F),
                            .log_g_up = std::vector<float>(2 * n, 0.125F),
                            .log_g_down = std::vector<float>(2 * n, -0.125F)};
    };
    write_ratio_sets(path, input);
}

/// Takes the checksums out of these tables, and writes some as users do, without.
void write_unchecked(const fs::path& folder, const std::vector<std::string>& tables) {
    std::string call = fmt::format("'{}' '{}/tests/fuzz/user_tables.py' '{}'", RATIOFARM_PYTHON,
                                   RATIOFARM_SOURCE_DIR, folder.string());
    for (const std::string& table : tables) call += " " + table;
    if (std::system(call.c_str()) != 0) throw std::runtime_error("failed: " + call);
}

using ReadTable = std::string (*)(const fs::path&);

Parser tables(const fs::path& path, std::vector<std::string> seeds, ReadTable read_table) {
    return {.name = path.filename(),
            .bytes = Bytes::binary,
            .damage = Damage::found,
            .seeds = std::move(seeds),
            .read = [path, read_table](const std::string& input) {
                write_file(path, input);
                return read_table(path);
            }};
}

void add_tables(std::vector<Parser>& parsers, const fs::path& folder) {
    const auto seeds = [&](const std::vector<std::string>& names) {
        std::vector<std::string> all;
        for (const std::string& name : names) all.push_back(read_bytes(folder / name));
        return all;
    };
    write_example_events(folder / "e.h5");
    write_example_ensemble(folder / "n.h5");
    write_example_ratios(folder / "r.h5", folder / "e.h5");
    write_example_shapes(folder / "s.h5", false);
    write_example_shapes(folder / "h.h5", true);
    std::vector<Parser> checked{
        tables(folder / "events.h5", seeds({"e.h5"}), read_events_file),
        tables(folder / "ensemble.h5", seeds({"n.h5"}), read_ensemble_file),
        tables(folder / "ratios.h5", seeds({"r.h5", "s.h5", "h.h5"}), read_ratio_file)};
    write_unchecked(folder, {"e.h5", "n.h5", "r.h5", "s.h5", "h.h5"});
    std::vector<Parser> unchecked = checked;
    unchecked[0].seeds = seeds({"e.h5", "user_events.h5", "packed_events.h5"});
    unchecked[1].seeds = seeds({"n.h5"});
    unchecked[2].seeds = seeds({"r.h5", "s.h5", "h.h5", "user_ratios.h5"});
    for (Parser& parser : unchecked) {
        parser.name += " without checksums";
        parser.damage = Damage::unknown;
    }
    parsers.insert(parsers.end(), checked.begin(), checked.end());
    parsers.insert(parsers.end(), unchecked.begin(), unchecked.end());
}

}  // namespace

std::vector<Parser> file_parsers(const std::string& folder) {
    std::vector<Parser> parsers{messages()};
    add_frames(parsers);
    add_journals(parsers, folder);
    add_locks(parsers, folder);
    parsers.push_back(progress(folder));
    parsers.push_back(nets_record(folder));
    add_tasks(parsers, folder);
    add_tables(parsers, folder);
    return parsers;
}

}  // namespace ratiofarm::test
