#include "ratiofarm/store/journal.hpp"

#include <algorithm>
#include <filesystem>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;

namespace {

TaskCommitted committed(std::uint64_t i) {
    return {.task = {i, 1},
            .name = "S/member " + std::to_string(i),
            .attempt = i,
            .bytes = 100 + i,
            .crc = 7,
            .seconds = 0.1,
            .resumed = true};
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
        journal.write(TaskGivenUp{{9, 9}, "B/member 0", "diverged", 1});
        journal.write(StageEnded{"train", 2.5});
        journal.flush();
    }

    const JournalState state = read_journal(path);

    CHECK(state.lines == 6);
    CHECK(state.damaged_lines == 0);
    CHECK(state.committed.size() == 3);
    CHECK(state.committed.at({2, 1}).bytes == 102);
    CHECK(state.committed.at({2, 1}).resumed);
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
