#include "store/journal.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "store/farm_progress.hpp"
#include "store/journal_line.hpp"
#include "store/killed_attempts.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;

namespace {

TaskCommitted committed(std::uint64_t i) {
    return {.task = {i, 1},
            .name = "S/member " + std::to_string(i),
            .identity = {.kind = TaskKind::training,
                         .family = "S",
                         .nets = 1,
                         .first = static_cast<std::uint32_t>(i)},
            .attempt = i,
            .result = {.bytes = 100 + i, .crc = 7, .seconds = 0.1, .resumed = true}};
}

void write_example(const fs::path& path, std::uint64_t first, std::uint64_t last) {
    Journal journal(path, read_journal(path));
    journal.write(FarmStarted{"node1", "42", 4, "abc"});
    for (std::uint64_t i = first; i < last; ++i) journal.write(committed(i));
    journal.flush();
}

}  // namespace

TEST_CASE("a journal gives back what was written, over several farms") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    write_example(path, 0, 3);
    {
        Journal journal(path, read_journal(path));
        journal.write(TaskGivenUp{{9, 9}, "B/member 0", {}, "diverged", 1});
        journal.write(StageEnded{"train", 2.5});
        journal.flush();
    }

    const JournalState state = read_journal(path);

    CHECK(state.lines == 6);
    CHECK(state.damaged_lines == 0);
    CHECK(state.committed.size() == 3);
    CHECK(state.committed.at({2, 1}).result.bytes == 102);
    CHECK(state.committed.at({2, 1}).result.resumed);
    CHECK(state.committed.at({2, 1}).identity == committed(2).identity);
    CHECK(state.latest.at("S/member 2") == Digest{2, 1});
    CHECK(state.given_up.at({9, 9}).reason == "diverged");
    CHECK(state.farms.at(0).host == "node1");
    CHECK(state.stages.at(0).seconds == 2.5);
    CHECK(read_journal(folder.path() / "none").lines == 0);
}

TEST_CASE("a journal cut at any byte keeps every complete line and can be written on") {
    const test::TemporaryDirectory folder;
    const fs::path whole = folder.path() / "whole";
    write_example(whole, 0, 3);
    const std::string text = read_text(whole);
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const fs::path path = folder.path() / "cut";
        publish(path, std::string_view(text).substr(0, size));
        const auto complete = static_cast<std::uint64_t>(
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size), '\n'));

        CHECK(read_journal(path).lines == complete);
        if (size % 11 != 0) continue;  // every append is synced to the disk
        write_example(path, 10, 11);

        const JournalState state = read_journal(path);
        CHECK(state.lines == complete + 2);
        CHECK(state.damaged_lines == 0);
        CHECK(state.committed.contains({10, 1}));
    }
}

TEST_CASE("a journal of 100,000 tasks is read whole") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    {
        Journal journal(path, {});
        for (std::uint64_t i = 0; i < 100'000; ++i) {
            TaskCommitted event = committed(i);
            event.task = {1, i};
            journal.write(AttemptBegan{event.name, i % 1000, 0.5 * static_cast<double>(i)});
            journal.write(event);
        }
        journal.flush();
    }

    const JournalState state = read_journal(path);

    CHECK(state.committed.size() == 100'000);
}

TEST_CASE("texts come back as they were, whatever is in them") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    const std::string reason = "cannot read \"a\\b\"\n\tµ, then {\"crc\":1}";
    {
        Journal journal(path, read_journal(path));
        journal.write(TaskGivenUp{{9, 9}, "B/member 0", {}, reason, 1});
        journal.flush();
    }

    CHECK(read_journal(path).given_up.at({9, 9}).reason == reason);
}

TEST_CASE("a compacted journal says the same of every task") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    for (int farm = 0; farm < 4; ++farm) write_example(path, 0, 400);
    {
        Journal journal(path, read_journal(path));
        TaskCommitted newer = committed(5);
        newer.task = {5, 77};  // the same net of a changed campaign
        journal.write(newer);
        journal.write(TaskGivenUp{{9, 9}, "B/member 0", {}, "diverged", 1});
        journal.write(TaskNoted{"B/member 0", TaskKind::training, "strike 1", 2, 0.5});
        journal.flush();
    }
    const JournalState before = read_journal(path);
    REQUIRE(worth_compacting(before));

    const JournalState after = compact_journal(path, before);

    CHECK(after.lines == 401 + 1 + 1 + 1);
    CHECK_FALSE(worth_compacting(after));
    CHECK(after.committed.size() == before.committed.size());
    CHECK(after.committed.at({7, 1}).result.bytes == 107);
    CHECK(after.latest == before.latest);
    CHECK(after.given_up.at({9, 9}).reason == "diverged");
    CHECK(after.committed.at({7, 1}).identity == before.committed.at({7, 1}).identity);
    CHECK(after.notes.at(0).text == "strike 1");
    CHECK(after.notes.at(0).kind == TaskKind::training);
    write_example(path, 1000, 1001);
    CHECK(read_journal(path).lines == after.lines + 2);
    CHECK(read_journal(path).damaged_lines == 0);
}

TEST_CASE("attempts that ended without a result are counted, whatever ended them") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    const auto began = [](const char* task, std::uint64_t worker, double at) {
        return AttemptBegan{task, worker, at, TaskKind::training};
    };
    const auto seconds = [&](const JournalState& state) {
        return attempted_seconds(state, TaskKind::training);
    };
    {
        Journal journal(path, {});
        journal.write(FarmStarted{"node1", "42", 2, "abc"});
        journal.write(began("S/member 0", 0, 1.0));
        journal.write(began("S/member 1", 1, 2.0));
        journal.write(AttemptEnded{"stopped", 0, 11.0});  // 10 s
        journal.write(AttemptBegan{"S on B", 0, 11.0, TaskKind::inference});
        journal.write(AttemptEnded{"crashed", 0, 13.0});
        journal.flush();
    }

    // Member 1 runs, or its farm was killed.
    CHECK(seconds(read_journal(path)) == 10.0);
    CHECK(seconds(read_journal_with_running(path)) == 10.0 + 11.0);
    CHECK(read_journal_with_running(path).running.empty());
    write_progress(progress_file(path), {.seconds = 32.0});
    CHECK(seconds(read_journal_with_running(path)) == 10.0 + 30.0);

    // The next farm writes down what the progress file says before it writes its own.
    JournalState own = read_journal(path);
    end_killed_attempts(path, own);
    CHECK_FALSE(fs::exists(progress_file(path)));
    CHECK(own.running.empty());
    CHECK(seconds(own) == 40.0);
    {
        Journal journal(path, own);
        journal.write(FarmStarted{"node1", "43", 2, "abc"});
        journal.write(began("S/member 1", 1, 0.0));
        TaskCommitted done = committed(1);
        done.worker = 1;
        done.at = 5.0;
        journal.write(done);
        journal.flush();
    }
    const JournalState last = read_journal_with_running(path);
    CHECK(seconds(last) == 40.0);
    const JournalState compact = compact_journal(path, last);
    CHECK(seconds(compact) == 40.0);
    CHECK(compact.times.farms().empty());
    CHECK(attempted_seconds(compact, TaskKind::inference) == 2.0);
    JournalState both = compact;
    merge(both, last);
    CHECK(seconds(both) == 80.0);
}

TEST_CASE("a journal whose folder was removed says so instead of writing into nothing") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "run" / "journal.jsonl";
    fs::create_directory(path.parent_path());
    Journal journal(path, {});
    fs::remove_all(path.parent_path());

    CHECK_THROWS_AS(journal.flush(), SystemError);
}

TEST_CASE("a flipped bit costs its line and no other") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    write_example(path, 0, 3);
    const std::string good = read_text(path);
    for (std::size_t at = 0; at < good.size(); at += 7) {
        if (good[at] == '\n') continue;
        std::string damaged = good;
        damaged[at] = static_cast<char>(damaged[at] ^ 4);
        if (damaged[at] == '\n') continue;
        publish(path, damaged);

        const JournalState state = read_journal(path);

        CHECK(state.lines == 3);
        CHECK(state.damaged_lines == 1);
    }
}

TEST_CASE("lines of the version before are read; planned tasks say what they are about") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    // As that version wrote them.
    const std::string old =
        R"({"schema":1,"seq":1,"event":"farm_started","host":"node1","job":"","ranks":2,"graph":"ab","crc":"ae76104d"})"
        "\n"
        R"({"schema":1,"seq":2,"event":"task_committed","task":"00000000000000070000000000000001","name":"S/member 7","attempt":1,"worker":0,"bytes":107,"file_crc":7,"seconds":0.1,"resumed":false,"adopted":false,"flop":1000000000.0,"at":12.5,"crc":"08376648"})"
        "\n";
    publish(path, std::string_view(old));

    JournalState state = read_journal(path);

    CHECK(state.lines == 2);
    CHECK(state.damaged_lines == 0);
    const Digest task{7, 1};
    REQUIRE(state.committed.contains(task));
    CHECK(state.committed.at(task).result.bytes == 107);
    CHECK(state.committed.at(task).identity == TaskIdentity{});
    identify(state, {8, 1}, committed(8).identity);
    identify(state, task, committed(7).identity);
    CHECK(state.committed.at(task).identity == committed(7).identity);
    identify(state, task, committed(3).identity);  // what is known stays
    CHECK(state.committed.at(task).identity == committed(7).identity);
    CHECK(compact_journal(path, state).committed.at(task).identity == committed(7).identity);
}

TEST_CASE("lines have the bytes that docs/formats.md shows") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    {
        Journal journal(path, {});
        journal.write(AttemptBegan{"S/member 7", 3, 0.25, TaskKind::training});
        TaskCommitted event = committed(7);
        event.flop = 1e9;
        event.at = 12.5;
        journal.write(event);
        journal.flush();
    }

    CHECK(
        read_text(path) ==
        R"({"schema":2,"seq":1,"event":"attempt_began","task":"S/member 7","kind":"training","worker":3,"at":0.25,"crc":"2f8dfb4c"})"
        "\n"
        R"({"schema":2,"seq":2,"event":"task_committed","task":"00000000000000070000000000000001","name":"S/member 7","kind":"training","family":"S","nets":1,"first":7,"attempt":7,"worker":0,"bytes":107,"file_crc":7,"seconds":0.1,"resumed":true,"adopted":false,"flop":1000000000.0,"at":12.5,"crc":"ec2f071c"})"
        "\n");
}

TEST_CASE("whole lines that say what cannot be count as damaged") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    write_example(path, 0, 2);
    const auto append = [&](const char* event, std::uint64_t worker, double at) {
        LineWriter line(event, 9);
        line("task", std::string("S/member 7"));
        line("worker", worker);
        line("at", at);
        std::ofstream(path, std::ios::app) << line.finish() << '\n';
    };
    const std::uint64_t damaged = GENERATE(0, 1, 2, 3);
    append("attempt_began", 1, 0.5);
    if (damaged == 1) append("attempt_began", std::numeric_limits<std::uint64_t>::max(), 0.5);
    if (damaged == 2) append("attempt_ended", 1, -1e300);
    if (damaged == 3) append("task_noted", 1'000'000'000'000, 0.5);

    const JournalState state = read_journal(path);

    CHECK(state.lines == 4);
    CHECK(state.damaged_lines == (damaged == 0 ? 0 : 1));
}

TEST_CASE("a journal that is cut while a farm writes has no hole") {
    const test::TemporaryDirectory folder;
    const fs::path path = folder.path() / "journal.jsonl";
    write_example(path, 0, 3);
    Journal journal(path, read_journal(path));
    fs::resize_file(path, 0);
    journal.write(committed(5));
    journal.flush();

    const JournalState state = read_journal(path);

    CHECK(state.lines == 1);
    CHECK(state.damaged_lines == 0);
    CHECK(read_text(path).find('\0') == std::string::npos);
}
