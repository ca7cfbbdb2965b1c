#include "recorded_work.hpp"

#include <array>
#include <string>

#include <dlfcn.h>

#include "ratiofarm/core/errors.hpp"

#include "cuda_plugin_api.h"
#include "cuda_plugin_loader.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr int warm_ups = 3;

[[noreturn]] void refuse(const std::array<char, 512>& cause) {
    throw NumericalError(std::string("a step could not be recorded as a CUDA graph: ") +
                         cause.data());
}

}  // namespace

struct GraphFunctions {
    decltype(ratiofarm_cuda_record)* record = nullptr;
    decltype(ratiofarm_cuda_replay)* replay = nullptr;
    decltype(ratiofarm_cuda_forget)* forget = nullptr;

    explicit GraphFunctions(void* plugin) {
        if (plugin == nullptr) return;
        const auto find = [&]<class F>(F*& function, const char* name) {
            function = reinterpret_cast<F*>(dlsym(plugin, name));
        };
        find(record, "ratiofarm_cuda_record");
        find(replay, "ratiofarm_cuda_replay");
        find(forget, "ratiofarm_cuda_forget");
    }
    bool complete() const { return record != nullptr && replay != nullptr && forget != nullptr; }
};

struct RecordedWork::State {
    GraphFunctions graphs;
    ratiofarm_cuda_recording* recording = nullptr;
    WorkInput input;
    int done = 0;  ///< with this input

    explicit State(void* plugin) : graphs(plugin) {}
};

RecordedWork::RecordedWork(DeviceKind device)
    : state_(std::make_unique<State>(device == DeviceKind::cuda ? open_cuda_graphs() : nullptr)) {}

RecordedWork::~RecordedWork() { forget(); }

void RecordedWork::forget() {
    if (state_->recording != nullptr) state_->graphs.forget(state_->recording);
    state_->recording = nullptr;
    state_->input = {};
    state_->done = 0;
}

void RecordedWork::run(const WorkInput& input, const std::function<void()>& work) {
    State& state = *state_;
    if (!state.graphs.complete()) return work();
    // The largest input is the one that is worth it: full batches.
    if (state.recording == nullptr && input.size > state.input.size) {
        state.input = input;
        state.done = 0;
    }
    if (input != state.input || state.done < warm_ups) {
        if (input == state.input) ++state.done;
        return work();
    }
    std::array<char, 512> error{};
    if (state.recording == nullptr) {
        const auto call = [](void* data) { (*static_cast<const std::function<void()>*>(data))(); };
        state.recording = state.graphs.record(call, const_cast<std::function<void()>*>(&work),
                                              error.data(), error.size());
        if (state.recording == nullptr) refuse(error);
    }
    if (state.graphs.replay(state.recording, error.data(), error.size()) != 0) refuse(error);
}

}  // namespace ratiofarm::trainer
