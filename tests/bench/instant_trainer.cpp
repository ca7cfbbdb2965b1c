// Stands in for ratiofarm-trainer in ./run bench scale: answers every training at once with a net
// whose measures have the size of real ones and pass the gates.

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <variant>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

namespace ratiofarm::bench {
namespace {

TrainedNet pretended_net(const TrainRequest& request, const NetRequest& asked) {
    TrainedNet net;
    net.row.assign(row_size(request.network), 0.01F);
    net.epochs = net.best_epoch = request.training.epochs;
    net.training_loss.assign(net.epochs, 0.6);
    net.validation_loss.assign(net.epochs, 0.6);
    // Members differ, by what their seeds say.
    const double noise = static_cast<double>(asked.initialisation_seed % 1000) / 1000.0;
    net.best_validation_loss = 0.6 + 1e-4 * noise;
    net.training_events = 50'000;
    net.validation_events = 10'000;
    NetQuality& quality = net.quality;
    quality.calibration_slope = 1.0;
    quality.logit_spread = 0.8;
    quality.calibration_predicted.assign(20, 0.5);
    quality.calibration_observed.assign(20, 0.5);
    quality.calibration_error.assign(20, 0.01);
    quality.closure.assign(request.features.size(), 0.01);
    quality.closure_noise = quality.closure;
    quality.reference_logits.assign(512, static_cast<float>(noise));
    return net;
}

TrainerReply done(const TrainRequest& request) {
    TrainingResult result;
    for (const NetRequest& net : request.nets) result.nets.push_back(pretended_net(request, net));
    const auto bytes = encode_task_file(request.task, result);
    const char* pause = std::getenv("INSTANT_TRAINER_SECONDS");
    const double seconds = pause == nullptr ? 0.001 : std::strtod(pause, nullptr);
    if (pause != nullptr) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    publish(request.result_path, bytes);
    return TaskDone{request.task, {.bytes = bytes.size(), .crc = crc32(bytes), .seconds = seconds}};
}

void serve(int socket) {
    const auto send = [&](const TrainerReply& reply) {
        const auto bytes = frame(reply);
        if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != std::ssize(bytes)) {
            std::exit(0);
        }
    };
    send(TrainerHello{.device = "cpu", .libtorch = "none", .pid = 0});
    FrameBuffer received;
    std::array<std::byte, 65536> buffer;
    for (;;) {
        const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (size <= 0) return;
        received.append(std::span(buffer).first(static_cast<std::size_t>(size)));
        while (const auto request = received.next_request()) {
            if (const auto* train = std::get_if<TrainRequest>(&*request)) send(done(*train));
        }
    }
}

}  // namespace
}  // namespace ratiofarm::bench

int main(int argc, char* argv[]) try {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) ::signal(signal, SIG_IGN);
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::string(argv[i]) == "--socket") ratiofarm::bench::serve(std::atoi(argv[i + 1]));
    }
    return 0;
} catch (const std::exception&) {
    return 1;
}
