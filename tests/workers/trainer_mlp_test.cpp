// Oracle: LibTorch's autograd on the same parameters, written with other operations.

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/net_pack.hpp"
#include "workers/trainer/tasks/initial_row.hpp"
#include "workers/trainer/tasks/table_tensor.hpp"

namespace ratiofarm::trainer {
namespace {

Network small_network(Activation activation) {
    return {.inputs = 3, .hidden = {8, 5, 7}, .activation = activation};
}

at::Tensor oracle_activation(Activation activation, const at::Tensor& x) {
    switch (activation) {
        case Activation::relu: return at::relu(x);
        case Activation::silu: return x * at::sigmoid(x);
        case Activation::tanh: return at::tanh(x);
        case Activation::gelu: return at::gelu(x);
    }
    return x;
}

/// Logits [n] by plain expressions that autograd can follow.
at::Tensor oracle_logits(const Network& network, const at::Tensor& flat, const at::Tensor& x) {
    const auto layout = parameter_layout(network);
    const auto first = static_cast<std::int64_t>(layout[2].offset);
    at::Tensor value = x;
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        const auto outputs = static_cast<std::int64_t>(layout[block].shape[0]);
        const auto inputs = static_cast<std::int64_t>(layout[block].shape[1]);
        const auto at_offset = [&](std::uint64_t offset, std::int64_t size) {
            return flat.slice(0, static_cast<std::int64_t>(offset) - first,
                              static_cast<std::int64_t>(offset) - first + size);
        };
        const auto weight =
            at_offset(layout[block].offset, outputs * inputs).reshape({outputs, inputs});
        value = at::matmul(value, weight.t()) + at_offset(layout[block + 1].offset, outputs);
        if (block + 2 < layout.size()) value = oracle_activation(network.activation, value);
    }
    return value.squeeze(1);
}

struct Events {
    at::Tensor features, labels, weights;
};

Events some_events(const Network& network, std::int64_t n, at::ScalarType type) {
    auto generator = at::detail::createCPUGenerator(17);
    const auto options = at::TensorOptions().dtype(type);
    return {at::randn({n, std::int64_t{network.inputs}}, generator, options),
            at::bernoulli(at::full({n}, 0.5, options), generator),
            at::randn({n}, generator, options) + 0.8};  // some are negative
}

/// A pack of one net with its first weights, for batches of up to 64 events.
std::unique_ptr<NetPack> one_net(const Network& network,
                                 PackUse use,
                                 const c10::TensorOptions& options) {
    auto pack = make_net_pack(network, {.nets = 1, .capacity = 64, .use = use}, options);
    const std::vector<float> unscaled(network.inputs, 1.0F);
    const auto row = initial_row(network, 23, unscaled, unscaled);
    copy_to(pack->parameters()[0], std::span(row).subspan(2 * network.inputs));
    pack->parameters_changed();
    return pack;
}

/// Largest difference of the two gradients, relative to the largest element.
double gradient_error(Activation activation, std::int64_t n, at::ScalarType type) {
    const Network network = small_network(activation);
    const auto options = at::TensorOptions().dtype(type);
    const auto pack = one_net(network, PackUse::train, options);
    CrossEntropy loss(1, 64, options);
    const Events events = some_events(network, n, type);

    const at::Tensor flat = pack->parameters()[0].clone().requires_grad_(true);
    const at::Tensor logits = oracle_logits(network, flat, events.features);
    const at::Tensor terms = -events.weights * (events.labels * at::log_sigmoid(logits) +
                                                (1 - events.labels) * at::log_sigmoid(-logits));
    terms.mean().backward();

    const at::Tensor inputs = events.features.unsqueeze(0);
    const at::Tensor total = events.weights.unsqueeze(0);
    const at::Tensor positive = (events.labels * events.weights).unsqueeze(0);
    const at::Tensor& own = pack->forward(inputs);
    loss.add(own, positive, total);
    pack->backward(inputs, loss.gradient(own, positive, total));
    const double scale = flat.grad().abs().max().item<double>();
    CHECK(loss.sums().front() == Approx(terms.sum().item<double>()).epsilon(1e-5));
    return (pack->gradient()[0] - flat.grad()).abs().max().item<double>() / scale;
}

TEST_CASE("the hand-written gradient is autograd's to fp64 rounding", "[trainer]") {
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);
    const auto events = GENERATE(1, 17, 64);

    CHECK(gradient_error(activation, events, at::kDouble) < 1e-13);
}

TEST_CASE("the hand-written gradient is autograd's to fp32 rounding", "[trainer]") {
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);

    CHECK(gradient_error(activation, 64, at::kFloat) < 1e-5);
}

TEST_CASE("a smaller batch after a full one leaves nothing of it behind", "[trainer]") {
    const Network network = small_network(Activation::silu);
    const Events events = some_events(network, 64, at::kFloat);
    const at::Tensor all = events.features.unsqueeze(0);
    const at::Tensor few = all.narrow(1, 0, 9);
    const at::Tensor few_gradient = events.weights.unsqueeze(0).narrow(1, 0, 9);
    const auto fresh = one_net(network, PackUse::train, at::kFloat);
    const auto used = one_net(network, PackUse::train, at::kFloat);

    used->forward(all);
    used->backward(all, events.weights.unsqueeze(0));
    used->forward(few);
    used->backward(few, few_gradient);
    fresh->forward(few);
    fresh->backward(few, few_gradient);

    CHECK(at::equal(used->gradient(), fresh->gradient()));
}

TEST_CASE("evaluating gives the logits of the training pass", "[trainer]") {
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);
    const Network network = small_network(activation);
    const Events events = some_events(network, 64, at::kFloat);
    const at::Tensor inputs = events.features.unsqueeze(0);
    const auto training = one_net(network, PackUse::train, at::kFloat);
    const auto evaluating = one_net(network, PackUse::evaluate, at::kFloat);

    CHECK(at::equal(training->forward(inputs), evaluating->forward(inputs)));
}

TEST_CASE("the first weights depend on the seed alone and have He's variance", "[trainer]") {
    const Network network{.inputs = 4, .hidden = {200, 300}, .activation = Activation::silu};
    const std::vector<float> shift(4, 0.5F);
    const std::vector<float> scale(4, 2.0F);

    const auto row = initial_row(network, 1, shift, scale);

    CHECK(row == initial_row(network, 1, shift, scale));
    CHECK(row != initial_row(network, 2, shift, scale));
    CHECK(row[0] == 0.5F);
    CHECK(row[4] == 2.0F);
    const ParameterBlock weight = parameter_layout(network)[4];
    REQUIRE(weight.name == "layer1.weight");
    double square = 0.0;
    for (std::uint64_t k = 0; k < weight.size(); ++k) {
        square += std::pow(static_cast<double>(row[weight.offset + k]), 2);
    }
    CHECK(square / static_cast<double>(weight.size()) == Approx(2.0 / 200.0).epsilon(0.02));
}

}  // namespace
}  // namespace ratiofarm::trainer
