// Batches of packs against the table that they are made of.

#include <algorithm>
#include <filesystem>
#include <set>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/net_pack.hpp"
#include "workers/trainer/events/pack_batches.hpp"
#include "workers/trainer/tasks/initial_row.hpp"
#include "workers/trainer/tasks/table_tensor.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::uint64_t rows = 103;

/// Two features and two draws of weights that tell row and column.
TrainingRows numbered_table() {
    TrainingRows table{.rows = rows, .inputs = 2, .features = {}, .weights = {}};
    for (std::uint64_t row = 0; row < rows; ++row) {
        table.features.push_back(static_cast<float>(row));
        table.features.push_back(1000.0F + static_cast<float>(row));
    }
    for (const float draw : {0.0F, 10000.0F}) {
        for (std::uint64_t row = 0; row < rows; ++row) {
            table.weights.push_back(draw + static_cast<float>(row));
            table.weights.push_back(draw + 0.5F + static_cast<float>(row));
        }
    }
    return table;
}

std::vector<TableReader> three_readers() {
    return {{.scaling = {{0.0F, 0.0F}, {1.0F, 1.0F}}, .draw = 0, .shuffle_seed = 5},
            {.scaling = {{3.0F, 1000.0F}, {0.5F, 2.0F}}, .draw = 1, .shuffle_seed = 6},
            {.scaling = {{0.0F, 0.0F}, {1.0F, 1.0F}}, .draw = 0, .shuffle_seed = 5}};
}

/// All of an epoch: [batches][features, positive, total], each flat.
std::vector<std::vector<float>> epoch_of(PackBatches& batches) {
    std::vector<std::vector<float>> all;
    for (std::uint64_t index = 0; index < batches.count(); ++index) {
        const Batch batch = batches.batch(index);
        for (const at::Tensor* part : {batch.features, batch.positive, batch.total}) {
            all.push_back(copy_from(part->contiguous().view({-1})));
        }
    }
    return all;
}

TEST_CASE("each net reads each row once an epoch, in the order of its seed", "[trainer]") {
    const TrainingRows table = numbered_table();
    PackBatches batches(table, three_readers(), 25, DeviceKind::cpu,
                        GENERATE(TablePlace::host, TablePlace::device));
    REQUIRE(batches.count() == 5);
    const std::uint32_t epoch = 3;

    batches.shuffle(epoch);

    std::vector<std::vector<float>> order(3);
    for (std::uint64_t index = 0; index < 5; ++index) {
        const Batch batch = batches.batch(index);
        const std::int64_t events = index < 4 ? 25 : 3;
        REQUIRE(batch.features->sizes() == at::IntArrayRef({3, events, 2}));
        REQUIRE(batch.total->sizes() == at::IntArrayRef({3, events}));
        for (const std::int64_t net : {0, 1, 2}) {
            for (std::int64_t event = 0; event < events; ++event) {
                order[static_cast<std::size_t>(net)].push_back(
                    (*batch.total)[net][event].item<float>() - 0.5F);
            }
        }
    }
    for (std::uint64_t place = 0; place < rows; ++place) {
        const auto expected = [&](std::uint64_t seed) {
            return static_cast<float>(Permutation(rows, mix64(seed ^ mix64(epoch)))(place));
        };
        REQUIRE(order[0][place] == expected(5));
        REQUIRE(order[1][place] == 10000.0F + expected(6));
        REQUIRE(order[2][place] == expected(5));
    }
    CHECK(std::set<float>(order[1].begin(), order[1].end()).size() == rows);
}

TEST_CASE("features are scaled for each net and stand beside their weights", "[trainer]") {
    const TrainingRows table = numbered_table();
    PackBatches batches(table, three_readers(), 40, DeviceKind::cpu,
                        GENERATE(TablePlace::host, TablePlace::device));

    const Batch in_table_order = batches.batch(1);

    for (std::int64_t event = 0; event < 40; ++event) {
        const auto row = static_cast<float>(40 + event);
        REQUIRE((*in_table_order.features)[0][event][1].item<float>() == 1000.0F + row);
        REQUIRE((*in_table_order.features)[1][event][0].item<float>() == (row - 3.0F) * 0.5F);
        REQUIRE((*in_table_order.features)[1][event][1].item<float>() == row * 2.0F);
        REQUIRE((*in_table_order.positive)[1][event].item<float>() == 10000.0F + row);
        REQUIRE((*in_table_order.total)[2][event].item<float>() == row + 0.5F);
    }
}

TEST_CASE("the bits of a batch do not depend on where the table lies", "[trainer]") {
    TrainingRows table = numbered_table();
    PhiloxSequence random(8);
    for (float& value : table.features) value = static_cast<float>(91.0 + random.normal());
    auto readers = three_readers();
    readers[1].scaling = {{91.001F, 90.98F}, {1.0012F, 0.998F}};
    PackBatches host(table, readers, 25, DeviceKind::cpu, TablePlace::host);
    PackBatches device(table, readers, 25, DeviceKind::cpu, TablePlace::device);
    REQUIRE(host.place() == TablePlace::host);
    REQUIRE(device.place() == TablePlace::device);

    for (const std::uint32_t epoch : {0U, 1U}) {
        host.shuffle(epoch);
        device.shuffle(epoch);
        CHECK(epoch_of(host) == epoch_of(device));
    }
}

/// Gradient of the mean loss of all training events by the weights of one net, in double.
at::Tensor full_batch_gradient(const TrainRequest& request) {
    const TrainingEvents events = load_training_events(request);
    const auto all = static_cast<std::int64_t>(events.training.rows);
    PackBatches batches(events.training, {{.scaling = events.scaling}}, all, DeviceKind::cpu);
    const Batch batch = batches.batch(0);
    const auto options = at::TensorOptions(at::kDouble);
    const auto pack = make_net_pack(request.network, {.nets = 1, .capacity = all}, options);
    CrossEntropy loss(1, all, options);
    const auto row = initial_row(request.network, 3, events.scaling.shift, events.scaling.scale);
    pack->parameters()[0].copy_(at::tensor(row).narrow(
        0, 2 * request.network.inputs, static_cast<std::int64_t>(trainable_size(request.network))));
    pack->parameters_changed();
    const at::Tensor features = batch.features->to(at::kDouble);
    pack->backward(features, loss.gradient(pack->forward(features), batch.positive->to(at::kDouble),
                                           batch.total->to(at::kDouble)));
    return pack->gradient()[0].clone();
}

TEST_CASE("merged rows have the gradient of a table with one row for each class", "[trainer]") {
    const test::TemporaryDirectory folder;
    TrainRequest merged = test::gaussian_request(folder, 1500, 2);
    merged.denominator[0].fraction = 0.4;
    merged.denominator.push_back({.sample = merged.numerator[0].sample, .fraction = 0.6});
    TrainRequest twin = merged;
    twin.denominator[1].sample.file = (folder / "copy").string();  // taken for other events
    std::filesystem::copy_file(merged.numerator[0].sample.file, folder / "copy");
    REQUIRE(load_training_events(merged).training.rows < load_training_events(twin).training.rows);

    const at::Tensor one = full_batch_gradient(merged);
    const at::Tensor other = full_batch_gradient(twin);

    CHECK((one - other).abs().max().item<double>() < 1e-6 * other.abs().max().item<double>());
}

}  // namespace
}  // namespace ratiofarm::trainer
