#include <filesystem>
#include <limits>
#include <string>

#include "inference_setup.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::inference_rows;
using test::InferenceSetup;
using test::make_setup;
using test::message_of;
using test::ScriptedControl;
using test::TemporaryDirectory;

TEST_CASE("members and events that cannot be used are refused by name", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 300);
    ScriptedControl control;
    const auto message = [&] {
        return message_of([&] { infer(setup.request, DeviceKind::cpu, control); });
    };

    SECTION("an unwritten row") {
        setup.request.weights_offset = 0;
        publish(setup.request.ensemble_file,
                std::string(2 * setup.request.row_stride * sizeof(float), '\0'));
        CHECK(contains(message(), "member 0: this row was never written"));
    }
    SECTION("a file that ends before the last member") {
        setup.request.members = 3;
        CHECK(contains(message(), "member 2"));
    }
    SECTION("rows beyond the sample") {
        setup.request.count = 301;
        CHECK(contains(message(), "'S'"));
    }
    SECTION("a fold without nets") {
        setup.request.split = {.train = 0.8, .validation = 0.2, .inference = 0.0, .folds = 3};
        setup.request.net_fold = {0, 2};
        CHECK(contains(message(), "no net of fold 1"));
    }
    SECTION("folds that do not fit the split") {
        setup.request.split.folds = 2;
        setup.request.net_fold = {0, 2};
        CHECK(contains(message(), "the folds of its nets"));
    }
    SECTION("a calibration that was never written") {
        setup.request.calibration_offset = setup.request.weights_offset;
        publish(setup.request.ensemble_file,
                read_text(setup.request.ensemble_file) +
                    std::string(4 * calibration_knots * sizeof(float), '\0'));
        setup.request.calibration_offset =
            setup.request.weights_offset + 2 * setup.request.row_stride * sizeof(float);
        CHECK(contains(message(), "member 0: the knots of its calibration do not increase"));
    }
    SECTION("a logit that is not finite, by its row") {
        auto& features = setup.sample.features;
        const std::uint64_t row = inference_rows(setup)[7];
        features[3 * row] = std::numeric_limits<float>::max();
        features[3 * row + 2] = std::numeric_limits<float>::max();
        setup.request.sample = test::write_sample(folder, setup.sample);
        CHECK(contains(message(), "row " + std::to_string(row) + " (event id"));
    }
}

TEST_CASE("files that changed since they were checked end an inference, not its task",
          "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 300);
    setup.request.ensemble_stamp = stamp_of(setup.request.ensemble_file);
    setup.request.sample.stamp = stamp_of(setup.request.sample.file);
    const std::string changed =
        GENERATE_COPY(setup.request.ensemble_file, setup.request.sample.file);
    ScriptedControl quiet;
    CHECK(infer(setup.request, DeviceKind::cpu, quiet).end == TaskEnd::done);
    std::filesystem::remove(setup.request.result_path);

    SECTION("removed") { std::filesystem::remove(changed); }
    SECTION("shortened") {
        std::filesystem::resize_file(changed, std::filesystem::file_size(changed) / 2);
    }
    SECTION("shortened before anybody looked") {
        setup.request.ensemble_stamp = setup.request.sample.stamp = {};
        std::filesystem::resize_file(changed, std::filesystem::file_size(changed) / 2);
    }
    SECTION("replaced by a copy") { publish(changed, read_text(changed)); }

    ScriptedControl control;
    CHECK_THROWS_AS(infer(setup.request, DeviceKind::cpu, control), SystemError);
    CHECK_FALSE(std::filesystem::exists(setup.request.result_path));
}

TEST_CASE("an ensemble that is replaced during an inference gives no result", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 300);
    setup.request.ensemble_stamp = stamp_of(setup.request.ensemble_file);
    ScriptedControl control([&](std::uint64_t) {
        publish(setup.request.ensemble_file, read_text(setup.request.ensemble_file));
        return TaskOrder::go_on;
    });

    CHECK_THROWS_AS(infer(setup.request, DeviceKind::cpu, control), SystemError);
    CHECK_FALSE(std::filesystem::exists(setup.request.result_path));
}

TEST_CASE("a stopped inference publishes nothing", "[trainer]") {
    const TemporaryDirectory folder;
    const InferenceSetup setup = make_setup(folder, 2, 300);
    ScriptedControl control([](std::uint64_t) { return TaskOrder::stop; });

    CHECK(infer(setup.request, DeviceKind::cpu, control).end == TaskEnd::stopped);
    CHECK_FALSE(std::filesystem::exists(setup.request.result_path));
}

}  // namespace
}  // namespace ratiofarm::trainer
