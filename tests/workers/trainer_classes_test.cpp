// Classifiers: loss and gradient against their definition, trainings against what is known.

#include <array>
#include <cmath>
#include <filesystem>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/network_kinds.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/net_pack_engines.hpp"
#include "workers/trainer/events/training_events.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "inference_setup.hpp"
#include "trainer_runs.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::naive_logits;
using test::normal_sample;
using test::result_of;
using test::run;
using test::TemporaryDirectory;
using test::write_sample;

/// Gaussians of unit width in one feature, one class each.
TrainRequest gaussians(const TemporaryDirectory& folder,
                       const std::vector<double>& means,
                       std::uint64_t events) {
    TrainRequest request = gaussian_request(folder, 10);
    request.numerator.clear();
    request.denominator.clear();
    for (std::size_t k = 0; k < means.size(); ++k) {
        auto sample = normal_sample("class" + std::to_string(k), events * (k + 1), means[k], 1,
                                    1'000'000 * k);
        request.classes.push_back({{.sample = write_sample(folder, sample), .fraction = 1.0}});
    }
    request.network.outputs = static_cast<std::uint32_t>(means.size());
    return request;
}

std::vector<double> softmax(std::vector<double> z) {
    double sum = 0.0;
    for (double& value : z) sum += value = std::exp(value);
    for (double& value : z) value /= sum;
    return z;
}

TEST_CASE("loss and gradient of a classifier are those of their definition", "[trainer]") {
    const c10::InferenceMode no_autograd;
    auto generator = at::detail::createCPUGenerator(17);
    const auto options = at::TensorOptions().dtype(at::kDouble);
    const at::Tensor logits = 3.0 * at::randn({2, 7, 4}, generator, options);
    const at::Tensor weights = at::randn({2, 7, 4}, generator, options) + 0.8;  // some negative
    SoftmaxCrossEntropy loss(2, options);

    loss.add(logits, weights);
    loss.add(logits, weights);
    const at::Tensor gradient = loss.gradient(logits, weights);

    for (std::int64_t net = 0; net < 2; ++net) {
        double sum = 0.0;
        for (std::int64_t event = 0; event < 7; ++event) {
            std::vector<double> z;
            double total = 0.0;
            for (std::int64_t k = 0; k < 4; ++k) {
                z.push_back(logits[net][event][k].item<double>());
                total += weights[net][event][k].item<double>();
            }
            const auto s = softmax(z);
            for (std::size_t k = 0; k < 4; ++k) {
                const auto index = static_cast<std::int64_t>(k);
                const auto w = weights[net][event][index].item<double>();
                sum -= w * std::log(s[k]);
                REQUIRE(gradient[net][event][index].item<double>() ==
                        Approx((total * s[k] - w) / 7.0).margin(1e-12));
            }
        }
        CHECK(loss.sums()[static_cast<std::size_t>(net)] == Approx(2.0 * sum).epsilon(1e-12));
    }
}

TEST_CASE("the gradient by the weights of a classifier is that of its loss", "[trainer]") {
    const c10::InferenceMode no_autograd;
    const auto kind = GENERATE(NetworkKind::mlp, NetworkKind::residual_mlp);
    const Network network{.kind = kind,
                          .inputs = 3,
                          .hidden = {6, 6, 5},
                          .activation = Activation::silu,
                          .outputs = 3};
    const auto options = at::TensorOptions().dtype(at::kDouble);
    auto generator = at::detail::createCPUGenerator(5);
    const at::Tensor features = at::randn({2, 9, 3}, generator, options);
    const at::Tensor weights = at::rand({2, 9, 3}, generator, options);
    const auto pack = make_autograd_pack(network, {.nets = 2, .capacity = 9}, options);
    pack->parameters().copy_(0.5 * at::randn(pack->parameters().sizes(), generator, options));
    const auto loss_of = [&](std::int64_t net) {
        SoftmaxCrossEntropy loss(2, options);
        loss.add(pack->forward(features), weights);
        return loss.sums()[static_cast<std::size_t>(net)] / 9.0;
    };
    SoftmaxCrossEntropy loss(2, options);
    const at::Tensor logits = pack->forward(features);
    REQUIRE(logits.sizes() == at::IntArrayRef({2, 9, 3}));
    pack->backward(features, loss.gradient(logits, weights));
    const at::Tensor gradient = pack->gradient().clone();

    REQUIRE(static_cast<std::uint64_t>(gradient.size(1)) == trainable_size(network));
    constexpr double step = 1e-5;
    for (std::int64_t net = 0; net < 2; ++net) {
        for (std::int64_t k = 0; k < gradient.size(1); ++k) {
            const auto here = pack->parameters()[net][k];
            const auto value = here.item<double>();
            here.fill_(value + step);
            const double above = loss_of(net);
            here.fill_(value - step);
            const double below = loss_of(net);
            here.fill_(value);
            REQUIRE(gradient[net][k].item<double>() ==
                    Approx((above - below) / (2.0 * step)).margin(1e-8));
        }
    }
}

TEST_CASE("classes weigh the same, and an event of several is one row", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussians(folder, {0.0, 1.0, 2.0}, 300);
    const ClassComponent one = request.classes[0][0];
    ClassComponent again = one;  // the same events with other weights, some negative
    again.sample.weight_offset = test::append_weights(
        one.sample.file, [](std::size_t row) { return row % 5 == 0 ? -0.5 : 2.0; }, 300);
    again.fraction = 0.25;
    request.classes[1][0].fraction = 0.75;
    request.classes[1].push_back(again);

    const TrainingEvents events = load_training_events(request);

    const auto part = GENERATE_REF(&events.training, &events.validation);
    REQUIRE(part->columns == 3);
    REQUIRE(part->weights.size() == 3 * part->rows);
    std::array<double, 3> sums{};
    double shared = 0.0;  // of class 1 in events of class 0
    for (std::size_t row = 0; row < part->rows; ++row) {
        const float* weight = &part->weights[3 * row];
        for (std::size_t k = 0; k < 3; ++k) sums[k] += static_cast<double>(weight[k]);
        if (weight[0] != 0.0F) shared += static_cast<double>(weight[1]);
    }
    const auto rows = static_cast<double>(part->rows);
    for (const double sum : sums) CHECK(sum == Approx(rows / 3.0).epsilon(1e-5));
    CHECK(shared == Approx(0.25 * rows / 3.0).epsilon(1e-5));
    CHECK(events.training.rows + events.validation.rows <= 300 + 600 + 900);
    CHECK(events.negative_weights > 20);
}

TEST_CASE("a classifier learns the posterior probabilities of Gaussians", "[trainer]") {
    const TemporaryDirectory folder;
    const std::vector<double> means{-1.5, 0.0, 1.0};
    TrainRequest request = gaussians(folder, means, 15000);
    request.network.kind = GENERATE(NetworkKind::mlp, NetworkKind::residual_mlp);
    request.training.epochs = 10;

    const TrainedNet net = result_of(request).nets.front();

    REQUIRE(net.failure.empty());
    for (double x = -2.5; x <= 2.0; x += 0.25) {
        std::vector<double> exact;
        for (const double mean : means) exact.push_back(-0.5 * (x - mean) * (x - mean));
        exact = softmax(exact);
        const auto s = softmax(naive_logits(request.network, net.row, {static_cast<float>(x)}));
        for (std::size_t k = 0; k < means.size(); ++k) CHECK(s[k] == Approx(exact[k]).margin(0.03));
    }
    // What the exact probabilities would lose on average, by numerical integration.
    double bayes = 0.0;
    for (double x = -8.0; x < 8.0; x += 1e-3) {
        std::vector<double> p;
        for (const double mean : means) p.push_back(std::exp(-0.5 * (x - mean) * (x - mean)));
        for (const double density : p) {
            bayes -= 1e-3 * density / std::sqrt(2.0 * M_PI) / 3.0 *
                     std::log(density / (p[0] + p[1] + p[2]));
        }
    }
    CHECK(net.best_validation_loss == Approx(bayes).margin(0.02));
    CHECK(net.quality.constant_loss == Approx(std::log(3.0)));
    REQUIRE(net.quality.class_slope.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
        CHECK(std::abs(net.quality.class_slope[k] - 1.0) < 0.1);
        CHECK(std::abs(net.quality.class_excess[k]) < 0.1);
    }
}

TEST_CASE("a classifier of two classes learns the ratio that a ratio net learns", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest ratio = gaussian_request(folder, 20000);
    ratio.training.epochs = 10;
    TrainRequest classes = ratio;
    classes.classes = {ratio.denominator, ratio.numerator};
    classes.numerator.clear();
    classes.denominator.clear();
    classes.network.outputs = 2;

    const TrainedNet one = result_of(ratio).nets.front();
    const TrainedNet two = result_of(classes).nets.front();

    for (double x = -1.5; x <= 1.5; x += 0.25) {
        const std::vector<float> at{static_cast<float>(x)};
        const double binary = naive_logits(ratio.network, one.row, at)[0];
        const auto z = naive_logits(classes.network, two.row, at);
        CHECK(z[1] - z[0] == Approx(binary).margin(0.12));
        CHECK(z[1] - z[0] == Approx(x).margin(0.12));  // log N(x; 0.5) / N(x; -0.5) = x
    }
    CHECK(two.best_validation_loss == Approx(one.best_validation_loss).margin(2e-3));
    CHECK(two.training_events == one.training_events);
    CHECK(two.quality.calibration_slope == Approx(one.quality.calibration_slope).margin(0.1));
}

TEST_CASE("a stopped training of classifiers ends with the bits of the straight one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussians(folder, {-1.0, 0.5, 1.0}, 300);
    request.training.epochs = 6;
    request.training.patience = 2;
    request.nets.push_back(request.nets.front());
    request.nets.back().name = "toy/replica 1";
    request.nets.back().replica = 12;
    REQUIRE(run(request) == TaskEnd::done);
    const auto straight = read_file(request.result_path);
    PhiloxSequence random(3);

    for (int attempt = 0; attempt < 4; ++attempt) {
        std::filesystem::remove(request.result_path);
        TaskEnd end = TaskEnd::stopped;
        while (end == TaskEnd::stopped) {
            const auto polls = static_cast<std::uint64_t>(random.uniform() * 30.0);
            end = run(request, [&](std::uint64_t now) {
                return now == polls ? TaskOrder::stop : TaskOrder::go_on;
            });
        }
        const bool same = read_file(request.result_path) == straight;
        REQUIRE(same);
    }
}

TEST_CASE("what a classifier cannot do is said before the first step", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussians(folder, {-1.0, 1.0}, 300);
    const auto message = [&] { return message_of([&] { run(request); }); };

    SECTION("as many outputs as classes") {
        request.network.outputs = 3;
        CHECK(contains(message(), "a network of 3 outputs cannot learn 2 classes"));
    }
    SECTION("one class") {
        request.classes.pop_back();
        request.network.outputs = 1;
        CHECK(contains(message(), "cannot learn 1 classes"));
    }
    SECTION("calibration") {
        request.training.calibration = CalibrationMethod::isotonic;
        CHECK(contains(message(), "a classifier cannot be calibrated"));
    }
    SECTION("the written-out step") {
        request.training.engine = Engine::written;
        CHECK(contains(message(), "no written-out step for a network with 2 outputs"));
    }
}

TEST_CASE("a diverged classifier is a value", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussians(folder, {-1.0, 0.0, 1.0}, 300);
    request.training.learning_rate = 1e30;

    const TrainedNet net = result_of(request).nets.front();

    CHECK(contains(net.failure, "diverged: training loss is"));
    CHECK(net.row == std::vector<float>(row_size(request.network), 0.0F));
}

}  // namespace
}  // namespace ratiofarm::trainer
