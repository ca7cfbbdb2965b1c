#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/tasks/task_control.hpp"

namespace ratiofarm::test {

using namespace trainer;

/// Events of one sample, still to be written to a file.
struct SimulatedSample {
    std::string name;
    std::uint64_t columns = 1;
    std::vector<float> features;  ///< [n, columns]
    std::vector<double> weight;   ///< [n]
    std::vector<std::uint64_t> id;
};

/// n normal events with unit width in each of `columns` features, weight 1, ids from first_id on.
SimulatedSample normal_sample(const std::string& name,
                              std::uint64_t n,
                              double mean,
                              std::uint64_t columns = 1,
                              std::uint64_t first_id = 0);

/// Writes the columns one after another, as contiguous HDF5 datasets lie in their file.
SampleColumns write_sample(const TemporaryDirectory& folder, const SimulatedSample& sample);

/// Appends weight(row) of each row to a file of write_sample(). \return their offset
std::uint64_t append_weights(const std::string& file,
                             const std::function<double(std::size_t)>& weight,
                             std::size_t rows);

/// Two Gaussians at +-0.5 and a small net; every path is in the folder.
TrainRequest gaussian_request(const TemporaryDirectory& folder,
                              std::uint64_t events_each = 2000,
                              std::uint64_t columns = 1);

/// What an action throws as an Error says.
template <class Action>
std::string message_of(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Calls a function of the number of polls so far for the command to give.
class ScriptedControl : public TaskControl {
public:
    explicit ScriptedControl(std::function<TaskOrder(std::uint64_t)> script = {})
        : script_(std::move(script)) {}

    TaskOrder poll() override {
        const std::uint64_t now = polls_++;
        return script_ ? script_(now) : TaskOrder::go_on;
    }
    void report(const TaskProgress& progress) override { last_ = progress; }

    std::uint64_t polls() const { return polls_; }
    const TaskProgress& last() const { return last_; }

private:
    std::function<TaskOrder(std::uint64_t)> script_;
    std::uint64_t polls_ = 0;
    TaskProgress last_;
};

}  // namespace ratiofarm::test
