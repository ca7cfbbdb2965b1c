// What a training can have beside the plain steps: averages of weights, dropout, layer
// normalisation, features as logarithms, scaling by quantiles.

#include <cmath>
#include <cstring>
#include <filesystem>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/network_kinds.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/engine/dropout_mask.hpp"
#include "workers/trainer/engine/net_pack.hpp"
#include "workers/trainer/tasks/initial_row.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_runs.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::result_of;
using test::run;
using test::ScriptedControl;
using test::TemporaryDirectory;

/// Three nets of which the first stops early.
TrainRequest pack_with(const TemporaryDirectory& folder, int extra) {
    TrainRequest request = gaussian_request(folder, 600);
    request.network.hidden = {9, 9};
    request.network.kind = NetworkKind::residual_mlp;
    TrainingOptions& training = request.training;
    training.epochs = 7;
    training.batch = 64;
    training.patience = 3;
    training.average = extra == 0 ? Average::ema : Average::swa;
    training.average_decay = 0.9;
    training.average_from = 0.4;
    if (extra > 1) training.dropout = 0.3;
    if (extra > 1) request.network.layer_norm = true;
    if (extra > 1) request.network.log_features = true;
    if (extra > 1) training.scaling = Scaling::quantile;
    if (extra > 2) training.keep = Keep::last;
    training.calibration = extra == 0 ? CalibrationMethod::platt : CalibrationMethod::histogram;
    request.nets.push_back(
        {.name = "toy/replica 1", .initialisation_seed = 4, .shuffle_seed = 6, .warm_start = {}});
    request.nets.push_back(
        {.name = "toy/member 2", .initialisation_seed = 7, .shuffle_seed = 8, .warm_start = {}});
    request.nets[1].replica = 99;
    request.nets[2].rate_factor = 10.0;
    return request;
}

TEST_CASE("with all extras a net of a pack is trained as it would be alone", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_with(folder, GENERATE(0, 1, 2, 3));
    const TrainingResult pack = result_of(request);
    const auto nets = request.nets;

    for (std::size_t net = 0; net < 3; ++net) {
        request.nets = {nets[net]};
        CHECK((encode(result_of(request).nets.front()) == encode(pack.nets[net])));
    }
}

TEST_CASE("with all extras a stopped pack ends with the bits of the straight one", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = pack_with(folder, GENERATE(0, 1, 2, 3));
    result_of(request);
    const auto bytes = read_file(request.result_path);
    std::filesystem::remove(request.result_path);

    PhiloxSequence random(17);
    std::uint64_t stops = 0;
    TaskEnd end = TaskEnd::stopped;
    while (end == TaskEnd::stopped) {
        const auto last = static_cast<std::uint64_t>(random.uniform() * 30.0);
        end = run(request, [&](std::uint64_t now) {
            return now == last ? TaskOrder::stop : TaskOrder::go_on;
        });
        stops += end == TaskEnd::stopped ? 1 : 0;
    }

    CHECK((read_file(request.result_path) == bytes));
    CHECK(stops > 3);
}

/// Weights after each of some epochs, whatever the average; [epochs + 1], the first ones at 0.
std::vector<std::vector<float>> rows_after(TrainRequest request, std::uint32_t epochs) {
    request.training.average = Average::none;
    std::vector<std::vector<float>> rows{{}};
    for (std::uint32_t epoch = 1; epoch <= epochs; ++epoch) {
        request.training.epochs = epoch;
        rows.push_back(result_of(request).nets.front().row);
    }
    const auto scaling = std::span(rows.back()).first(2 * scaled_inputs(request.network));
    rows[0] = initial_row(request.network, request.nets.front().initialisation_seed,
                          scaling.first(scaling.size() / 2), scaling.last(scaling.size() / 2));
    return rows;
}

TrainRequest averaged(const TemporaryDirectory& folder) {
    TrainRequest request = gaussian_request(folder, 300);
    request.training.schedule = Schedule::constant;
    request.training.keep = Keep::last;
    request.training.patience = 0;
    return request;
}

TEST_CASE("swa keeps the mean of the weights after the last epochs", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = averaged(folder);
    request.training.epochs = 5;
    request.training.average = Average::swa;
    request.training.average_from = 0.5;  // from the third epoch on
    const std::vector<float> kept = result_of(request).nets.front().row;

    const auto rows = rows_after(request, 5);

    for (std::size_t i = 0; i < kept.size(); ++i) {
        const double mean = (double{rows[3][i]} + double{rows[4][i]} + double{rows[5][i]}) / 3.0;
        REQUIRE(kept[i] == Approx(mean).margin(1e-6));
    }
    CHECK(kept != rows[5]);
}

TEST_CASE("ema keeps the moving average of the weights after each step", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = averaged(folder);
    // An epoch is a step.
    request.training.batch = static_cast<std::uint32_t>(result_of(request).nets[0].training_events);
    request.training.learning_rate = 0.1;
    request.training.epochs = 6;
    request.training.average = Average::ema;
    request.training.average_decay = 0.35;  // the first two steps have less: 1/10, 2/11, 3/12, 4/13
    const std::vector<float> kept = result_of(request).nets.front().row;

    const auto rows = rows_after(request, 6);

    const std::vector<double> decays{0.1, 2.0 / 11.0, 0.25, 4.0 / 13.0, 0.35, 0.35};
    for (std::size_t i = 0; i < kept.size(); ++i) {
        double average = rows[0][i];
        for (std::size_t step = 1; step <= 6; ++step) {
            average = decays[step - 1] * average + (1.0 - decays[step - 1]) * rows[step][i];
        }
        REQUIRE(kept[i] == Approx(average).margin(1e-6));
    }
    CHECK(kept != rows[6]);
}

TEST_CASE("what is validated is the average", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = averaged(folder);
    request.training.average = Average::ema;
    request.training.average_decay = 0.9;
    request.training.epochs = 2;
    const TrainedNet net = result_of(request).nets.front();

    // A warm net that does not move has the loss of the weights that were kept.
    TrainRequest warm = request;
    warm.task.low += 1;
    warm.result_path += ".warm";
    warm.training.average = Average::none;
    warm.training.learning_rate = 1e-30;
    warm.nets[0].warm_start = {.path = request.result_path, .task = request.task, .net = 0};
    CHECK(result_of(warm).nets.front().validation_loss[0] ==
          Approx(net.validation_loss.back()).epsilon(1e-6));
}

TEST_CASE("dropout is for the steps of a training only", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = averaged(folder);
    request.training.engine = Engine::autograd;
    request.training.learning_rate = 1e-30;
    const TrainedNet plain = result_of(request).nets.front();
    request.training.dropout = 0.5;
    const TrainedNet dropped = result_of(request).nets.front();

    CHECK(dropped.row == plain.row);
    CHECK(dropped.validation_loss == plain.validation_loss);
    CHECK(dropped.quality == plain.quality);
    CHECK(std::abs(dropped.training_loss[0] - plain.training_loss[0]) > 1e-4);
    CHECK(dropped.training_loss[0] != dropped.training_loss[1]);  // other masks
}

TEST_CASE("a mask leaves out its share of the units, each by itself", "[trainer]") {
    const at::Tensor like = at::zeros({2, 500, 7});
    const std::vector<std::uint64_t> keys{dropout_key(5, 0), dropout_key(5, 1)};

    const at::Tensor mask = dropout_mask(0.25, keys, 1, like);

    const double left_out = (mask == 0).to(at::kDouble).mean().item<double>();
    CHECK(left_out == Approx(0.25).margin(5.0 * std::sqrt(0.25 * 0.75 / 7000.0)));
    CHECK((mask * (mask - 1.0 / 0.75)).abs().max().item<double>() < 1e-6);  // 0 or 4/3
    const std::vector<std::uint64_t> second{keys[1]};
    CHECK(at::equal(mask[1], dropout_mask(0.25, second, 1, like.narrow(0, 0, 1))[0]));
    CHECK(at::equal(mask.narrow(1, 0, 3), dropout_mask(0.25, keys, 1, like.narrow(1, 0, 3))));
    CHECK_FALSE(at::equal(mask[0], mask[1]));
    CHECK_FALSE(at::equal(mask, dropout_mask(0.25, keys, 2, like)));
}

/// Logits by plain loops over the layout, with a mask for each hidden layer.
std::vector<double> plain_logits(const Network& network,
                                 const at::Tensor& flat,
                                 const at::Tensor& x,
                                 const std::vector<at::Tensor>& masks) {
    const auto layout = parameter_layout(network);
    const auto value = [&](const std::string& name, std::size_t i) {
        for (const ParameterBlock& block : layout) {
            if (block.name != name) continue;
            const auto at = static_cast<std::int64_t>(block.offset - layout[2].offset + i);
            return flat[at].item<double>();
        }
        FAIL("no block " + name);
        return 0.0;
    };
    std::vector<double> logits;
    for (std::int64_t event = 0; event < x.size(0); ++event) {
        std::vector<double> y;
        for (std::int64_t i = 0; i < x.size(1); ++i) y.push_back(x[event][i].item<double>());
        for (std::size_t layer = 0; layer <= network.hidden.size(); ++layer) {
            const bool last = layer == network.hidden.size();
            const std::string name = "layer" + std::to_string(layer);
            std::vector<double> z(last ? 1 : network.hidden[layer]);
            for (std::size_t j = 0; j < z.size(); ++j) {
                z[j] = value(name + ".bias", j);
                for (std::size_t i = 0; i < y.size(); ++i) {
                    z[j] += value(name + ".weight", j * y.size() + i) * y[i];
                }
            }
            if (last) {
                logits.push_back(z[0]);
                break;
            }
            double mean = 0.0;
            double square = 0.0;
            for (const double v : z) mean += v / static_cast<double>(z.size());
            for (const double v : z)
                square += (v - mean) * (v - mean) / static_cast<double>(z.size());
            const bool adds = layer > 0 && z.size() == y.size();
            for (std::size_t j = 0; j < z.size(); ++j) {
                double v = (z[j] - mean) / std::sqrt(square + 1e-5);
                v = v * value(name + ".norm.gain", j) + value(name + ".norm.offset", j);
                v = v / (1.0 + std::exp(-v));
                v *= masks[layer][0][event][static_cast<std::int64_t>(j)].item<double>();
                z[j] = adds ? y[j] + v : v;
            }
            y = z;
        }
    }
    return logits;
}

TEST_CASE("with layer_norm and dropout logits are those of plain loops, and so the gradient",
          "[trainer]") {
    const Network network{
        .kind = NetworkKind::residual_mlp, .inputs = 2, .hidden = {3, 3}, .layer_norm = true};
    const auto options = at::TensorOptions().dtype(at::kDouble);
    const auto pack = make_net_pack(network, {.nets = 1, .capacity = 4, .dropout = 0.3}, options);
    auto generator = at::detail::createCPUGenerator(17);
    const at::Tensor flat =
        at::randn({static_cast<std::int64_t>(trainable_size(network))}, generator, options);
    pack->parameters()[0].copy_(flat);
    pack->parameters_changed();
    const at::Tensor x = at::randn({1, 4, 2}, generator, options);
    const std::vector<std::uint64_t> keys{77};
    pack->set_dropout(keys);
    std::vector<at::Tensor> masks;
    for (const std::size_t layer : {0, 1}) {
        masks.push_back(dropout_mask(0.3, keys, layer, at::zeros({1, 4, 3}, options)));
    }
    REQUIRE((masks[0] == 0).any().item<bool>());

    const at::Tensor logits = pack->forward(x).clone();
    const at::Tensor slope = at::randn({1, 4}, generator, options);
    pack->backward(x, slope);

    const auto sum = [&](const at::Tensor& parameters) {
        double total = 0.0;
        const auto plain = plain_logits(network, parameters, x[0], masks);
        for (std::size_t i = 0; i < plain.size(); ++i) {
            total += plain[i] * slope[0][static_cast<std::int64_t>(i)].item<double>();
        }
        return total;
    };
    const auto plain = plain_logits(network, flat, x[0], masks);
    for (std::int64_t i = 0; i < 4; ++i) {
        CHECK(logits[0][i].item<double>() ==
              Approx(plain[static_cast<std::size_t>(i)]).epsilon(1e-12));
    }
    for (std::int64_t i = 0; i < flat.size(0); ++i) {
        at::Tensor up = flat.clone();
        at::Tensor down = flat.clone();
        up[i] += 1e-6;
        down[i] -= 1e-6;
        REQUIRE(pack->gradient()[0][i].item<double>() ==
                Approx((sum(up) - sum(down)) / 2e-6).epsilon(1e-6).margin(1e-8));
    }
}

TEST_CASE("log_features undoes an exponential", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 500);
    const TrainedNet plain = result_of(request).nets.front();
    const auto exponential = [&](ClassComponent& component, double mean, std::uint64_t first) {
        auto sample = test::normal_sample(component.sample.sample, 500, mean, 1, first);
        sample.name += "_exp";
        for (float& x : sample.features) x = std::copysign(std::expm1(std::abs(x)), x);
        component.sample = test::write_sample(folder, sample);
    };
    exponential(request.numerator[0], 0.5, 0);
    exponential(request.denominator[0], -0.5, 1'000'000);
    request.network.log_features = true;

    const TrainedNet net = result_of(request).nets.front();

    REQUIRE(net.validation_loss.size() == plain.validation_loss.size());
    for (std::size_t epoch = 0; epoch < net.validation_loss.size(); ++epoch) {
        CHECK(net.validation_loss[epoch] == Approx(plain.validation_loss[epoch]).epsilon(1e-4));
    }
}

TEST_CASE("a scaling by quantiles knows median and width, and no outlier", "[trainer]") {
    std::vector<float> values;
    std::vector<double> weights;
    for (int i = 0; i <= 1000; ++i) {
        values.push_back(static_cast<float>(i));
        weights.push_back(i <= 600 ? 1.0 : 0.5);  // 601 + 200: the median is 400
    }
    const std::vector<std::uint32_t> column{0};
    const FeatureScaling plain = feature_scaling({values, weights, column}, Scaling::quantile);
    values.back() = 1e9F;
    const FeatureScaling outlier = feature_scaling({values, weights, column}, Scaling::quantile);

    CHECK(plain.shift[0] == 400.0F);
    // 0.15866 and 0.84134 of the weight: 127.1 and 673.9, that is at 127 and 600 + 72.9 / 0.5.
    CHECK(plain.scale[0] == Approx(2.0 / (746.0 - 127.0)));
    CHECK(outlier == plain);
}

TEST_CASE("where the central values agree a scaling by quantiles takes the deviation",
          "[trainer]") {
    std::vector<float> values(100, 3.0F);
    values[7] = 13.0F;
    const std::vector<double> weights(100, 1.0);
    const std::vector<std::uint32_t> column{0};

    const FeatureScaling scaling = feature_scaling({values, weights, column}, Scaling::quantile);

    CHECK(scaling.shift[0] == 3.0F);
    CHECK(scaling.scale[0] == Approx(1.0 / std::sqrt(100.0 * 0.01 * 0.99)));
}

TEST_CASE("a written step knows neither dropout nor layer_norm", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.training.engine = Engine::written;
    SECTION("dropout") {
        request.training.dropout = 0.1;
        CHECK(contains(message_of([&] { run(request); }),
                       "no written-out step for training.dropout"));
    }
    SECTION("layer_norm") {
        request.network.layer_norm = true;
        CHECK(contains(message_of([&] { run(request); }),
                       "no written-out step for network.layer_norm"));
    }
}

TEST_CASE("a checkpoint of version 2, before there were averages, is continued", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder, 300);
    result_of(request);
    const auto whole = read_file(request.result_path);
    run(request, [](std::uint64_t now) { return now == 5 ? TaskOrder::stop : TaskOrder::go_on; });
    auto bytes = read_file(request.state_path);
    REQUIRE(std::to_integer<int>(bytes[8]) == 3);
    constexpr std::size_t head = 8 + 4 + 4 + 16 + 8 + 4;
    bytes.resize(bytes.size() - 8);  // without the number of averages
    const std::uint64_t size = bytes.size() - head;
    const std::uint32_t crc = crc32(std::span(bytes).subspan(head));
    bytes[8] = std::byte{2};
    std::memcpy(bytes.data() + 32, &size, sizeof size);
    std::memcpy(bytes.data() + 40, &crc, sizeof crc);
    publish(request.state_path, std::span<const std::byte>(bytes));
    std::filesystem::remove(request.result_path);

    ScriptedControl control;
    const TrainerOutcome outcome = train(request, DeviceKind::cpu, control, Log());

    CHECK(outcome.result->resumed);
    CHECK((read_file(request.result_path) == whole));
}

}  // namespace
}  // namespace ratiofarm::trainer
