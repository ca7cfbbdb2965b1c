#include "workers/trainer_runner.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <thread>

#include <signal.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

// The supervisor with the real launcher and the real trainer. The requests name a file that is not
// there, so that the answers come at once.

using namespace ratiofarm;
namespace fs = std::filesystem;

namespace {

Task task_without_data() {
    TrainRequest request;
    request.task = {3, 4};
    request.name = "S/member 0";
    request.numerator = {{{"/there/is/no/events.h5", "S", 10, 1, 0, 0, 0}, 1.0}};
    request.denominator = request.numerator;
    request.features = {0};
    request.network = {.inputs = 1, .hidden = {4}};
    request.nets = {{.name = request.name, .warm_start = {}}};
    return {request.task, request.name, 1.0, frame(TrainerRequest(request))};
}

TaskReport wait_for_report(TrainerRunner& runner) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < end) {
        if (const auto event = runner.poll()) {
            if (const auto* report = std::get_if<TaskReport>(&*event)) return *report;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("no report within 120 s");
    return {};
}

pid_t parent_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 2)));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    return parent;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && parent_of(pid) == parent) found.push_back(pid);
    }
    return found;
}

constexpr const char* trainer_program = RATIOFARM_BIN_DIR "/ratiofarm-trainer";

/// A launcher and its process. Those of earlier cases may still be on their way out.
struct Launcher {
    explicit Launcher(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
        const std::vector<pid_t> before = children_of(::getpid());
        handle = LauncherHandle::fork_launcher(trainer_program, patience);
        std::vector<pid_t> found = children_of(::getpid());
        std::erase_if(found, [&](pid_t child) { return std::ranges::count(before, child) > 0; });
        REQUIRE(found.size() == 1);
        pid = found[0];
    }
    std::vector<pid_t> trainers() const { return children_of(pid); }

    LauncherHandle handle;
    pid_t pid = 0;
};

}  // namespace

TEST_CASE("a task whose file is gone is postponed, naming it: a rerun finds it or refuses") {
    Launcher launcher;
    const Log log;
    TrainerRunner runner(launcher.handle, {}, log);

    runner.start(task_without_data());
    const TaskReport report = wait_for_report(runner);

    CHECK(report.outcome == TaskOutcome::postponed);
    CHECK(report.reason.find("/there/is/no/events.h5") != std::string::npos);
}

TEST_CASE("a killed trainer is one crash, and the next task gets a new trainer") {
    Launcher launcher;
    const Log log;
    TrainerRunner runner(launcher.handle, {}, log);
    runner.start(task_without_data());
    wait_for_report(runner);
    const auto before = launcher.trainers();
    REQUIRE(before.size() == 1);

    ::kill(before[0], SIGSTOP);  // so that it cannot answer
    runner.start(task_without_data());
    ::kill(before[0], SIGKILL);
    const TaskReport crash = wait_for_report(runner);
    CHECK(crash.outcome == TaskOutcome::crashed);
    CHECK(crash.reason == "signal 9 (Killed)");

    runner.start(task_without_data());
    CHECK(wait_for_report(runner).outcome == TaskOutcome::postponed);
    REQUIRE(launcher.trainers().size() == 1);
    CHECK(launcher.trainers() != before);
}

TEST_CASE("a trainer that hangs is killed, which is one crash that says so") {
    Launcher launcher;
    const Log log;
    TrainerRunner runner(launcher.handle,
                         {{}, DeviceClass::cpu, {.least_seconds = 4.0, .first_factor = 1.0}}, log);
    // Under load a trainer may take longer than this to answer for the first time.
    for (int tries = 0; launcher.trainers().empty(); ++tries) {
        REQUIRE(tries < 20);
        runner.start(task_without_data());
        wait_for_report(runner);
    }
    const auto before = launcher.trainers();
    REQUIRE(before.size() == 1);
    ::kill(before[0], SIGSTOP);
    runner.start(task_without_data());

    const TaskReport hung = wait_for_report(runner);

    CHECK(hung.outcome == TaskOutcome::crashed);
    CHECK(hung.reason.find("no sign of progress within 4.") == 0);
    CHECK(launcher.trainers().empty());
}

TEST_CASE("a launcher that is stopped does not hold up its rank") {
    Launcher launcher(std::chrono::milliseconds(200));
    ::kill(launcher.pid, SIGSTOP);

    CHECK_THROWS_AS(launcher.handle.start({}, DeviceClass::cpu), SystemError);

    ::kill(launcher.pid, SIGKILL);
}

TEST_CASE("a trainer of other sources is refused, naming both programs") {
    const test::TemporaryDirectory folder;
    const fs::path trainer = folder.path() / "other-trainer";
    const auto write_trainer = [&](std::span<const std::byte> hello) {
        publish(folder.path() / "hello", hello);
        publish(trainer,
                "#!/bin/sh\ncat '" + (folder.path() / "hello").string() + "' >&3\nsleep 60\n");
        fs::permissions(trainer, fs::perms::owner_all);
    };
    WireWriter body;  // as older versions said it
    body(std::string("cpu"), std::string("1.13.1"), std::uint64_t{5});
    const auto content = body.take();
    WireWriter header;
    header(static_cast<std::uint32_t>(content.size()), std::uint8_t{0});
    auto old = header.take();
    old.insert(old.end(), content.begin(), content.end());
    const TrainerHello other{.wire = {1, 2}, .device = "cpu", .libtorch = "1.13", .pid = 5};
    for (const auto& hello : {frame(TrainerReply(other)), frame(TrainerReply(TaskAlive{})), old}) {
        write_trainer(hello);
        auto handle = LauncherHandle::fork_launcher(trainer);
        const Log log;
        TrainerRunner runner(handle, {}, log);
        runner.start(task_without_data());
        CHECK_THROWS_WITH(wait_for_report(runner),
                          Catch::Matchers::Contains("other-trainer' and '"));
    }
}

TEST_CASE("a trainer that cannot start says where to look") {
    auto handle = LauncherHandle::fork_launcher("/bin/false");
    const Log log;
    TrainerRunner runner(handle, {}, log);

    runner.start(task_without_data());
    const TaskReport report = wait_for_report(runner);

    CHECK(report.outcome == TaskOutcome::crashed);
    CHECK(report.reason ==
          "exit code 1 before its first word; '/bin/false --self-test' may show why");
}

TEST_CASE("a trainer that is missing is named before anything starts") {
    CHECK_THROWS_AS(LauncherHandle::fork_launcher("/no/such/trainer"), SystemError);
}
