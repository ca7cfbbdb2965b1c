#include "core/process.hpp"

#include <csignal>
#include <filesystem>
#include <string>

#include <sys/time.h>
#include <unistd.h>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;

namespace {

ProcessCall shell(const std::string& script) {
    return {.words = {"sh", "-c", script},
            .output = Output::captured,
            .errors = Output::captured,
            .input = false};
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

}  // namespace

TEST_CASE("a program gets its words as they are, without a shell") {
    const auto end = run_process(
        {.words = {"printf", "%s|", "a b", "$HOME", "'; exit 3", ""}, .output = Output::captured});

    REQUIRE(end.has_value());
    CHECK(end->ok());
    CHECK(end->output == "a b|$HOME|'; exit 3||");
}

TEST_CASE("the exit code and the signal that ended a program are values") {
    const auto code = run_process(shell("exit 75"));
    const auto killed = run_process(shell("kill -9 $$"));

    REQUIRE(code.has_value());
    CHECK(code->code == 75);
    CHECK(code->signal == 0);
    CHECK_FALSE(code->ok());
    REQUIRE(killed.has_value());
    CHECK(killed->code == 0);
    CHECK(killed->signal == SIGKILL);
    CHECK_FALSE(killed->ok());
}

TEST_CASE("a program that is not there and a folder that is not there cannot be started") {
    CHECK_FALSE(run_process({.words = {"/no/such/program"}}).has_value());
    CHECK_FALSE(run_process({.words = {"no-such-program-anywhere"}}).has_value());
    CHECK_FALSE(run_process({.words = {"true"}, .folder = "/no/such/folder"}).has_value());
}

TEST_CASE("both streams are captured apart, however much is written to either first") {
    const std::string fill = "head -c 300000 /dev/zero | tr '\\0' ";
    const auto end = run_process(shell(fill + "e >&2; " + fill + "o; " + fill + "e >&2"));

    REQUIRE(end.has_value());
    CHECK(end->ok());
    CHECK(end->output == std::string(300000, 'o'));
    CHECK(end->errors == std::string(600000, 'e'));
}

TEST_CASE("what is discarded is not captured, and no input is an empty one") {
    ProcessCall call = shell("cat; echo out; echo err >&2");
    call.errors = Output::discarded;

    const auto end = run_process(call);

    REQUIRE(end.has_value());
    CHECK(end->output == "out\n");
    CHECK(end->errors.empty());
}

TEST_CASE("a program works in the folder it is given") {
    const test::TemporaryDirectory folder;

    const auto end =
        run_process({.words = {"sh", "-c", "echo here > file"}, .folder = folder.path()});

    REQUIRE(end.has_value());
    CHECK(read_text(folder.path() / "file") == "here\n");
}

TEST_CASE("signals that arrive meanwhile lose neither output nor exit code") {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int) {};  // without SA_RESTART: calls return EINTR
    ::sigaction(SIGALRM, &action, &before);
    const itimerval often{{0, 2000}, {0, 2000}};
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &often, nullptr);

    const auto end = run_process(shell("for i in 1 2 3 4; do echo $i; sleep 0.05; done; exit 7"));

    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    REQUIRE(end.has_value());
    CHECK(end->output == "1\n2\n3\n4\n");
    CHECK(end->code == 7);
}

TEST_CASE("no descriptor is left open here or open in the program") {
    const std::size_t before = open_descriptors();

    // What this process inherited itself is there both times.
    ProcessCall list = shell("ls /proc/self/fd | wc -l");
    const auto with_two_pipes = run_process(list);
    list.errors = Output::discarded;
    const auto with_one = run_process(list);
    for (int i = 0; i < 20; ++i) {
        run_process(shell("true"));
        run_process({.words = {"/no/such/program"}, .output = Output::captured});
    }

    CHECK(open_descriptors() == before);
    REQUIRE(with_two_pipes.has_value());
    REQUIRE(with_one.has_value());
    CHECK(with_two_pipes->output == with_one->output);
}

TEST_CASE("what a program leaves behind with its output does not hold up its end") {
    const ProcessCall call = shell("echo before; sleep 60 & echo $!");

    const auto end = run_process(call);  // 60 s otherwise

    REQUIRE(end.has_value());
    CHECK(end->code == 0);
    REQUIRE(end->output.starts_with("before\n"));
    CHECK(::kill(std::stoi(end->output.substr(7)), SIGKILL) == 0);
}

TEST_CASE("a program that takes too long is killed with all that it started") {
    ProcessCall call = shell("sleep 60 & echo $!; exec sleep 60");
    int looks = 0;
    call.give_up = [&] { return ++looks > 3; };

    const auto end = run_process(call);

    REQUIRE(end.has_value());
    CHECK(end->given_up);
    CHECK(end->signal == SIGKILL);
    // The program in the background ends, too; whoever inherits it need not look.
    const fs::path status = "/proc/" + std::to_string(std::stoi(end->output)) + "/status";
    const auto lives = [&] {
        return fs::exists(status) && read_text(status).find("State:\tZ") == std::string::npos;
    };
    for (int i = 0; i < 1000 && lives(); ++i) ::usleep(5000);
    CHECK_FALSE(lives());

    ProcessCall quick = shell("exit 4");
    quick.give_up = [] { return false; };
    const auto ended = run_process(quick);
    REQUIRE(ended.has_value());
    CHECK_FALSE(ended->given_up);
    CHECK(ended->code == 4);
}
