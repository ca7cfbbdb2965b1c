// The real program behind a real socket.

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/task_file.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::gaussian_request;
using test::TemporaryDirectory;

/// A ratiofarm-trainer as a child, ended by the destructor.
class TrainerProcess {
public:
    TrainerProcess() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            const std::string descriptor = std::to_string(::dup(ends[1]));
            const char* program = RATIOFARM_BIN_DIR "/ratiofarm-trainer";
            ::execl(program, program, "--socket", descriptor.c_str(), "--device", "cpu", nullptr);
            ::_exit(127);
        }
        ::close(ends[1]);
        socket_ = ends[0];
    }
    ~TrainerProcess() {
        if (child_ > 0) kill_now();
        if (socket_ >= 0) ::close(socket_);
    }
    TrainerProcess(const TrainerProcess&) = delete;
    TrainerProcess& operator=(const TrainerProcess&) = delete;

    void send(const TrainerRequest& request) const {
        const auto bytes = frame(request);
        REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }

    /// The next reply that is not progress.
    TrainerReply receive() {
        while (true) {
            if (auto reply = buffer_.next_reply()) {
                if (!std::holds_alternative<TaskAlive>(*reply)) return *reply;
                continue;
            }
            std::array<std::byte, 4096> chunk{};
            const ssize_t size = ::recv(socket_, chunk.data(), chunk.size(), 0);
            REQUIRE(size > 0);
            buffer_.append(std::span(chunk).first(static_cast<std::size_t>(size)));
        }
    }

    void signal(int number) const { ::kill(child_, number); }

    void kill_now() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = -1;
    }

    /// Closes the socket and waits. \return exit status as waitpid gives it
    int close_and_wait() {
        ::close(std::exchange(socket_, -1));
        int status = -1;
        ::waitpid(std::exchange(child_, -1), &status, 0);
        return status;
    }

private:
    pid_t child_ = -1;
    int socket_ = -1;
    FrameBuffer buffer_;
};

/// Long enough to be interrupted, a second or less when left alone.
TrainRequest long_request(const TemporaryDirectory& folder) {
    TrainRequest request = gaussian_request(folder, 4000);
    request.training.epochs = 1000;
    request.training.patience = 0;
    request.training.checkpoint_seconds = 0.02;
    return request;
}

std::vector<std::byte> straight_result(const TrainRequest& request) {
    TrainerProcess trainer;
    trainer.receive();
    trainer.send(request);
    REQUIRE(std::holds_alternative<TaskDone>(trainer.receive()));
    auto bytes = read_file(request.result_path);
    std::filesystem::remove(request.result_path);
    return bytes;
}

void wait_for_file(const std::string& path) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!std::filesystem::exists(path)) {
        if (std::chrono::steady_clock::now() > end) FAIL("no '" << path << "' within 60 s");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

TEST_CASE("a trainer greets, works and leaves when the socket closes", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder);
    TrainerProcess trainer;

    const auto hello = std::get<TrainerHello>(trainer.receive());
    CHECK(hello.device == "cpu");
    CHECK(hello.pid > 0);
    trainer.send(request);
    const auto done = std::get<TaskDone>(trainer.receive());
    CHECK(done.task == request.task);
    CHECK(done.result.crc == crc32(read_file(request.result_path)));

    CHECK(trainer.close_and_wait() == 0);
}

TEST_CASE("a stopped training goes on in another process to the same bits", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = long_request(folder);
    const auto straight = straight_result(request);

    {
        TrainerProcess first;
        first.receive();
        first.send(request);
        wait_for_file(request.state_path);
        first.send(StopRequest{});
        REQUIRE(std::get<TaskStopped>(first.receive()).task == request.task);
    }
    TrainerProcess second;
    second.receive();
    second.send(request);

    CHECK(std::get<TaskDone>(second.receive()).result.resumed);
    CHECK(read_file(request.result_path) == straight);
}

TEST_CASE("a trainer killed at random moments loses nothing but time", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = long_request(folder);
    const auto straight = straight_result(request);
    PhiloxSequence random(4);

    for (int kills = 0; kills < 4; ++kills) {
        TrainerProcess victim;
        victim.receive();
        victim.send(request);
        std::this_thread::sleep_for(std::chrono::duration<double>(0.12 * random.uniform()));
        victim.kill_now();
    }
    TrainerProcess survivor;
    survivor.receive();
    survivor.send(request);

    REQUIRE(std::holds_alternative<TaskDone>(survivor.receive()));
    CHECK(read_file(request.result_path) == straight);
}

TEST_CASE("a task that cannot be done is answered, and the trainer lives on", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest good = gaussian_request(folder);
    TrainRequest bad = good;
    bad.numerator[0].sample.file = (folder / "nowhere.h5").string();
    TrainerProcess trainer;
    trainer.receive();

    trainer.send(bad);
    const auto failed = std::get<TaskFailed>(trainer.receive());
    trainer.send(good);

    CHECK(failed.reason.find("nowhere.h5") != std::string::npos);
    CHECK(std::holds_alternative<TaskDone>(trainer.receive()));
}

#ifndef __SANITIZE_ADDRESS__  // under it a refused allocation ends the program
TEST_CASE("a task without memory says what it needs and what to shrink", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest good = gaussian_request(folder);
    TrainRequest wide = good;
    wide.network.hidden = {2'000'000, 2'000'000};  // 16 TB of weights
    TrainerProcess trainer;
    trainer.receive();

    trainer.send(wide);
    const auto failed = std::get<TaskFailed>(trainer.receive());
    trainer.send(good);

    CHECK(failed.kind == FailureKind::memory);
    for (const char* part :
         {"out of memory", "9.6e+04 GB", "network.hidden", "training.pack", "training.batch"}) {
        CHECK(failed.reason.find(part) != std::string::npos);
    }
    CHECK(std::holds_alternative<TaskDone>(trainer.receive()));
}
#endif

TEST_CASE("signals and requests that come too late disturb nothing", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder);
    TrainerProcess trainer;
    trainer.receive();

    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) trainer.signal(number);
    trainer.send(StopRequest{});
    trainer.send(CheckpointRequest{});
    trainer.send(request);

    CHECK(std::holds_alternative<TaskDone>(trainer.receive()));
}

TEST_CASE("a trainer whose supervisor goes away in mid-task leaves without a trace", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = long_request(folder);
    request.training.epochs = 1'000'000;
    request.training.checkpoint_seconds = 0;
    TrainerProcess trainer;
    trainer.receive();
    trainer.send(request);

    CHECK(trainer.close_and_wait() == 0);
    CHECK_FALSE(std::filesystem::exists(request.state_path));
}

}  // namespace
}  // namespace ratiofarm::trainer
