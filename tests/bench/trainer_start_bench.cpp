// What it costs to start a trainer for every task. usage: trainer_start_bench TRAINER ROUNDS
// Prints JSON: seconds from asking to the published result, in turns.

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/trainer_protocol.hpp"

#include "bench_arguments.hpp"

namespace ratiofarm::bench {
namespace {

constexpr std::uint64_t events = 4000;

/// A ratiofarm-trainer behind its socket; leaves when the socket is closed.
class Trainer {
public:
    explicit Trainer(const std::string& program) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            throw std::runtime_error("no socket");
        }
        child_ = ::fork();
        if (child_ == 0) {
            const std::string descriptor = std::to_string(::dup(ends[1]));
            ::execl(program.c_str(), program.c_str(), "--socket", descriptor.c_str(), "--device",
                    "cpu", nullptr);
            ::_exit(127);
        }
        ::close(ends[1]);
        socket_ = ends[0];
        if (!std::holds_alternative<TrainerHello>(receive())) throw std::runtime_error("no hello");
    }
    ~Trainer() {
        ::close(socket_);
        ::waitpid(child_, nullptr, 0);
    }
    Trainer(const Trainer&) = delete;
    Trainer& operator=(const Trainer&) = delete;

    void serve(const TrainRequest& request) {
        const auto bytes = frame(TrainerRequest(request));
        if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != std::ssize(bytes)) {
            throw std::runtime_error("cannot send");
        }
        const TrainerReply reply = receive();
        if (const auto* failed = std::get_if<TaskFailed>(&reply)) {
            throw std::runtime_error(failed->reason);
        }
    }

private:
    /// The next reply that is not progress.
    TrainerReply receive() {
        while (true) {
            if (auto reply = buffer_.next_reply()) {
                if (!std::holds_alternative<TaskAlive>(*reply)) return *reply;
                continue;
            }
            std::array<std::byte, 4096> chunk{};
            const ssize_t size = ::recv(socket_, chunk.data(), chunk.size(), 0);
            if (size <= 0) throw std::runtime_error("the trainer is gone");
            buffer_.append(std::span(chunk).first(static_cast<std::size_t>(size)));
        }
    }

    pid_t child_ = -1;
    int socket_ = -1;
    FrameBuffer buffer_;
};

ClassComponent component(const std::filesystem::path& folder, double mean, std::uint64_t first_id) {
    std::vector<double> weight(events, 1.0);
    std::vector<std::uint64_t> id(events);
    std::vector<float> feature(events);
    PhiloxSequence random(first_id);
    for (std::uint64_t row = 0; row < events; ++row) {
        id[row] = first_id + row;
        feature[row] = static_cast<float>(mean + random.normal());
    }
    std::vector<std::byte> bytes;
    const auto append = [&](const auto& values) {
        const auto block = std::as_bytes(std::span(values));
        bytes.insert(bytes.end(), block.begin(), block.end());
    };
    append(weight);
    append(id);
    append(feature);
    const auto path = (folder / std::to_string(first_id)).string();
    publish(path, bytes);
    ClassComponent made;
    made.sample = {.file = path,
                   .sample = std::to_string(first_id),
                   .events = events,
                   .columns = 1,
                   .features_offset = 16 * events,
                   .weight_offset = 0,
                   .id_offset = 8 * events};
    return made;
}

TrainRequest request_in(const std::filesystem::path& folder) {
    TrainRequest request;
    request.name = "task";
    request.numerator = {component(folder, 0.5, 0)};
    request.denominator = {component(folder, -0.5, 1'000'000)};
    request.features = {0};
    request.network.inputs = 1;
    request.network.hidden = {16, 16};
    request.training.epochs = 2;
    request.training.batch = 256;
    request.nets.resize(1);
    request.nets[0].name = "task";
    request.result_path = (folder / "result").string();
    request.state_path = (folder / "state").string();
    return request;
}

nlohmann::json measure(const std::string& program, int rounds) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("ratiofarm-start." + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const TrainRequest request = request_in(folder);
    std::vector<double> hello, started, persistent;
    Trainer stays(program);
    stays.serve(request);
    for (int round = 0; round < rounds; ++round) {
        started.push_back(seconds_of([&] {
            std::unique_ptr<Trainer> trainer;
            hello.push_back(seconds_of([&] { trainer = std::make_unique<Trainer>(program); }));
            trainer->serve(request);
        }));
        persistent.push_back(seconds_of([&] { stays.serve(request); }));
    }
    std::filesystem::remove_all(folder);
    return {{"task", "16-16 on 8,000 events, 2 epochs"},
            {"hello", hello},
            {"started", started},
            {"persistent", persistent}};
}

}  // namespace
}  // namespace ratiofarm::bench

int main(int argc, char* argv[]) {
    try {
        if (argc != 3) throw std::runtime_error("usage: trainer_start_bench TRAINER ROUNDS");
        std::printf("%s\n", ratiofarm::bench::measure(argv[1], std::stoi(argv[2])).dump().c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "trainer_start_bench: %s\n", error.what());
        return 1;
    }
}
