#include "ensemble_evaluation.hpp"

#include <numeric>
#include <span>

#include <unistd.h>

#include "core/publish.hpp"
#include "workers/trainer/tasks/inference.hpp"
#include "workers/trainer/tasks/task_control.hpp"

namespace ratiofarm::bench {

using namespace trainer;
namespace {

class Uninterrupted : public TaskControl {
public:
    TaskOrder poll() override { return TaskOrder::go_on; }
    void report(const TaskProgress&) override {}
};

class Bytes {
public:
    /// \return offset
    template <class T>
    std::uint64_t append(const std::vector<T>& values) {
        const std::uint64_t offset = bytes_.size();
        const auto block = std::as_bytes(std::span(values));
        bytes_.insert(bytes_.end(), block.begin(), block.end());
        return offset;
    }
    void publish_as(const std::string& path) const { publish(path, bytes_); }

private:
    std::vector<std::byte> bytes_;
};

SampleColumns write_events(const PeerCase& problem, const std::string& path) {
    SampleColumns sample{.file = path, .sample = "events"};
    sample.columns = problem.columns();
    sample.events = problem.training.size() / sample.columns;
    std::vector<std::uint64_t> ids(sample.events);
    std::iota(ids.begin(), ids.end(), 0);
    Bytes bytes;
    sample.features_offset = bytes.append(problem.training);
    sample.weight_offset = bytes.append(std::vector<double>(sample.events, 1.0));
    sample.id_offset = bytes.append(ids);
    bytes.publish_as(path);
    return sample;
}

}  // namespace

EnsembleEvaluation::EnsembleEvaluation(const PeerCase& problem, const Variant& variant)
    : device_(variant.device) {
    // Processes side by side do not share their files.
    const std::string stem = (problem.folder / ("ours." + std::to_string(::getpid()))).string();
    request_.name = "bench";
    request_.sample = write_events(problem, stem + ".events");
    request_.features.resize(problem.network.inputs);
    std::iota(request_.features.begin(), request_.features.end(), 0);
    request_.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    request_.network = problem.network;
    request_.members = static_cast<std::uint32_t>(problem.nets.size());
    request_.row_stride = (row_size(problem.network) + 15) / 16 * 16;
    request_.precision = variant.precision;
    request_.threads = variant.threads;
    request_.ensemble_file = stem + ".ensemble";
    request_.result_path = stem + ".block";
    std::vector<float> rows;
    for (const auto& net : problem.nets) {
        rows.insert(rows.end(), problem.network.inputs, 0.0F);
        rows.insert(rows.end(), problem.network.inputs, 1.0F);
        rows.insert(rows.end(), net.begin(), net.end());
        rows.resize((rows.size() + 15) / 16 * 16, 0.0F);
    }
    publish(request_.ensemble_file, std::as_bytes(std::span(rows)));
}

RatioBlock EnsembleEvaluation::run(std::uint64_t first, std::uint64_t count) {
    request_.first = first;
    request_.count = count;
    Uninterrupted control;
    infer(request_, device_, control);
    return read_task_file<RatioBlock>(request_.result_path, request_.task);
}

}  // namespace ratiofarm::bench
