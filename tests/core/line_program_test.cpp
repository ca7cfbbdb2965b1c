#include "core/line_program.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;

namespace {

bool never() { return false; }

std::string failure_of(const std::string& command) {
    LineProgram program(command);
    const auto answer = program.ask("question", never);
    CHECK(answer.line.empty());
    return answer.failure;
}

}  // namespace

TEST_CASE("a program that lives answers line by line") {
    LineProgram program("n=0; while read -r line; do n=$((n + 1)); echo \"$n $line\"; done");

    CHECK(program.ask("a b", never).line == "1 a b");
    CHECK(program.ask("$HOME", never).line == "2 $HOME");
}

TEST_CASE("lines longer than any buffer come and go") {
    LineProgram program("cat");
    const std::string line(3'000'000, 'x');

    CHECK(program.ask(line, never).line == line);
    CHECK(program.ask("short", never).line == "short");
}

TEST_CASE("how a program ended that did not answer is said with its last words") {
    CHECK(failure_of("echo first >&2; echo no space left >&2; exit 3") ==
          "ended with exit code 3 (no space left)");
    CHECK(failure_of("exec < /dev/null; exit 0") == "ended with exit code 0 (it printed nothing)");
    CHECK(failure_of("kill -9 $$") == "was ended by signal 9");
    CHECK(failure_of("head -c 20000000 /dev/zero").find("more than 16 MiB") != std::string::npos);

    LineProgram twice("while read -r line; do echo 1; echo 2; done");
    CHECK(twice.ask("", never).line == "1");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the second line comes later
    CHECK(twice.ask("", never).failure == "wrote more than one line: '2'");
}

TEST_CASE("a program that does not answer is given up with all that it started") {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    LineProgram program("sleep 60 | cat");

    const auto answer =
        program.ask("", [&] { return Clock::now() > begin + std::chrono::milliseconds(300); });

    CHECK(answer.given_up);
    CHECK(Clock::now() - begin < std::chrono::seconds(10));
    CHECK(program.ask("", never).failure == "has ended");
}

TEST_CASE("a program learns of the end by the end of its input") {
    const test::TemporaryDirectory folder;
    const auto said = folder.path() / "said";
    {
        LineProgram program("while read -r line; do echo \"$line\"; done; echo bye > '" +
                            said.string() + "'");
        program.ask("hello", never);
    }
    CHECK(read_text(said) == "bye\n");
}
