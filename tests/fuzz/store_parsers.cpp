// Readers of what farms keep in a run directory: journals, locks, claims, progress, the choice of
// nets.
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/sealed_text.hpp"
#include "pipeline/nets_record.hpp"
#include "store/claims.hpp"
#include "store/farm_progress.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"

#include "parser.hpp"

namespace ratiofarm::test {
namespace {

namespace fs = std::filesystem;

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
    journal.write(TaskAttempted{"B/member 1", TaskKind::training, 2.5});
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

const std::array<Digest, 3> claimed_tasks{Digest{0x1234, 7}, Digest{0x1234, 8}, Digest{9, 9}};

/// A line for each: name and target of a link, or only the name of another file.
std::string example_claims() {
    const auto [first, second, third] = claimed_tasks;
    return fmt::format(
        "{}.1 gone 0\n{}.1 gone 0\n{}.2 here 1\n{}.3 gone 2 diverged\ntest.here first\n",
        first.hex(), second.hex(), second.hex(), third.hex());
}

void make_claims(const fs::path& folder, const std::string& input) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::istringstream lines(input);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        const std::string name = line.substr(0, blank);
        if (name.empty() || name.find_first_of(std::string("/\0", 2)) != name.npos) continue;
        std::error_code ignored;
        if (blank == line.size()) {
            std::ofstream(folder / name) << "no link";
        } else {
            fs::create_symlink(line.substr(blank + 1), folder / name, ignored);
        }
    }
}

std::string text_of_claims(const Claims& all) {
    std::string text;
    for (const Digest& task : claimed_tasks) {
        const auto standing = all.standing(task);
        text += fmt::format("{} {}\n", static_cast<int>(standing),
                            standing == Claims::Standing::given_up ? all.reason(task) : "");
    }
    return text;
}

/// Whatever the folder says, in the end this job gets the tasks of all that give no sign of life.
Parser claims(const fs::path& folder) {
    const RunDirectory directory(folder / "joined");
    fs::create_directories(directory.root());
    const auto lock = std::make_shared<Lock>(directory.lock(Shard{.job = "here"}), Log());
    return {.name = "claims", .seeds = {example_claims()}, .read = [=](const std::string& input) {
                make_claims(directory.claims(), input);
                Claims mine(directory, "me", 1.0);
                auto now = Claims::Instant() + std::chrono::hours(1);
                const auto look = [&] { mine.look(now += std::chrono::milliseconds(300)); };
                look();
                const std::string text = text_of_claims(mine);
                for (int more = 0; more < 5; ++more) look();
                for (const Digest& task : claimed_tasks) {
                    expect_whole(mine.standing(task) == Claims::Standing::free,
                                 "a task of jobs that are gone is not free");
                    expect_whole(mine.take(task) == Claims::Take::claimed && mine.holds(task),
                                 "a task that is free cannot be claimed");
                }
                look();
                expect_whole(mine.take_lost().empty(), "claims of this job are lost");
                mine.strike(claimed_tasks[0]);
                mine.give_up(claimed_tasks[1], "diverged");
                mine.settle(claimed_tasks[2], now);
                mine.remove_settled(now + std::chrono::seconds(2));
                look();
                end_claims(directory);
                expect_whole(!fs::exists(directory.claims()), "claims are left");
                return text;
            }};
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

}  // namespace

std::vector<Parser> store_parsers(const std::string& folder) {
    std::vector<Parser> parsers;
    add_journals(parsers, folder);
    add_locks(parsers, folder);
    parsers.push_back(claims(folder));
    parsers.push_back(progress(folder));
    parsers.push_back(nets_record(folder));
    return parsers;
}

}  // namespace ratiofarm::test
