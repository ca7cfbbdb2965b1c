#include "self_test.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <unistd.h>

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/events/inference_events.hpp"

#include "inference.hpp"
#include "training.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::uint64_t events = 20000;
constexpr double tolerated_error = 0.05;  ///< rms of log r; statistics by itself gives about 0.02

class Uninterrupted : public TaskControl {
public:
    TaskOrder poll() override { return TaskOrder::go_on; }
    void report(const TaskProgress&) override {}
};

/// A folder of this process, removed at the end.
class Folder {
public:
    Folder()
        : path_(std::filesystem::temp_directory_path() /
                ("ratiofarm-self-test-" + std::to_string(getpid()))) {}
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// One feature, normal with unit width, as the blocks weight, id, features.
SampleColumns write_sample(const std::string& path, double mean, std::uint64_t key) {
    std::vector<double> weight(events, 1.0);
    std::vector<std::uint64_t> id(events);
    std::iota(id.begin(), id.end(), key * events);
    std::vector<float> feature(events);
    PhiloxSequence random(key);
    for (float& value : feature) value = static_cast<float>(mean + random.normal());

    std::vector<std::byte> bytes;
    const auto append = [&](const auto& values) {
        const auto block = std::as_bytes(std::span(values));
        bytes.insert(bytes.end(), block.begin(), block.end());
    };
    append(weight);
    append(id);
    append(feature);
    publish(path, bytes);
    return {.file = path,
            .sample = mean > 0 ? "right" : "left",
            .events = events,
            .columns = 1,
            .features_offset = 16 * events,
            .weight_offset = 0,
            .id_offset = 8 * events};
}

double rms_error(const InferRequest& request, const RatioBlock& block) {
    const InferenceEvents evaluated(request);
    std::vector<std::uint64_t> all(evaluated.count());
    std::iota(all.begin(), all.end(), std::uint64_t{0});
    std::vector<float> truth(evaluated.count());  // the log ratio is the feature
    evaluated.gather(all, truth);
    double sum = 0.0;
    for (std::size_t event = 0; event < truth.size(); ++event) {
        const double error =
            static_cast<double>(block.log_ratio[event]) - static_cast<double>(truth[event]);
        sum += error * error;
    }
    return std::sqrt(sum / static_cast<double>(truth.size()));
}

}  // namespace

bool run_self_test(const Device& device, const Log& log) {
    const Folder folder;
    Uninterrupted control;
    TrainRequest training;
    training.name = "self-test";
    training.numerator = {{.sample = write_sample(folder.file("right"), 0.5, 1)}};
    training.denominator = {{.sample = write_sample(folder.file("left"), -0.5, 2)}};
    training.features = {0};
    training.network = {.inputs = 1, .hidden = {16, 16}};
    training.training = {.epochs = 12, .batch = 256, .learning_rate = 3e-3};
    training.nets = {{.name = "self-test", .warm_start = {}}};
    training.result_path = folder.file("result");
    training.state_path = folder.file("state");
    train(training, device.kind, control, log);

    const auto result =
        read_task_file<TrainingResult>(training.result_path, training.task).nets.front();
    publish(folder.file("weights"), std::as_bytes(std::span(result.row)));
    InferRequest inference;
    inference.name = "self-test";
    inference.sample = training.numerator[0].sample;
    inference.count = events;
    inference.features = training.features;
    inference.network = training.network;
    inference.ensemble_file = folder.file("weights");
    inference.row_stride = result.row.size();
    inference.members = 1;
    inference.result_path = folder.file("block");
    infer(inference, device.kind, control);

    const double error =
        rms_error(inference, read_task_file<RatioBlock>(inference.result_path, inference.task));
    std::printf("%s: %u epochs, validation loss %.4f, rms error of log r %.4f (at most %.2f)\n",
                device.description.c_str(), result.epochs, result.best_validation_loss, error,
                tolerated_error);
    return error <= tolerated_error;
}

}  // namespace ratiofarm::trainer
